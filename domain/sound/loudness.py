"""How loud a segment of sound is, from the quantised loudness of its frames or chunks.

The core is handed each frame's and each chunk's loudness, so it scans no samples. The mean is one
of energies, each weighed by its samples, in whole numbers: it depends on nothing but the values.
"""

from collections.abc import Iterable
from math import log10
from typing import NamedTuple

from domain.sound.features import LEVEL_STEPS_PER_DB, quantise_level

_LOUDEST = 255
_FULL_SCALE_ENERGY = 10**15
_ENERGY = (
    0,
    *(round(_FULL_SCALE_ENERGY * 10 ** ((level - _LOUDEST) / LEVEL_STEPS_PER_DB / 10)) for level in range(1, 256)),
)
"""The energy of one sample by its level."""


class Loudness(NamedTuple):
    """`level` (mean energy), `peak` and `quietest` (the lowest level of a frame or chunk) are in the
    quantised unit of `FrameFeatures.level`; `clipped_samples` are at full scale."""

    level: int
    peak: int
    clipped_samples: int
    quietest: int


def loudness_of_frames(levels: bytes | bytearray, peaks: bytes | bytearray, clipped_samples: int) -> Loudness:
    """Of frames that all have the same length, at least one."""
    energy = sum(map(_ENERGY.__getitem__, levels))
    return Loudness(_mean_level(energy, len(levels)), max(peaks), clipped_samples, min(levels))


def loudness_of_chunks(chunks: Iterable[tuple[int, int, int, int]]) -> Loudness:
    """Of chunks of any length, at least one: each is (samples, level, peak, clipped)."""
    counts, levels, peaks, clipped = zip(*chunks, strict=True)
    energy = sum(count * _ENERGY[level] for count, level in zip(counts, levels, strict=True))
    return Loudness(_mean_level(energy, sum(counts)), max(peaks), sum(clipped), min(levels))


def _mean_level(energy: int, samples: int) -> int:
    """0 for digital silence, and for no sound at all."""
    return quantise_level(10 * log10(energy / (samples * _FULL_SCALE_ENERGY))) if energy else 0
