"""The recordings that detectors are held to: `fluent` and `hoarse` speech, labelled; `dishes` and
`office` noise."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
from numpy.typing import NDArray

from domain.ports.voice import VoiceDetector
from domain.sound.features import VOICE_NOT_MEASURED, FrameFeatures, quantise_voice
from domain.sound.rates import FRAME_BYTES, FRAME_MS

FOLDER = Path(__file__).parents[2] / "data" / "voice"


class Stretch(NamedTuple):
    """Speech without a pause of 0.3 s or more, in seconds of its recording."""

    start_s: float
    end_s: float


def samples(name: str) -> NDArray[np.int16]:
    """A recording's samples at 16 kHz."""
    pcm, rate_hz = soundfile.read(FOLDER / f"{name}.flac", dtype="int16")
    assert rate_hz == 16_000
    return pcm


def speech(name: str) -> list[Stretch]:
    """Where somebody speaks in a recording."""
    rows = (FOLDER / f"{name}.speech.tsv").read_text().splitlines()[1:]
    return [Stretch(*map(float, row.split("\t"))) for row in rows]


def features(detector: VoiceDetector, pcm: NDArray[np.int16]) -> list[FrameFeatures]:
    """What `detector` says about each whole frame."""
    data = pcm.tobytes()
    starts = range(0, len(data) - FRAME_BYTES + 1, FRAME_BYTES)
    return [detector.analyse(data[at : at + FRAME_BYTES]) for at in starts]


def voiced(heard: list[FrameFeatures]) -> list[bool]:
    """Which frames hold speech by the turn detector's word."""
    return [quantise_voice(0.5) <= frame.voice < VOICE_NOT_MEASURED for frame in heard]


def runs(flags: list[bool]) -> int:
    """How often `flags` turns from false to true."""
    return sum(now and not before for before, now in zip([False, *flags], flags, strict=False))


def onset_delays_ms(stretches: list[Stretch], flags: list[bool], *, offset_s: float = 0.0) -> list[float]:
    """Per stretch the time from its true start to the end of the first frame flagged in it;
    infinite if none is.

    A frame flagged up to 100 ms before counts as found early: labels are not exact, and breath is
    drawn before words.
    """
    delays = []
    for start_s, end_s in stretches:
        ends_ms = [1000 * (start_s + offset_s) - 100, 1000 * (end_s + offset_s)]
        found = ((at + 1) * FRAME_MS for at, flag in enumerate(flags) if flag)
        first = next((ms for ms in found if ends_ms[0] < ms < ends_ms[1]), float("inf"))
        delays.append(first - 1000 * (start_s + offset_s))
    return delays
