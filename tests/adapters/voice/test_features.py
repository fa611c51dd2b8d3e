"""Levels: the three bytes of a frame, their laws and their inverses."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.voice.features import level_of, samples_of
from domain.sound.features import VOICE_NOT_MEASURED, level_dbfs, quantise_level, quantise_voice, voice_probability
from domain.sound.frames import FrameLengthError


@pytest.mark.parametrize(
    ("sample", "level"),
    [(0, 0), (-32_768, 255), (16_384, 243), (3_277, 215), (1, 74)],
    ids=["silence", "0 dBFS", "-6 dBFS", "-20 dBFS", "-90.3 dBFS"],
)
def test_a_constant_frame_has_the_level_of_its_sample(sample: int, level: int) -> None:
    """Half a decibel a step, 255 at full scale."""
    assert level_of(np.full(320, sample, "<i2").tobytes()) == level


def test_the_faintest_sound_is_not_silence() -> None:
    """0 means digital silence and nothing else: one sample of one in a frame is above it."""
    assert level_of(b"\1\0" + bytes(638)) > 0


def test_a_sine_at_full_scale_is_3_db_below_it() -> None:
    """The level is a root mean square."""
    sine = np.round(32_767 * np.sin(2 * np.pi * 1000 * np.arange(320) / 16_000)).astype("<i2")

    assert level_dbfs(level_of(sine.tobytes())) == pytest.approx(-3.01, abs=0.25)


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
        level_of(bytes(320))
