"""How a stretch of sound looks, so that it is found again in a recording: its spectrum over time,
without its level.

A patch of the spectrogram is slid along all recordings, and its correlation (mean of every frame
and band removed) tells where it is from. Gain cancels out, resampling and a little noise hardly
matter, and a patch needs not start where the recording does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from adapters.rehearsal.session.activity import INPUT_HZ

HOP_MS = 10
_HOP = INPUT_HZ * HOP_MS // 1000
_WINDOW, _FFT = 400, 512
_LOWEST_HZ, _HIGHEST_HZ, _BANDS = 150.0, 3_600.0, 20  # what a telephone-quality microphone still carries
_RANGE_DB = 25.0  # below the loudest band, noise is all there is
LONGEST_PATCH = 800 // HOP_MS
_FLAT = 25.0  # summed variance below which a patch has no shape to compare

Features = npt.NDArray[np.float32]


def features(wave: npt.NDArray[np.float32]) -> Features:
    """Band levels in dB (frames x bands, one frame every 10 ms) of a 16 kHz wave.

    They are floored below the loudest, and each frame is freed of its mean, so that only its timbre
    counts.
    """
    count = max(0, 1 + (len(wave) - _WINDOW) // _HOP)
    if not count:
        return np.zeros((0, _BANDS), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(wave, _WINDOW)[::_HOP][:count]
    power = np.abs(np.fft.rfft(frames * np.hanning(_WINDOW).astype(np.float32), _FFT)) ** 2
    bands = power @ _filters().T
    calm = (np.roll(bands, 1, axis=0) + bands + np.roll(bands, -1, axis=0)) / 3
    level = 10 * np.log10(calm + 1e-9)
    floored = np.maximum(level, level.max() - _RANGE_DB)
    shape: Features = (floored - floored.mean(axis=1, keepdims=True)).astype(np.float32)
    return shape


@dataclass(frozen=True, slots=True)
class Place:
    """Where a patch was found: frame `at` of recording `index`, and how alike they are (up to 1)."""

    index: int
    at: int
    likeness: float


class Atlas:
    """The features of all recordings, laid end to end with silence between them."""

    def __init__(self, recordings: Sequence[Features]) -> None:
        silence = np.zeros((LONGEST_PATCH, _BANDS), np.float32)
        laid = [silence, *(part for item in recordings for part in (item, silence, silence))]
        lengths = [len(item) + 2 * LONGEST_PATCH for item in recordings]
        self._starts = LONGEST_PATCH + np.cumsum([0, *lengths])[:-1]
        self._all = np.concatenate(laid)
        self._size = 1 << (len(self._all) + LONGEST_PATCH).bit_length()
        self._spectrum = np.fft.rfft(self._all, self._size, axis=0)
        zero = np.zeros((1, _BANDS))
        self._sums = np.concatenate([zero, np.cumsum(self._all, axis=0, dtype=np.float64)])
        self._squares = np.concatenate([zero, np.cumsum(self._all.astype(np.float64) ** 2, axis=0)])
        self._variance_of_longest = self._variance(LONGEST_PATCH)

    def find(self, patch: Features) -> Place | None:
        """The best place for `patch` of at most `LONGEST_PATCH` frames; None for a patch without
        shape."""
        length = len(patch)
        shape = patch - patch.mean(axis=0)
        energy = float((shape**2).sum())
        if energy < _FLAT * length or not len(self._starts):
            return None
        spectrum = np.fft.rfft(shape, self._size, axis=0)
        overlap = np.fft.irfft((self._spectrum * spectrum.conj()).sum(axis=1), self._size)
        variance = self._variance_of_longest if length == LONGEST_PATCH else self._variance(length)
        likeness = overlap[: len(variance)] / np.sqrt(energy * np.maximum(variance, _FLAT * length))
        best = int(np.argmax(likeness))
        index = int(np.searchsorted(self._starts - LONGEST_PATCH, best, side="right")) - 1
        return Place(index, best - int(self._starts[index]), float(likeness[best]))

    def _variance(self, length: int) -> npt.NDArray[np.float64]:
        sums = self._sums[length:] - self._sums[:-length]
        squares = self._squares[length:] - self._squares[:-length]
        total: npt.NDArray[np.float64] = (squares - sums**2 / length).sum(axis=1)
        return total


@cache
def _filters() -> npt.NDArray[np.float32]:
    """Triangular bands, evenly spaced on the mel scale (bands x FFT bins)."""
    mel = np.linspace(_mel(_LOWEST_HZ), _mel(_HIGHEST_HZ), _BANDS + 2)
    edges = 700 * (10 ** (mel / 2595) - 1)
    bins = np.fft.rfftfreq(_FFT, 1 / INPUT_HZ)
    rise = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    return np.maximum(0, np.minimum(rise, fall)).astype(np.float32)


def _mel(hz: float) -> float:
    return float(2595 * np.log10(1 + hz / 700))
