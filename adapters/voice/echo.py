"""What of the interviewer's own voice may be in the candidate's microphone, and how far a frame is
above it.

What was played is known, frame by frame; how much of it leaks is not, and differs from headphones
to loudspeakers by 60 dB. So the leak is learned, in bands: it sinks quickly towards what the
microphone shows while the interviewer speaks and the candidate does not, and rises where the
microphone's loudness moves as the interviewer's does, which a candidate's does not. Until the first
half second has been played a leak of -12 dB is assumed: more than browsers let through, less than a
candidate who wants to be heard.

The two clocks agree: a report of the client's travels as long as its audio does, so a frame that
arrives live was recorded when what is reported as heard now was heard; of frames that were held up
and come all at once, whoever feeds the gauge sets each beside its own 20 ms. What is left (the
sound card, the room, a late report) is covered by looking at the loudest of the last 300 ms.
"""

from functools import cache
from math import log10

import numpy as np
from numpy.typing import NDArray

from domain.ports.voice import EchoGauge
from domain.sound.features import NOTHING_PLAYED, quantise_over_echo
from domain.sound.rates import MODEL_RATE_HZ, SAMPLE_RATE_HZ

_BANDS_HZ = (150, 250, 350, 500, 650, 800, 1_000, 1_300, 1_700, 2_200, 2_900, 3_800, 5_000)
_TRANSFORM = 512
_SMEARED_FRAMES = 16
_COMPARED_FRAMES = 40
_MOST_LAG_FRAMES = 14
_LEAK_AT_FIRST_DB = -12.0
_LEAST_LEAK_DB, _MOST_LEAK_DB = -60.0, 6.0
_SILENT_DB = -75.0
"""What is played below this is a pause, and what is recorded below is taken for it."""
_LAGS = np.arange(_MOST_LAG_FRAMES + 1)[:, None] + np.arange(_COMPARED_FRAMES)
"""The frames that are compared, for each delay."""
_ALIKE = 0.85
"""Correlation of the two loudnesses from which the microphone is taken to follow the interviewer."""
_RISES, _SINKS = 0.15, 0.03

Bands = NDArray[np.float64]


def _edges(rate_hz: int) -> NDArray[np.intp]:
    return np.round(np.array(_BANDS_HZ) * _TRANSFORM / rate_hz).astype(np.intp)


_MICROPHONE_EDGES, _PLAYED_EDGES = _edges(SAMPLE_RATE_HZ), _edges(MODEL_RATE_HZ)
_NOTHING = np.full(len(_BANDS_HZ) - 1, _SILENT_DB)


@cache
def _window(length: int) -> tuple[Bands, float]:
    """A window of at most 512 samples, and its power."""
    window = np.hanning(length)
    return window, window.dot(window)


def _band_db(pcm: bytes, edges: NDArray[np.intp]) -> Bands:
    """The level of each band in dB of full scale; of more than 512 samples the newest count."""
    samples = np.frombuffer(pcm, "<i2")[-_TRANSFORM:] / 32_768
    window, window_power = _window(len(samples))
    spectrum = np.fft.rfft(samples * window, _TRANSFORM)
    power = (spectrum.real**2 + spectrum.imag**2) / (window_power * _TRANSFORM / 2)
    summed = np.add.reduceat(power, edges)[:-1]
    level: Bands = np.maximum(10 * np.log10(summed + 1e-12), _SILENT_DB)
    return level


def _total_db(bands: Bands) -> float:
    return 10 * log10(np.add.reduce(10 ** (bands / 10)))


class _Newest:
    """The newest rows of an endless table, as one array: a copy now and then, and none for each
    look."""

    __slots__ = ("_end", "_most", "_rows")

    def __init__(self, most: int, *columns: int) -> None:
        self._most = most
        self._rows = np.empty((16 * most, *columns))
        self._end = 0

    def append(self, row: Bands | float) -> None:
        if self._end == len(self._rows):
            self._rows[: self._most] = self._rows[-self._most :]
            self._end = self._most
        self._rows[self._end] = row
        self._end += 1

    def all(self) -> Bands:
        """The oldest first."""
        newest: Bands = self._rows[max(0, self._end - self._most) : self._end]
        return newest

    def clear(self) -> None:
        self._end = 0


class LearningEchoGauge(EchoGauge):
    """One call's. Feed it, for each frame of the microphone, what has been played since the one
    before."""

    def __init__(self) -> None:
        self._leak_db = np.full(len(_BANDS_HZ) - 1, _LEAK_AT_FIRST_DB)
        self._played = _Newest(_SMEARED_FRAMES, len(_NOTHING))
        self._heard = _Newest(_SMEARED_FRAMES, len(_NOTHING))
        self._played_db = _Newest(_COMPARED_FRAMES + _MOST_LAG_FRAMES)
        self._heard_db = _Newest(_COMPARED_FRAMES)
        self._silent_frames = _SMEARED_FRAMES

    def over_echo(self, frame: bytes, played: bytes) -> int:
        """How far `frame` (16 kHz PCM16) is above the leak, quantised; `NOTHING_PLAYED` if nothing
        can leak now.

        `played` is what was played since the last frame: PCM16 at 24 kHz of any length, empty for
        nothing.
        """
        self._silent_frames = 0 if len(played) >= 2 * 64 else self._silent_frames + 1
        if self._silent_frames >= _SMEARED_FRAMES:
            self._forget_sound()
            return NOTHING_PLAYED
        played_bands = _NOTHING if self._silent_frames else _band_db(played, _PLAYED_EDGES)
        heard_bands = _band_db(frame, _MICROPHONE_EDGES)
        self._played.append(played_bands)
        self._heard.append(heard_bands)
        heard_db = _total_db(heard_bands)
        self._played_db.append(_total_db(played_bands))
        self._heard_db.append(heard_db)
        loudest = np.maximum.reduce(self._played.all())
        self._learn(np.maximum.reduce(self._heard.all()), loudest)
        expected = self._leak_db + loudest
        explained = _total_db(np.minimum(heard_bands, expected))
        return quantise_over_echo(heard_db - explained)

    def _forget_sound(self) -> None:
        for newest in (self._played, self._heard, self._played_db, self._heard_db):
            newest.clear()

    def _learn(self, heard: Bands, loudest: Bands) -> None:
        audible = loudest > _SILENT_DB + 15
        above = np.minimum(np.maximum(heard - loudest, _LEAST_LEAK_DB), _MOST_LEAK_DB) - self._leak_db
        may_rise = (audible & (above > 0)).any()
        rate = np.where(above < 0, _SINKS, _RISES if may_rise and self._follows() else 0.0)
        self._leak_db += np.where(audible, rate * above, 0.0)

    def _follows(self) -> bool:
        """Whether the microphone's loudness moves as the interviewer's did a moment before."""
        heard = self._heard_db.all()
        if len(heard) < _COMPARED_FRAMES:
            return False
        heard = heard - np.add.reduce(heard) / _COMPARED_FRAMES
        before = self._played_db.all()
        played = before[_LAGS[: len(before) - _COMPARED_FRAMES + 1]]
        played -= np.add.reduce(played, axis=1, keepdims=True) / _COMPARED_FRAMES
        norms = np.sqrt(np.add.reduce(played**2, axis=1) * heard.dot(heard))
        return bool(np.maximum.reduce(played @ heard / np.maximum(norms, 1e-9)) > _ALIKE)
