"""The interviewer's voice: synthesised where the extra is installed, recorded prompts where it is
not."""

import asyncio

import numpy as np
import pytest

from adapters.rehearsal.server import RehearsalServer
from adapters.rehearsal.speech.espeak import EspeakSynthesiser, espeak_installed
from adapters.rehearsal.speech.prompts import PROMPTS, RecordedPrompts
from adapters.rehearsal.speech.speech import Speech
from tests.adapters.rehearsal.dialogue import dial, quick

pytestmark = pytest.mark.simulated

needs_espeak = pytest.mark.skipif(not espeak_installed(), reason="the extra `rehearsal` (eSpeak NG) is not installed")


@needs_espeak
def test_a_sentence_is_spoken_at_a_natural_pace_without_clipping() -> None:
    """Given a sentence, when it is synthesised, then it lasts as speech does and stays below full
    scale."""
    spoken = EspeakSynthesiser(165).synthesise("Could you tell me about your background?", "Kore")
    wave = np.frombuffer(spoken.pcm, "<i2")

    assert 1.5 < len(wave) / 24_000 < 4.0
    assert 3_000 < np.abs(wave).max() < 30_000


@needs_espeak
def test_voices_differ_and_an_unknown_one_is_the_default() -> None:
    """Given Gemini's voice names, when they speak, then they differ; an unknown name is the
    default."""
    voice = EspeakSynthesiser(165)
    sentence = "Hello, and welcome. Tell me about yourself."
    default, unknown, other = (voice.synthesise(sentence, name).pcm[:96_000] for name in ("Kore", "Nobody", "Charon"))

    assert _pitch_hz(default) == pytest.approx(_pitch_hz(unknown), rel=0.05)
    assert _pitch_hz(other) < 0.8 * _pitch_hz(default)


def _pitch_hz(pcm: bytes) -> float:
    """The voice's pitch: where its autocorrelation peaks within 70 to 400 Hz."""
    wave = np.frombuffer(pcm, "<i2").astype(np.float64)
    spectrum = np.abs(np.fft.rfft(wave, 2 * len(wave))) ** 2
    likeness = np.fft.irfft(spectrum)[24_000 // 400 : 24_000 // 70]
    return 24_000 / (24_000 // 400 + int(np.argmax(likeness)))


async def test_sessions_that_say_the_same_share_one_synthesis() -> None:
    """Given a sentence asked for many times at once, when it is there, then it is the same object
    for all."""
    with Speech(40, 165) as speech:
        said = await asyncio.gather(*(speech.say("Please go on.", "", transcribed=True) for _ in range(20)))

    assert len({id(utterance) for utterance in said}) == 1


def test_every_recorded_prompt_is_there_and_audible() -> None:
    """Given the package's recordings, when each is asked for by its words, then it is found and can
    be heard."""
    voice = RecordedPrompts()
    for text in PROMPTS.values():
        spoken = voice.synthesise(text, "")
        assert spoken.text == text
        assert np.abs(np.frombuffer(spoken.pcm, "<i2")).max() > 3_000


async def test_without_a_synthesiser_the_transcription_says_what_is_heard() -> None:
    """Given only recorded prompts, when the interviewer begins, then its words are those of the
    nearest prompt."""
    async with (
        RehearsalServer(quick(recorded_voice=True)) as server,
        dial(server, output_audio_transcription={}) as dialogue,
    ):
        await dialogue.begin()

        assert "".join(dialogue.said()) in PROMPTS.values()
        assert len(dialogue.audio) > 48_000


async def test_without_a_synthesiser_the_interview_still_comes_to_its_end() -> None:
    """Given only recorded prompts, when every question was answered, then the interview closes."""
    async with (
        RehearsalServer(quick(recorded_voice=True)) as server,
        dial(server, output_audio_transcription={}) as dialogue,
    ):
        await dialogue.begin()
        for turn in (2, 3, 4):
            await dialogue.ask("I build compilers.")
            await dialogue.until_turns(turn)

        assert "".join(dialogue.said()).endswith("Goodbye.")
        assert [turn.meant.split(". ")[-1] for turn in server.sessions[-1].history[1:6:2]] == [
            "Who are you?",
            "What do you do?",
            "Why here?",
        ]
