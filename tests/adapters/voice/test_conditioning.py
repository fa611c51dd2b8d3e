"""What the network is given to hear: voices 12 dB louder, rumble gone."""

import numpy as np
import pytest
from numpy.typing import NDArray

from adapters.voice.conditioning import TAPS, conditioned


def gain_db(frequency_hz: float) -> float:
    """What becomes of a faint tone, in dB."""
    tone = (0.05 * np.sin(2 * np.pi * frequency_hz * np.arange(16_000) / 16_000)).astype(np.float32)
    return float(20 * np.log10(np.std(conditioned(tone)) / np.std(tone)))


@pytest.mark.parametrize("frequency_hz", [300, 1_000, 7_000])
def test_a_voice_is_raised_by_12_db(frequency_hz: int) -> None:
    """Flat over the band of speech."""
    assert gain_db(frequency_hz) == pytest.approx(12.04, abs=0.15)


def test_the_cutoff_is_at_100_hz() -> None:
    """3 dB down there, and 12 dB for each octave below."""
    assert gain_db(100) == pytest.approx(12.04 - 3, abs=0.2)
    assert gain_db(25) == pytest.approx(12.04 - 24, abs=0.7)


def test_a_constant_offset_is_gone() -> None:
    """A microphone's offset is 55 dB down at least."""
    assert np.abs(conditioned(np.full(2_000, 0.2, np.float32))).max() < 0.2 * 4 * 10 ** (-55 / 20)


def test_the_loudest_is_clipped() -> None:
    """Nothing leaves -1..1, whatever came in."""
    noise: NDArray[np.float32] = np.random.default_rng(7).uniform(-1, 1, 4_000).astype(np.float32)

    assert np.abs(conditioned(noise)).max() == 1


def test_the_result_does_not_depend_on_where_it_was_cut() -> None:
    """With its 255 samples of history a stretch is conditioned as it is within the whole."""
    noise = np.random.default_rng(8).normal(0, 0.05, 3_000).astype(np.float32)

    part = conditioned(noise[1_000 - (TAPS - 1) : 2_000])

    assert np.allclose(part, conditioned(noise)[1_000 - (TAPS - 1) : 2_000 - (TAPS - 1)], atol=1e-6)
