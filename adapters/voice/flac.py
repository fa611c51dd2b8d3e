"""FLAC in memory: half the bytes of PCM, every sample kept.

Both functions take a millisecond or so: call them in a thread. libsndfile works on a file of the kernel's memory, not
on a Python object: it would call back into Python for every piece, and each time wait for a busy event loop to let go
of the interpreter.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import soundfile


def encode(pcm: bytes, rate_hz: int) -> bytes:
    """`pcm` (mono PCM16 little-endian) as a FLAC file. Raises `ValueError` for half a sample, or none at all."""
    if not pcm:
        raise ValueError("FLAC cannot hold an empty recording")
    samples = np.frombuffer(pcm, dtype="<i2")
    with _memory() as file:
        with soundfile.SoundFile(
            file, "w", samplerate=rate_hz, channels=1, format="FLAC", subtype="PCM_16", closefd=False
        ) as flac:
            flac.write(samples)
        return os.pread(file, os.fstat(file).st_size, 0)


def decode(data: bytes) -> tuple[bytes, int]:
    """The mono PCM16 and the rate in hertz of a FLAC file that `encode` made.

    Raises `ValueError` if it is none, or not mono with 16 bits.
    """
    with _memory() as file:
        os.pwrite(file, data, 0)
        try:
            with soundfile.SoundFile(file, closefd=False) as flac:
                if flac.channels != 1 or flac.subtype != "PCM_16":
                    raise ValueError(f"expected mono PCM_16, found {flac.channels} channels of {flac.subtype}")
                return flac.read(dtype="int16").astype("<i2", copy=False).tobytes(), flac.samplerate
        except soundfile.LibsndfileError as error:
            raise ValueError(f"not a FLAC file: {error}") from error


@contextmanager
def _memory() -> Iterator[int]:
    """The descriptor of an empty file that nobody else sees; in memory where the system has such files."""
    if hasattr(os, "memfd_create"):
        file = os.memfd_create("flac")
        try:
            yield file
        finally:
            os.close(file)
    else:
        with tempfile.TemporaryFile() as unnamed:
            yield unnamed.fileno()
