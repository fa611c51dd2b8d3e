"""How loud a segment of sound is, from the quantised loudness of its frames or chunks.

The core is handed each frame's and each chunk's loudness, so it scans no samples. The mean is one
of energies, each weighed by its samples, in whole numbers: it depends on nothing but the values.
"""

from math import log10
from typing import NamedTuple

from domain.sound.features import LEVEL_STEPS_PER_DB, quantise_level

LOUDEST = 255
_FULL_SCALE_ENERGY = 10**15
_ENERGY = (
    0,
    *(round(_FULL_SCALE_ENERGY * 10 ** ((level - LOUDEST) / LEVEL_STEPS_PER_DB / 10)) for level in range(1, 256)),
)
"""The energy of one sample by its level."""


class SegmentLoudness(NamedTuple):
    """`level` (mean energy), `peak` and `quietest` (the lowest level of a frame or chunk) are in the
    quantised unit of `FrameFeatures.level`; `clipped_samples` are at full scale."""

    level: int
    peak: int
    clipped_samples: int
    quietest: int


class LoudnessMeter:
    """Gathers the loudness of one segment."""

    __slots__ = ("_clipped", "_energy", "_peak", "_quietest", "_samples")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """A new segment begins."""
        self._energy = self._samples = self._peak = self._clipped = 0
        self._quietest = LOUDEST

    def add(self, samples: int, level: int, peak: int, clipped: int) -> None:
        """One more frame or chunk of `samples` samples."""
        self._energy += samples * _ENERGY[level]
        self._samples += samples
        self._clipped += clipped
        self._peak = max(self._peak, peak)
        self._quietest = min(self._quietest, level)

    def read(self) -> SegmentLoudness:
        """Of everything since the segment began; all 0 if there was nothing."""
        if not self._samples:
            return SegmentLoudness(0, 0, 0, 0)
        level = 0
        if self._energy:
            level = quantise_level(10 * log10(self._energy / (self._samples * _FULL_SCALE_ENERGY)))
        return SegmentLoudness(level, self._peak, self._clipped, self._quietest)
