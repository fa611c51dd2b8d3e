"""What is heard in one 20 ms frame, in the seven bytes that are recorded.

Decisions are made on the first four of these quantised values and never on the raw ones: so a log
that holds them holds everything that a decision saw, and a replay decides the same. The others tell
how well the sound was recorded (`domain.sound.loudness`).
"""

from typing import Final, NamedTuple

VOICE_NOT_MEASURED: Final = 255
"""`FrameFeatures.voice` of a detector that estimates no probability, or has not heard enough to."""

NOTHING_PLAYED: Final = 255
"""`FrameFeatures.over_echo` while nothing of the interviewer's voice can be in the room."""

LEVEL_STEPS_PER_DB: Final = 2

_VOICE_STEPS = 254
_LOWEST_DBFS = -127.5


class FrameFeatures(NamedTuple):
    """One frame's features; each fits an unsigned byte, but for `clipped`.

    - `level`: 0..255, loudness in steps of 0.5 dB: `level = round(2 * (dbfs + 127.5))`, held within 0..255.
      0 is digital silence, 255 is 0 dBFS (root mean square 1.0 of full scale).
    - `gate`: 1 if the frame may be speech, else 0. Cheap and generous; alone it must not decide a barge-in.
    - `voice`: 0..254, probability of speech: `voice = round(p * 254)`; 255 (`VOICE_NOT_MEASURED`) if there is none.
    - `over_echo`: 0..254, how far the frame is above what may leak of the interviewer's own voice, in steps of 0.5 dB;
      0 is as loud as the leak or less, 255 (`NOTHING_PLAYED`) if there is nothing to leak.
    - `peak`: 0..255, the largest sample, in the unit of `level`.
    - `clipped`: 0..320, how many samples are at full scale.
    """

    level: int
    gate: int
    voice: int
    over_echo: int = NOTHING_PLAYED
    peak: int = 0
    clipped: int = 0


def quantise_level(dbfs: float) -> int:
    """The byte for a level in dB of full scale; `-inf` (digital silence) and all below -127.25 dB
    become 0."""
    if dbfs <= _LOWEST_DBFS:
        return 0
    return round(LEVEL_STEPS_PER_DB * (min(dbfs, 0.0) - _LOWEST_DBFS))


def level_dbfs(level: int) -> float:
    """The level in dB of full scale that byte `level` stands for, within 0.25 dB; `-inf` for 0."""
    return level / LEVEL_STEPS_PER_DB + _LOWEST_DBFS if level > 0 else float("-inf")


def quantise_voice(probability: float) -> int:
    """The byte for a probability of speech; values outside 0..1 are held within it."""
    return round(min(1.0, max(0.0, probability)) * _VOICE_STEPS)


def voice_probability(voice: int) -> float | None:
    """The probability that byte `voice` stands for, within 0.002; None if it was not measured."""
    return None if voice == VOICE_NOT_MEASURED else voice / _VOICE_STEPS


def quantise_over_echo(db: float) -> int:
    """The byte for so many dB above the leak; what is below it becomes 0."""
    return min(NOTHING_PLAYED - 1, max(0, round(LEVEL_STEPS_PER_DB * db)))
