"""Known recordings are recognised by their sound, and nothing else is."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from adapters.rehearsal.hearing.recognition import Recogniser
from domain.errors import PeerError
from tests.adapters.rehearsal.dialogue import CANDIDATE, recording

pytestmark = pytest.mark.simulated

ANSWERS = ["answer_1", "answer_2", "answer_3", "interruption", "uh_huh"]
SEED = 7


async def words(wave: np.ndarray, rate_hz: int = 16_000, folder: Path = CANDIDATE) -> str:
    """What the recogniser makes of a wave (float, full scale 1)."""
    pcm = (np.clip(wave, -1, 1) * 32767).astype("<i2").tobytes()
    with Recogniser([folder]) as recogniser:
        await recogniser.load()
        return await recogniser.transcribe(pcm, rate_hz)


def wave_of(name: str) -> np.ndarray:
    """A recording as floats."""
    return np.frombuffer(recording(name), "<i2") / 32768


def text_of(name: str) -> str:
    """A recording's words."""
    return (CANDIDATE / f"{name}.txt").read_text().strip()


def noise(length: int, level: float) -> np.ndarray:
    """White noise, the same at every run."""
    return np.random.default_rng(SEED).standard_normal(length) * level


@pytest.mark.parametrize("name", ANSWERS)
async def test_a_recording_is_recognised_after_what_a_line_does_to_it(name: str) -> None:
    """Given a recording, when it was resampled, is quieter, late, in silence or in noise, then its
    words are found."""
    wave = wave_of(name)
    resampled = soxr.resample(soxr.resample(wave, 16_000, 48_000), 48_000, 16_000)
    telephone = soxr.resample(soxr.resample(wave, 16_000, 8_000), 8_000, 16_000)
    late = np.concatenate([np.zeros(83), wave])
    padded = np.concatenate([np.zeros(8_000), wave, np.zeros(8_000)])
    noisy = wave + noise(len(wave), np.sqrt(np.mean(wave**2)) / 10 ** (25 / 20))
    for heard in (wave, resampled, telephone, wave / 10, np.clip(wave * 3, -1, 1), late, padded, noisy):
        assert await words(heard) == text_of(name)


async def test_a_recording_is_recognised_at_the_clients_own_rate() -> None:
    """Given 48 kHz audio, when it is transcribed, then the words are the same."""
    assert await words(soxr.resample(wave_of("answer_3"), 16_000, 48_000), 48_000) == text_of("answer_3")


async def test_only_the_words_of_the_heard_stretch_are_given() -> None:
    """Given a start in the middle or an early end, when it is transcribed, then the missing words
    are missing."""
    wave = wave_of("answer_1")
    assert await words(wave[: 16 * 2_900]) == "This is the acoustic corpus. I'm talking pretty fast here."
    assert (await words(wave[16 * 2_700 :])).startswith("There's nothing going")


async def test_a_recording_split_over_windows_gives_each_its_words() -> None:
    """Given an answer cut into three, when each part is transcribed, then together they are the
    answer."""
    wave = wave_of("answer_1")
    edges = [0, 16 * 2_610, 16 * 4_250, len(wave)]
    parts = [await words(wave[start:end]) for start, end in pairwise(edges)]

    assert " ".join(parts) == text_of("answer_1")


async def test_several_recordings_in_one_window_are_recognised_separately() -> None:
    """Given two recordings with a pause between, when they are transcribed, then both texts come,
    in order."""
    wave = np.concatenate([wave_of("answer_2"), np.zeros(4_000), wave_of("interruption")])
    assert await words(wave) == f"{text_of('answer_2')} {text_of('interruption')}"


async def test_what_is_unknown_is_not_taken_for_something_known() -> None:
    """Given noise, a tone, speech played backwards, or silence, then only its length is said."""
    tone = np.sin(np.arange(32_000) * 2 * np.pi * 440 / 16_000) / 4
    backwards = wave_of("answer_1")[::-1]
    for wave in (noise(32_000, 0.1), tone, backwards, np.zeros(32_000)):
        assert await words(wave) == f"[rehearsal: {len(wave) / 16_000:.1f} s of speech]"


async def test_words_without_times_are_spread_over_the_recording(tmp_path: Path) -> None:
    """Given only a text beside a WAV file, when its second half is heard, then the second half of
    the words comes."""
    soundfile.write(tmp_path / "answer.wav", wave_of("answer_1"), 16_000)
    (tmp_path / "answer.txt").write_text(text_of("answer_1"))
    wave = wave_of("answer_1")

    assert await words(wave, folder=tmp_path) == text_of("answer_1")
    assert (await words(wave[len(wave) // 2 :], folder=tmp_path)).endswith("errors, but who cares.")


async def test_word_times_are_read_from_json(tmp_path: Path) -> None:
    """Given a JSON list of words, when the recording is heard, then they are its words."""
    soundfile.write(tmp_path / "answer.flac", wave_of("uh_huh"), 16_000)
    (tmp_path / "answer.json").write_text('[{"start_s": 0.0, "end_s": 0.45, "word": "Mhm."}]')

    assert await words(wave_of("uh_huh"), folder=tmp_path) == "Mhm."


async def test_wrong_recordings_say_what_to_do(tmp_path: Path) -> None:
    """Given a folder that is missing or words that are not readable, when it is loaded, then the
    error says so."""
    soundfile.write(tmp_path / "answer.wav", wave_of("uh_huh"), 16_000)
    (tmp_path / "answer.tsv").write_text("start_s\tend_s\tword\n0.0\tlate\tMhm\n")
    with pytest.raises(PeerError, match="Correct the words"):
        await words(np.zeros(10), folder=tmp_path)
    with pytest.raises(PeerError, match="no folder of recordings"):
        await words(np.zeros(10), folder=tmp_path / "missing")
