"""FLAC in memory: half the bytes of PCM, every sample kept.

Both functions take a millisecond or so, several beside a busy event loop: call them in a thread.
libsndfile releases the interpreter meanwhile.
"""

from io import BytesIO

import numpy as np
import soundfile


def encode(pcm: bytes, rate_hz: int) -> bytes:
    """`pcm` (mono PCM16 little-endian) as a FLAC file. Raises `ValueError` for half a sample, or
    none at all."""
    if not pcm:
        raise ValueError("FLAC cannot hold an empty recording")
    file = BytesIO()
    soundfile.write(file, np.frombuffer(pcm, dtype="<i2"), rate_hz, format="FLAC", subtype="PCM_16")
    return file.getvalue()


def decode(data: bytes) -> tuple[bytes, int]:
    """The mono PCM16 and the rate in hertz of a FLAC file that `encode` made.

    Raises `ValueError` if it is none, or not mono with 16 bits.
    """
    try:
        with soundfile.SoundFile(BytesIO(data)) as file:
            if file.channels != 1 or file.subtype != "PCM_16":
                raise ValueError(f"expected mono PCM_16, found {file.channels} channels of {file.subtype}")
            return file.read(dtype="int16").astype("<i2", copy=False).tobytes(), file.samplerate
    except soundfile.LibsndfileError as error:
        raise ValueError(f"not a FLAC file: {error}") from error
