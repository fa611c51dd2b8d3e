"""Time marks inside audio, so that a delay is measured through everything between two processes.

A mark is eight bytes in the lowest bits of a message's first 64 samples: inaudible, below every
detector's threshold, and untouched by whatever passes PCM on as it is. Both ends read the machine's
one monotonic clock.
"""

import struct
from time import monotonic_ns
from typing import NamedTuple

import numpy as np

MARKED_SAMPLES = 64
_MARKED_BYTES = 2 * MARKED_SAMPLES
_LAYOUT = struct.Struct("<IBBH")
_UNIT_NS = 10_000
_WRAP = 2**32


class Mark(NamedTuple):
    """Whose audio it is, its number in its stream (mod 65,536), and how many ms ago it was marked."""

    call: int
    number: int
    age_ms: float


def marked(pcm: bytes, call: int, number: int) -> bytes:
    """`pcm` (PCM16, at least 64 samples) marked with the time that it is now."""
    moment = monotonic_ns() // _UNIT_NS % _WRAP
    raw = _LAYOUT.pack(moment, call & 0xFF, _check(moment, call, number), number & 0xFFFF)
    bits = np.unpackbits(np.frombuffer(raw, np.uint8)).astype(np.int16)
    head = np.frombuffer(pcm, "<i2", MARKED_SAMPLES) & ~np.int16(1) | bits
    return head.tobytes() + pcm[_MARKED_BYTES:]


def mark_of(pcm: bytes) -> Mark | None:
    """The mark at the beginning of `pcm`; None if there is none."""
    if len(pcm) < _MARKED_BYTES:
        return None
    bits = (np.frombuffer(pcm, "<i2", MARKED_SAMPLES) & 1).astype(np.uint8)
    moment, call, check, number = _LAYOUT.unpack(np.packbits(bits).tobytes())
    if check != _check(moment, call, number):
        return None
    age = (monotonic_ns() // _UNIT_NS - moment) % _WRAP
    return Mark(call, number, age * _UNIT_NS / 1e6)


def _check(moment: int, call: int, number: int) -> int:
    return (moment ^ moment >> 8 ^ moment >> 16 ^ moment >> 24 ^ call ^ number ^ number >> 8 ^ 0x5A) & 0xFF
