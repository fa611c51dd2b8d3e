"""Levels: the bytes of a frame, their laws and their inverses."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.voice.features import frame_loudness, loudness_of, samples_of
from domain.sound.features import VOICE_NOT_MEASURED, level_dbfs, quantise_level, quantise_voice, voice_probability
from domain.sound.frames import FrameLengthError


@pytest.mark.parametrize(
    ("sample", "level"),
    [(0, 0), (-32_768, 255), (16_384, 243), (3_277, 215), (1, 74)],
    ids=["silence", "0 dBFS", "-6 dBFS", "-20 dBFS", "-90.3 dBFS"],
)
def test_a_constant_frame_has_the_level_of_its_sample(sample: int, level: int) -> None:
    """Half a decibel a step, 255 at full scale."""
    measured, peak, _ = frame_loudness(np.full(320, sample, "<i2").tobytes())
    assert (measured, peak) == (level, level)


def test_the_faintest_sound_is_not_silence() -> None:
    """0 means digital silence and nothing else: one sample of one in a frame is above it."""
    level, peak, _ = frame_loudness(b"\1\0" + bytes(638))
    assert 0 < level < peak


def test_a_sine_at_full_scale_is_3_db_below_it() -> None:
    """The level is a root mean square, the peak the largest sample."""
    sine = np.round(32_767 * np.sin(2 * np.pi * 1000 * np.arange(320) / 16_000)).astype("<i2")

    level, peak, _ = frame_loudness(sine.tobytes())
    assert level_dbfs(level) == pytest.approx(-3.01, abs=0.25)
    assert level_dbfs(peak) == 0


@pytest.mark.parametrize(
    ("samples", "clipped"),
    [([32_767, -32_768, -32_767, 32_766], 3), ([32_766] * 5, 0), ([], 0)],
    ids=["both rails", "just below", "no sound"],
)
def test_samples_at_full_scale_are_counted(samples: list[int], clipped: int) -> None:
    """Clients that scale by 32767 clip at -32767, others at -32768: both are full scale."""
    assert loudness_of(np.array(samples, "<i2").tobytes())[2] == clipped


@given(st.lists(st.integers(-32_768, 32_767), min_size=1))
def test_a_peak_is_never_below_the_level(samples: list[int]) -> None:
    """The largest sample is at least the root mean square, for sound of any length."""
    level, peak, clipped = loudness_of(np.array(samples, "<i2").tobytes())
    assert 0 <= level <= peak <= 255
    assert clipped <= len(samples)


@given(st.floats(-127.0, 0.0))
def test_a_level_comes_back_within_a_quarter_of_a_decibel(dbfs: float) -> None:
    """The inverse law inverts."""
    assert abs(level_dbfs(quantise_level(dbfs)) - dbfs) <= 0.25


@given(st.floats(allow_nan=False))
def test_every_level_and_probability_is_a_byte(value: float) -> None:
    """Whatever is measured, it fits; only "not measured" is 255 among the voices."""
    assert 0 <= quantise_level(value) <= 255
    assert 0 <= quantise_voice(value) < VOICE_NOT_MEASURED


@given(st.floats(0.0, 1.0))
def test_a_probability_comes_back_within_two_thousandths(probability: float) -> None:
    """The inverse law inverts."""
    back = voice_probability(quantise_voice(probability))

    assert back is not None
    assert abs(back - probability) <= 0.002


def test_the_ends_of_the_scales() -> None:
    """0 is minus infinity, and what was not measured has no probability."""
    assert level_dbfs(0) == -math.inf
    assert level_dbfs(255) == 0
    assert voice_probability(VOICE_NOT_MEASURED) is None
    assert voice_probability(254) == 1


def test_samples_are_floats_of_full_scale() -> None:
    """-32768 is -1."""
    floats = samples_of(np.full(320, -32_768, "<i2").tobytes())

    assert floats.dtype == np.float32
    assert floats.tolist() == [-1.0] * 320


def test_only_whole_frames_are_measured() -> None:
    """Half a frame is a bug of ours."""
    with pytest.raises(FrameLengthError, match="640 bytes, not 320"):
        frame_loudness(bytes(320))
