"""Brings the candidate's microphone, 8 to 48 kHz, to the 16 kHz that everything behind it works on.

libsoxr does it. Time is what a barge-in is made of, so of its ways the one is used that hands audio
on soonest while still keeping speech and dropping what would fold into it. Measured, as longest
wait in ms from 48 / 44.1 / 32 / 8 kHz, the same for messages of 20 ms and of one sample:

- Quick (QQ), 0: filters nothing out; a tone of 10 kHz comes back as one of 6 kHz at full level.
- Low (LQ), 20 / 22 / 31 / 61: no aliases, but 8 dB down at 6.8 kHz, and at 3.4 kHz from a telephone's 8 kHz.
- Medium and high (MQ, HQ), 37 / 40 / 57 / 116: good, and late.
- Variable rate at a rate that stays, 13 / 14 / 8 / 30: within 0.1 dB up to 0.9 of the band, more than 70 dB down from
  8.1 kHz on, 90 dB from 8.2. This one. Its quality setting changes nothing.

It costs about ten times what HQ does, yet at most 0.4 % of a core per call, and 0.3 MB. It came
with soxr 1.1, and python-soxr calls it experimental: what is relied on here is held by tests. The
output does not depend on how the input was cut into chunks, to the bit, and does not drift (0.002
samples in ten minutes). Floats go in and come out, as libsoxr would add dither to integers.

Output sample n lies at input time n/16000 s within half a sample. Above 16 kHz only, its last
filter delays the highest notes a little more than the rest, 6 kHz by 0.2 ms, 7 kHz by 0.5 ms; the
detectors' onsets on the recorded voices are the same frame for frame.
"""

import numpy as np
import soxr
from numpy.typing import NDArray

from domain.errors import PeerError
from domain.ports.voice import Resampler
from domain.sound.rates import SAMPLE_RATE_HZ

LOWEST_HZ = 8_000
HIGHEST_HZ = 48_000

_HALVING_ABOVE_HZ = 32_000
"""From there on libsoxr halves the rate first, with a filter that holds back more."""
_HELD_SAMPLES = 240
_HELD_SAMPLES_HALVING = 600
_LATE_SAMPLES = 2
"""How much later than in the input all comes out when the rate is lowered: 1.6 to 1.9 output
samples, so two are left out at the start."""


class SoxrResampler(Resampler):
    """One call's stream from `rate_hz` to 16 kHz, mono PCM16 little-endian on both sides. 16 kHz
    passes through.

    Raises `PeerError("bad_sample_rate")` for a rate outside 8000..48000 Hz.
    """

    def __init__(self, rate_hz: int) -> None:
        if not LOWEST_HZ <= rate_hz <= HIGHEST_HZ:
            raise PeerError(
                "bad_sample_rate",
                f"{rate_hz} Hz cannot be used: send audio sampled at {LOWEST_HZ} to {HIGHEST_HZ} Hz.",
            )
        self.rate_hz = rate_hz
        self._late = _LATE_SAMPLES if rate_hz > SAMPLE_RATE_HZ else 0
        passes = rate_hz == SAMPLE_RATE_HZ
        self._stream = None if passes else soxr.ResampleStream(rate_hz, SAMPLE_RATE_HZ, 1, "float32", vr=True)
        self._taken = 0
        self._made = -self._late

    @property
    def delay_ms(self) -> float:
        """The longest time that a sample waits here."""
        if self._stream is None:
            return 0.0
        held = _HELD_SAMPLES_HALVING if self.rate_hz > _HALVING_ABOVE_HZ else _HELD_SAMPLES
        rounded = 2  # by the rounding of both sides
        return 1000 * (held / self.rate_hz + (self._late + rounded) / SAMPLE_RATE_HZ)

    def push(self, pcm: bytes) -> bytes:
        """Take a chunk of any size; return what is ready, possibly nothing.

        Raises `PeerError("malformed_audio")` if `pcm` ends within a sample; nothing was taken then.
        """
        if len(pcm) % 2:
            raise PeerError("malformed_audio", "The audio ends within a sample: send an even number of bytes of PCM16.")
        if self._stream is None:
            return pcm
        self._taken += len(pcm) // 2
        return self._ready(self._stream.resample_chunk(np.frombuffer(pcm, "<i2").astype(np.float32)))

    def flush(self) -> bytes:
        """The end of the stream, followed by silence; the resampler is as new afterwards.

        All output since the start together has exactly `ceil(samples taken * 16000 / rate_hz)`
        samples.
        """
        if self._stream is None:
            return b""
        missing = -(-self._taken * SAMPLE_RATE_HZ // self.rate_hz) - max(0, self._made)
        longer_than_delay = np.zeros(self.rate_hz // 20, np.float32)
        pcm = self._ready(self._stream.resample_chunk(longer_than_delay))[: 2 * missing]
        self._stream.clear()
        self._taken, self._made = 0, -self._late
        return pcm

    def _ready(self, made: NDArray[np.float32]) -> bytes:
        left_out = max(0, -self._made)
        self._made += len(made)
        return np.clip(np.rint(made[left_out:]), -32_768, 32_767).astype("<i2").tobytes()
