"""A session's ear: understands what the client sends as audio, whatever its rate, and hears it at
16 kHz."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import soxr

from adapters.rehearsal.session.activity import INPUT_HZ
from adapters.rehearsal.wire.parsing import decode_base64
from adapters.rehearsal.wire.refusal import invalid

_MIME = re.compile(r"^audio/(?:pcm|l16)\s*(?:;.*?\brate=(\d+).*)?(?:;.*)?$", re.IGNORECASE)
_LOWEST_HZ, _HIGHEST_HZ = 8_000, 96_000


class Ear:
    """Decodes audio blobs and brings them to 16 kHz where that is needed."""

    def __init__(self) -> None:
        self.rate_hz = INPUT_HZ
        self._resampler: soxr.ResampleStream | None = None

    def decode(self, blob: Mapping[str, Any], where: str) -> bytes:
        """The PCM16 of a blob at `rate_hz`, which this call updates. Refuses (1007) anything but
        PCM."""
        mime = blob.get("mimeType", "audio/pcm")
        match = _MIME.match(mime)
        rate_hz = int(match[1] or INPUT_HZ) if match else 0
        if not _LOWEST_HZ <= rate_hz <= _HIGHEST_HZ:
            raise invalid(f"Unsupported audio mime type {mime!r}: send audio/pcm;rate=16000.")
        pcm = decode_base64(blob.get("data", ""), f"{where}.data")
        if len(pcm) % 2:
            raise invalid("Request contains an invalid argument: PCM16 audio has an even number of bytes.")
        if rate_hz != self.rate_hz:
            self.rate_hz = rate_hz
            self._resampler = None if rate_hz == INPUT_HZ else soxr.ResampleStream(rate_hz, INPUT_HZ, 1, "int16")
        return pcm

    def at_16k(self, pcm: bytes) -> bytes:
        """`pcm` of the current rate, as a continuous 16 kHz stream."""
        if self._resampler is None:
            return pcm
        return bytes(self._resampler.resample_chunk(np.frombuffer(pcm, "<i2")).astype("<i2").tobytes())
