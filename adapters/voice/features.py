"""From samples to their quantised loudness. The laws of quantisation are
`domain.sound.features`'."""

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from domain.sound.features import quantise_level
from domain.sound.frames import FrameLengthError
from domain.sound.rates import FRAME_BYTES

_FULL_SCALE = 32_768.0
_FULL_SCALE_ENERGY = _FULL_SCALE**2
_CLIPPED = 32_767
"""A sample of this size or more, of either sign, is at full scale."""


def samples_of(pcm: bytes | bytearray) -> NDArray[np.float32]:
    """Whole samples of PCM16 little-endian as floats in -1..1, as networks like them."""
    return np.frombuffer(pcm, "<i2").astype(np.float32) * np.float32(1 / _FULL_SCALE)


def loudness_of(pcm: bytes) -> tuple[int, int, int]:
    """Level, peak and clipped samples, as of `FrameFeatures`, of PCM16 little-endian of any length.

    All 0 for digital silence, and for no sound at all. Energies are summed in double precision,
    exactly: the same sound gives the same values on every machine.
    """
    samples = np.frombuffer(pcm, "<i2").astype(np.float64)
    energy = float(samples.dot(samples))
    if not energy:
        return 0, 0, 0
    peak = max(samples.item(samples.argmax()), -samples.item(samples.argmin()))
    clipped = int(np.count_nonzero(np.abs(samples) >= _CLIPPED)) if peak >= _CLIPPED else 0
    return quantise_level(10 * math.log10(energy / (len(samples) * _FULL_SCALE_ENERGY))), _peak_level(peak), clipped


@cache
def _peak_level(peak: float) -> int:
    return quantise_level(20 * math.log10(peak / _FULL_SCALE))


def frame_loudness(frame: bytes) -> tuple[int, int, int]:
    """`loudness_of` one frame. Raises `FrameLengthError`."""
    if len(frame) != FRAME_BYTES:
        raise FrameLengthError(len(frame))
    return loudness_of(frame)
