"""Brings the candidate's microphone, 8 to 48 kHz, to the 16 kHz that everything behind it works on.

A band-limited polyphase filter of our own, as time is what a barge-in is made of: libsoxr's stream works on blocks and
hands a 48 kHz microphone on up to 37 ms late, an 8 kHz one 115 ms; this one 3 to 5 ms, for a few times its cost.
Windowed-sinc low-pass (Kaiser, 80 dB), flat up to 7/8 of the smaller Nyquist frequency, gone from 9/8 of it on.

Output sample n lies exactly at input time n/16000 s, computed in integers, so nothing drifts however long the call.
Samples are made in groups of 32 whose place in the output is fixed: the result does not depend on how the input was
cut into chunks, to the bit.
"""

from functools import lru_cache
from math import ceil, gcd, pi

import numpy as np
from numpy.typing import NDArray

from adapters.voice.frames import RATE_HZ
from domain.errors import PeerError

LOWEST_HZ = 8_000
HIGHEST_HZ = 48_000

_GROUP = 32
_ATTENUATION_DB = 80.0
_MOST_STEPS = 128
"""Distinct sub-sample offsets of a group. Rates that microphones have need 1 to 20 and are exact; a rate that needs
more (47,999 Hz) is placed to the nearest 1/128 of an input sample, an error below -50 dB in the speech band."""


class Resampler:
    """One call's stream from `rate_hz` to 16 kHz, mono PCM16 little-endian on both sides. 16 kHz passes through.

    Raises `PeerError("bad_sample_rate")` for a rate outside 8000..48000 Hz.
    """

    def __init__(self, rate_hz: int) -> None:
        if not LOWEST_HZ <= rate_hz <= HIGHEST_HZ:
            raise PeerError(
                "bad_sample_rate",
                f"{rate_hz} Hz cannot be used: send audio sampled at {LOWEST_HZ} to {HIGHEST_HZ} Hz.",
            )
        self.rate_hz = rate_hz
        self._half = _half_taps(rate_hz)
        self._span = 2 * self._half + _reach(rate_hz)
        self._steps = _steps(rate_hz)
        self._clear()

    def _clear(self) -> None:
        self._waiting = np.zeros(self._half - 1, np.float32)  # silence before the first sample
        self._waiting_from = 1 - self._half
        self._taken = 0
        self._made = 0

    @property
    def delay_ms(self) -> float:
        """The longest time that a sample waits here: half the filter's length, and for its group to fill."""
        return 0.0 if self.rate_hz == RATE_HZ else 1000 * (self._span - self._half + 1) / self.rate_hz

    def push(self, pcm: bytes) -> bytes:
        """Take a chunk of any size; return what is ready, possibly nothing.

        Raises `PeerError("bad_audio")` if `pcm` ends within a sample; nothing was taken then.
        """
        if len(pcm) % 2:
            raise PeerError("bad_audio", "The audio ends within a sample: send an even number of bytes of PCM16.")
        if self.rate_hz == RATE_HZ:
            return pcm
        self._taken += len(pcm) // 2
        self._waiting = np.concatenate((self._waiting, np.frombuffer(pcm, "<i2").astype(np.float32)))
        return _pcm16(self._ready_groups())

    def flush(self) -> bytes:
        """The end of the stream, followed by silence; the resampler is as new afterwards.

        All output since the start together has exactly `ceil(samples taken * 16000 / rate_hz)` samples.
        """
        if self.rate_hz == RATE_HZ:
            return b""
        missing = -(-self._taken * RATE_HZ // self.rate_hz) - self._made
        self._waiting = np.concatenate((self._waiting, np.zeros(2 * self._span, np.float32)))
        pcm = _pcm16(self._ready_groups())[: 2 * missing]
        self._clear()
        return pcm

    def _ready_groups(self) -> list[NDArray[np.float32]]:
        """Make every group whose input is complete: its first output lies at `whole` + `step` / `steps` samples."""
        rate_hz, steps, span = self.rate_hz, self._steps, self._span
        offset = 1 - self._half - self._waiting_from
        groups = []
        while True:
            whole, step = divmod((self._made * rate_hz * steps + RATE_HZ // 2) // RATE_HZ, steps)
            at = whole + offset
            stretch = self._waiting[at : at + span]
            if len(stretch) < span:
                break
            groups.append(stretch @ _filters(rate_hz, step))
            self._made += _GROUP
        self._waiting = self._waiting[at:]
        self._waiting_from += at
        return groups


def _pcm16(groups: list[NDArray[np.float32]]) -> bytes:
    if not groups:
        return b""
    return np.clip(np.rint(np.concatenate(groups)), -32_768, 32_767).astype("<i2").tobytes()


def _half_taps(rate_hz: int) -> int:
    """Half the filter's length in input samples, by Kaiser's formula for the width of the transition."""
    transition = min(rate_hz, RATE_HZ) / 8 / rate_hz
    return ceil((_ATTENUATION_DB - 8) / (2.285 * 2 * pi * transition) / 2)


def _reach(rate_hz: int) -> int:
    """Input samples from a group's first output to its last, rounded up."""
    return -(-(_GROUP - 1) * rate_hz // RATE_HZ) + 1


def _steps(rate_hz: int) -> int:
    """How many distinct sub-sample offsets the groups of this rate start at."""
    phases = RATE_HZ // gcd(rate_hz, RATE_HZ)
    return min(_MOST_STEPS, phases // gcd(phases, _GROUP))


@lru_cache(maxsize=512)
def _filters(rate_hz: int, step: int) -> NDArray[np.float32]:
    """The filters of one group's 32 outputs, side by side: (span, 32), ready to multiply a stretch of input with.

    Shared by all calls. At most 27 kB each, 14 MB for the whole cache, should clients make up rates.
    """
    half = _half_taps(rate_hz)
    taps = np.arange(2 * half + _reach(rate_hz))[:, None] - (half - 1.0)
    distance = taps - (step / _steps(rate_hz) + np.arange(_GROUP)[None, :] * (rate_hz / RATE_HZ))
    cutoff = min(rate_hz, RATE_HZ) / rate_hz
    window = np.i0(0.1102 * (_ATTENUATION_DB - 8.7) * np.sqrt(np.clip(1 - (distance / half) ** 2, 0, None)))
    kernel = np.where(np.abs(distance) < half, np.sinc(cutoff * distance) * window, 0)
    return np.ascontiguousarray(kernel / kernel.sum(axis=0), np.float32)
