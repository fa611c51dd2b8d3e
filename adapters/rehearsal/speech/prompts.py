"""The interviewer's voice where no synthesiser is installed: a few recorded prompts.

The nearest prompt to the words that were wanted is played, and the transcription says what is
really heard. The recordings in `recorded/` were synthesised by this package (`python -m
adapters.rehearsal.speech.prompts`).
"""

import re
import sys
from functools import cache
from importlib.resources import files
from io import BytesIO
from pathlib import Path

import numpy as np
import soundfile
import soxr

from adapters.rehearsal.speech.utterance import OUTPUT_HZ, Spoken

_STORED_HZ = 16_000

PROMPTS = {
    "welcome": "Hello, and welcome. Thank you for taking the time. Please tell me a little about yourself.",
    "background": "Could you tell me about your background?",
    "project": "Tell me about a project that you are proud of.",
    "challenge": "What was the hardest problem that you solved recently?",
    "team": "How do you work with other people in a team?",
    "more": "Thank you. Could you tell me more about that?",
    "next": "I see. Let us go on to the next question.",
    "go_on": "Please go on.",
    "again": "Let me ask you that again.",
    "close": "Thank you, that was my last question. It was a pleasure to talk to you. Goodbye.",
}


class RecordedPrompts:
    """A synthesiser with a vocabulary of a few sentences."""

    def synthesise(self, text: str, voice: str) -> Spoken:
        """The recorded prompt that shares most words with `text`; `voice` makes no difference."""
        wanted = _words(text)
        name = max(PROMPTS, key=lambda name: _likeness(wanted, _words(PROMPTS[name])))
        return Spoken(PROMPTS[name], _recording(name))


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z']+", text.lower()))


def _likeness(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / max(1, len(one | other))


@cache
def _recording(name: str) -> bytes:
    data = (files(__package__) / "recorded" / f"{name}.flac").read_bytes()
    wave, rate_hz = soundfile.read(BytesIO(data), dtype="float32")
    resampled = soxr.resample(wave, rate_hz, OUTPUT_HZ)
    return bytes((np.clip(resampled, -1, 1) * 32767).astype("<i2").tobytes())


def record_prompts(folder: Path) -> None:
    """Synthesise every prompt into `folder`."""
    from adapters.rehearsal.speech.espeak import DEFAULT_VOICE, EspeakSynthesiser

    synthesiser = EspeakSynthesiser(words_per_minute=165)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in PROMPTS.items():
        wave = np.frombuffer(synthesiser.synthesise(text, DEFAULT_VOICE).pcm, "<i2")
        stored = soxr.resample(wave, OUTPUT_HZ, _STORED_HZ)
        soundfile.write(folder / f"{name}.flac", stored, _STORED_HZ, subtype="PCM_16")


if __name__ == "__main__":
    record_prompts(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("recorded"))
