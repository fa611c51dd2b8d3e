"""How sound is counted, everywhere: the rates of both sides, and the frames that the candidate's is
cut into."""

from typing import Final

SAMPLE_RATE_HZ: Final = 16_000
"""The candidate's audio as the core knows it."""
MODEL_RATE_HZ: Final = 24_000
"""The interviewer's audio, as Gemini speaks it."""
FRAME_MS: Final = 20
"""The grain at which voice is decided on."""
FRAME_SAMPLES: Final = 320
FRAME_BYTES: Final = 640


def samples(ms: int, rate_hz: int = SAMPLE_RATE_HZ) -> int:
    """`ms` milliseconds in samples at `rate_hz`."""
    return ms * rate_hz // 1000


def millis(sample_count: int, rate_hz: int = SAMPLE_RATE_HZ) -> int:
    """`sample_count` samples at `rate_hz` in whole milliseconds, rounded down."""
    return sample_count * 1000 // rate_hz
