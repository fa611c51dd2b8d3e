"""The interviewer's voice: the rehearsal's recorded prompts at 24 kHz, at the candidate's level."""

from functools import cache
from pathlib import Path
from random import Random

import numpy as np
import soundfile
import soxr

from bench.turns.scenes.corpus import Sound
from bench.turns.scenes.levels import active_dbfs, gain_to
from bench.turns.scenes.scene import SPEECH_DBFS, Prompt, Turn

RATE_HZ = 24_000
PROMPTS = Path(__file__).parents[3] / "adapters" / "rehearsal" / "speech" / "recorded"
LONG_PROMPTS = ("background", "challenge", "close", "more", "next", "project", "team", "welcome")
SHORT = (Prompt("go_on", 0),)
"""Less than a second."""


@cache
def prompt(name: str) -> Sound:
    """A prompt's samples in -1..1 at 24 kHz, normalised."""
    sound, rate_hz = soundfile.read(PROMPTS / f"{name}.flac", dtype="float32")
    if rate_hz != RATE_HZ:
        sound = soxr.resample(sound, rate_hz, RATE_HZ)
    normalised: Sound = sound * np.float32(gain_to(SPEECH_DBFS, active_dbfs(sound, RATE_HZ)))
    return normalised


@cache
def spoken(turn: Turn) -> Sound:
    """A whole turn."""
    parts = []
    for each in turn:
        parts += [prompt(each.name), np.zeros(each.gap_ms * RATE_HZ // 1000, np.float32)]
    return np.concatenate(parts)


def turn_ms(turn: Turn) -> int:
    """How long a turn takes to say."""
    return len(spoken(turn)) * 1000 // RATE_HZ


def long_turn(dice: Random, least_ms: int) -> Turn:
    """Prompts in random order, at least so long, with short breaths between them."""
    turn: list[Prompt] = []
    length_ms = 0
    while length_ms < least_ms:
        names = [name for name in LONG_PROMPTS if not turn or name != turn[-1].name]
        turn.append(Prompt(dice.choice(names), dice.randrange(150, 450)))
        length_ms += len(prompt(turn[-1].name)) * 1000 // RATE_HZ + turn[-1].gap_ms
    turn[-1] = Prompt(turn[-1].name, 0)
    return tuple(turn)
