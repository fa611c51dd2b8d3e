"""From a frame's samples to its quantised level. The laws of quantisation are
`domain.sound.features`'."""

import math

import numpy as np
from numpy.typing import NDArray

from domain.sound.features import quantise_level
from domain.sound.frames import FrameLengthError
from domain.sound.rates import FRAME_BYTES, FRAME_SAMPLES

_FULL_SCALE = 32_768.0
_FULL_SCALE_ENERGY = FRAME_SAMPLES * _FULL_SCALE**2


def samples_of(pcm: bytes | bytearray) -> NDArray[np.float32]:
    """Whole samples of PCM16 little-endian as floats in -1..1, as networks like them."""
    return np.frombuffer(pcm, "<i2").astype(np.float32) * np.float32(1 / _FULL_SCALE)


def level_of(frame: bytes) -> int:
    """The frame's root mean square as a byte, 0 (digital silence) to 255 (0 dBFS). Raises
    `FrameLengthError`.

    Summed in double precision, exactly: the same frame gives the same byte on every machine.
    """
    if len(frame) != FRAME_BYTES:
        raise FrameLengthError(len(frame))
    samples = np.frombuffer(frame, "<i2").astype(np.float64)
    energy = float(samples.dot(samples))
    return quantise_level(10 * math.log10(energy / _FULL_SCALE_ENERGY)) if energy > 0 else 0
