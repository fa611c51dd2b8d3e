"""The labels that delays are measured against: the labeller's edges, and the recordings shipped
with labels."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bench.labels import RATE, read_rows, stretches

TURNS = Path(__file__).parents[1] / "data" / "turns"
LABELLED = sorted(TURNS.glob("*/*.labels.tsv"))


def burst(start_s: float, end_s: float, hz: float, peak: float, seconds: float = 3.0) -> np.ndarray:
    """A tone between two moments, silence around it."""
    at = np.arange(int(seconds * RATE)) / RATE
    return np.where((at >= start_s) & (at < end_s), peak * np.sin(2 * np.pi * hz * at), 0.0).astype(np.float32)


@pytest.mark.parametrize("hz", [300, 1000, 5000])
def test_the_edges_of_a_sound_in_noise_are_found_to_ten_milliseconds(hz: float) -> None:
    """A murmur as well as a hiss, 20 dB above the noise of its recording."""
    noise = 0.003 * np.random.default_rng(3).standard_normal(3 * RATE).astype(np.float32)

    [(start, end)] = stretches(noise + burst(1.0, 1.8, hz, 0.1))

    assert start == pytest.approx(1.0, abs=0.010)
    assert end == pytest.approx(1.8, abs=0.010)


def test_a_gap_of_100_ms_is_a_pause_and_a_shorter_one_is_not() -> None:
    """A plosive's closure must not count as a place where a turn could have ended."""
    noise = 0.001 * np.random.default_rng(4).standard_normal(3 * RATE).astype(np.float32)

    close = stretches(noise + burst(0.5, 1.0, 400, 0.1) + burst(1.07, 1.5, 400, 0.1))
    apart = stretches(noise + burst(0.5, 1.0, 400, 0.1) + burst(1.13, 1.5, 400, 0.1))

    assert (len(close), len(apart)) == (1, 2)


@pytest.mark.parametrize("path", LABELLED, ids=[f"{path.parent.name}-{path.name.split('.')[0]}" for path in LABELLED])
def test_shipped_labels_fit_their_recording(path: Path) -> None:
    """Rows lie inside the sound; an answer begins and ends with its speech, whose stretches do not
    touch."""
    rows = read_rows(path)
    info = soundfile.info(path.with_name(path.name.replace(".labels.tsv", ".flac")))
    assert (info.samplerate, info.channels, info.subtype) == (RATE, 1, "PCM_16")
    assert rows
    assert max(row.end_s for row in rows) <= info.duration + 0.001

    for answer in (row for row in rows if row.label == "answer"):
        inside = [row for row in rows if row.label == "speech" and answer.start_s <= row.start_s < answer.end_s]
        assert (inside[0].start_s, inside[-1].end_s) == (answer.start_s, answer.end_s)
        assert all(later.start_s - earlier.end_s >= 0.0995 for earlier, later in pairwise(inside))


def test_no_speaker_is_both_tuned_on_and_tested_on() -> None:
    """Or the marks would be measured on voices that the numbers were made for."""
    heard = {
        half: {row.speaker for path in LABELLED if path.parent.name == half for row in read_rows(path) if row.speaker}
        for half in ("tune", "test")
    }

    assert heard["tune"]
    assert heard["test"]
    assert not heard["tune"] & heard["test"]
