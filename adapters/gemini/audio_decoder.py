"""Brings the interviewer's voice to what the core knows: mono PCM16 at 24 kHz.

Gemini has never sent anything else, so this is for the day it does: another rate is resampled,
another encoding or half a sample is reported, and neither ends a call.
"""

from functools import lru_cache

import numpy as np
import soxr
from google.genai import types

from domain.sound.rates import MODEL_RATE_HZ

RATES_HZ = range(8_000, 48_001)


class AudioDecoder:
    """One session's audio. Stateful only while a rate other than 24 kHz is being resampled."""

    def __init__(self) -> None:
        self._rate_hz = MODEL_RATE_HZ
        self._stream: soxr.ResampleStream | None = None

    def decode(self, blob: types.Blob) -> tuple[bytes, str]:
        """PCM16 at 24 kHz, possibly none, and what was wrong with `blob`, if anything was."""
        data = blob.data or b""
        rate_hz, problem = _rate(blob.mime_type or "")
        if problem:
            return b"", problem
        if len(data) % 2:
            data, problem = data[:-1], f"{len(data)} bytes end within a sample"
        return self._resample(data, rate_hz), problem

    def restart(self) -> bytes:
        """The end of an utterance: what the resampler still held."""
        stream, self._stream = self._stream, None
        self._rate_hz = MODEL_RATE_HZ
        return _bytes(stream.resample_chunk(np.zeros(0, np.int16), last=True)) if stream else b""

    def _resample(self, data: bytes, rate_hz: int) -> bytes:
        if rate_hz == MODEL_RATE_HZ and self._stream is None:
            return data
        rest = b""
        if rate_hz != self._rate_hz:
            rest = self.restart()
            self._rate_hz = rate_hz
            if rate_hz != MODEL_RATE_HZ:
                self._stream = soxr.ResampleStream(rate_hz, MODEL_RATE_HZ, 1, dtype="int16")
        if self._stream is None:
            return rest + data
        return rest + _bytes(self._stream.resample_chunk(np.frombuffer(data, "<i2")))


@lru_cache(maxsize=32)  # Gemini names the same one in every message
def _rate(mime_type: str) -> tuple[int, str]:
    """The sampling rate that `audio/pcm;rate=24000` names (24 kHz where it names none), or why it
    cannot be used."""
    kind, _, parameters = mime_type.partition(";")
    if kind.strip().lower() not in ("audio/pcm", "audio/l16"):
        return 0, f"{mime_type[:60] or 'no type'} is not PCM"
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "rate":
            if value.strip().isdecimal() and int(value) in RATES_HZ:
                return int(value), ""
            return 0, f"{mime_type[:60]} is at no usable rate"
    return MODEL_RATE_HZ, ""


def _bytes(samples: np.ndarray[tuple[int, ...], np.dtype[np.int16]]) -> bytes:
    return samples.astype("<i2").tobytes()
