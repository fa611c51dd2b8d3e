"""A session's ordinary course: what the client sends, and what the server answers in which order."""

import asyncio
from typing import Any

import numpy as np
import pytest
from google.genai import types

from adapters.rehearsal import RehearsalServer
from tests.adapters.rehearsal.dialogue import CANDIDATE, Dialogue, dial, quick, recording, silence

pytestmark = pytest.mark.simulated

TRANSCRIBED: dict[str, Any] = {"input_audio_transcription": {}, "output_audio_transcription": {}}


async def test_a_manual_turn_is_transcribed_answered_and_completed_in_order() -> None:
    """Given an open session, when a window with an answer ends, then words, audio and the two ends
    come in order."""
    async with RehearsalServer(quick(recordings=(CANDIDATE,))) as server, dial(server, **TRANSCRIBED) as dialogue:
        await dialogue.begin()
        dialogue.messages.clear()
        await dialogue.window(recording("answer_1"))
        await dialogue.until_turns(1)

        assert dialogue.course == ["input_transcription", "audio", "generation_complete", "turn_complete"]
        assert "".join(dialogue.said("input")).startswith("This is the acoustic corpus.")
        assert "".join(dialogue.said()) == "I see, acoustic corpus. What do you do?"
        assert server.sessions[-1].windows[-1].pcm == recording("answer_1")


async def test_audio_is_24_khz_speech_in_pieces_of_40_ms() -> None:
    """Given a reply, when its messages are looked at, then each holds 40 ms of audible 24 kHz
    PCM16."""
    async with RehearsalServer(quick()) as server, dial(server) as dialogue:
        await dialogue.begin()

        pieces = [message.data for message in dialogue.messages if message.data]
        assert {len(piece) for piece in pieces[:-1]} == {24_000 * 40 // 1000 * 2}
        assert 1.0 < len(dialogue.audio) / 48_000 < 6.0
        assert np.abs(np.frombuffer(dialogue.audio, "<i2")).max() > 3000
        first: Any = dialogue.messages[0]
        assert first.server_content.model_turn.parts[0].inline_data.mime_type == "audio/pcm;rate=24000"


async def test_transcriptions_come_only_when_they_were_asked_for() -> None:
    """Given a setup without transcription, when a turn passes, then there is audio and no words."""
    async with RehearsalServer(quick()) as server, dial(server) as dialogue:
        await dialogue.begin()
        await dialogue.window(recording("answer_1"))
        await dialogue.until_turns(2)

        assert dialogue.said() == dialogue.said("input") == []


async def test_audio_comes_faster_than_real_time_and_the_turn_ends_with_its_playback() -> None:
    """Given 3.5 times real time, when a reply comes, then the turn ends about when it is played."""
    async with RehearsalServer(quick(speed=3.5, assumed_playback=1.0)) as server, dial(server) as dialogue:
        loop_time = asyncio.get_running_loop().time
        await dialogue.session.send_realtime_input(text="Please begin.")
        await dialogue.until(lambda it: it.audio)
        began = loop_time()
        await dialogue.until(lambda it: "generation_complete" in it.course)
        generated = loop_time() - began
        await dialogue.until_turns(1)
        completed = loop_time() - began

        played = len(dialogue.audio) / 48_000
        assert played / 3.5 * 0.8 < generated < played
        assert completed > 0.9 * played


async def test_the_interview_runs_through_its_questions_and_closes() -> None:
    """Given three questions, when each is answered, then each is asked once, in order, and a
    goodbye follows."""
    async with RehearsalServer(quick(recordings=(CANDIDATE,))) as server, dial(server, **TRANSCRIBED) as dialogue:
        await dialogue.begin()
        for turn, name in enumerate(("answer_1", "answer_2", "answer_3"), start=2):
            await dialogue.window(recording(name))
            await dialogue.until_turns(turn)

        said = "".join(dialogue.said())
        places = [said.index(text) for text in ("welcome", "Who are you?", "What do you do?", "Why here?", "Goodbye")]
        assert places == sorted(places)
        assert [turn.role for turn in server.sessions[-1].history] == ["user", "model"] * 4


async def test_an_empty_or_very_short_window_is_asked_to_go_on() -> None:
    """Given a question was asked, when a window holds nothing or 200 ms, then the next question is
    not asked yet."""
    async with RehearsalServer(quick()) as server, dial(server, **TRANSCRIBED) as dialogue:
        await dialogue.begin()
        await dialogue.window(b"")
        await dialogue.until_turns(2)
        await dialogue.window(silence(200))
        await dialogue.until_turns(3)

        said = [turn.text for turn in server.sessions[-1].history if turn.role == "model"]
        assert all("go on" in text and "What do you do?" not in text for text in said[1:])


async def test_an_unknown_voice_gets_a_plain_statement_and_a_plain_thank_you() -> None:
    """Given no recordings are known, when an answer is heard, then the transcription says how long
    it was."""
    async with RehearsalServer(quick()) as server, dial(server, **TRANSCRIBED) as dialogue:
        await dialogue.begin()
        await dialogue.window(recording("answer_1"))
        await dialogue.until_turns(2)

        assert dialogue.said("input") == ["[rehearsal: 6.8 s of speech]"]


async def test_client_content_seeds_silently_where_history_was_announced() -> None:
    """Given historyConfig, when turns are sent and completed, then nothing is said until there is
    real input."""
    seed: list[types.Content | types.ContentDict] = [
        types.Content(role="user", parts=[types.Part(text="Please begin.")]),
        types.Content(role="model", parts=[types.Part(text="Hello. Who are you?")]),
        types.Content(role="user", parts=[types.Part(text="I am Michael.")]),
    ]
    config = TRANSCRIBED | {"history_config": {"initial_history_in_client_content": True}, "session_resumption": {}}
    async with RehearsalServer(quick()) as server, dial(server, **config) as dialogue:
        await dialogue.session.send_client_content(turns=seed, turn_complete=True)
        await dialogue.until(lambda it: it.handles)  # the seed is in
        assert dialogue.course == []
        await dialogue.session.send_realtime_input(text=" ")
        await dialogue.until_turns(1)

        assert "What do you do?" in "".join(dialogue.said())


async def test_client_content_without_history_config_is_answered() -> None:
    """Given a plain setup, when a finished typed turn is sent, then the interviewer greets and
    asks."""
    async with RehearsalServer(quick()) as server, dial(server, **TRANSCRIBED) as dialogue:
        await dialogue.ask("Hello?")
        await dialogue.until_turns(1)

        assert "".join(dialogue.said()) == "Hello, and welcome. Who are you?"


async def test_what_is_typed_after_an_answer_stays_after_it() -> None:
    """Given an answer is still being listened to, when client content follows at once, then it
    comes second."""
    async with RehearsalServer(quick()) as server, dial(server) as dialogue:
        await dialogue.window(recording("answer_1"))
        await dialogue.ask("That is all.")
        await dialogue.until(lambda it: "generation_complete" in it.course)

        history = [turn for turn in server.sessions[-1].history if turn.role == "user"]
        assert [turn.text for turn in history] == ["[rehearsal: 6.8 s of speech]", "That is all."]


async def test_the_older_shape_of_audio_is_heard_on_the_older_models() -> None:
    """Given a 2.5 model, when audio comes as mediaChunks, then it is part of the window."""
    async with (
        RehearsalServer(quick()) as server,
        dial(server, model="gemini-2.5-flash-native-audio-preview-12-2025") as dialogue,
    ):
        await dialogue.session.send_realtime_input(activity_start=types.ActivityStart())
        await dialogue.session.send_realtime_input(media=types.Blob(data=bytes(640), mime_type="audio/pcm"))
        await dialogue.session.send_realtime_input(activity_end=types.ActivityEnd())
        await dialogue.until_turns(1)

        assert server.sessions[-1].windows[-1].pcm == bytes(640)


async def test_usage_bills_the_whole_context_again_every_turn() -> None:
    """Given two turns, when usage is compared, then audio is 25 tokens a second and the prompt
    holds all before."""
    async with RehearsalServer(quick()) as server, dial(server) as dialogue:
        await dialogue.begin()
        await dialogue.window(recording("answer_1"))
        await dialogue.until_turns(2)

        first: Any
        second: Any
        first, second = (message.usage_metadata for message in dialogue.messages if message.usage_metadata)
        answered = -(-len(recording("answer_1")) // 32 * 25 // 1000)
        assert _audio(first.prompt_tokens_details) == 0
        assert abs(_audio(second.prompt_tokens_details) - first.response_token_count - answered) <= 1
        assert second.total_token_count == second.prompt_token_count + second.response_token_count
        assert abs(sum(u.response_token_count for u in (first, second)) - len(dialogue.audio) / 48_000 * 25) <= 2


def _audio(details: list[types.ModalityTokenCount] | None) -> int:
    return sum(item.token_count or 0 for item in details or () if item.modality == types.MediaModality.AUDIO)


async def test_words_and_audio_share_messages() -> None:
    """Given output transcription, when a reply comes, then some message carries audio and words at
    once."""

    def shares(dialogue: Dialogue) -> bool:
        contents = [message.server_content for message in dialogue.messages if message.server_content]
        return any(content.model_turn and content.output_transcription for content in contents)

    async with RehearsalServer(quick()) as server, dial(server, **TRANSCRIBED) as dialogue:
        await dialogue.begin()
        assert shares(dialogue)


async def test_audio_of_another_rate_is_recognised_all_the_same() -> None:
    """Given 48 kHz microphone audio, when a window ends, then the known words come back."""
    wave = np.frombuffer(recording("answer_2"), "<i2")
    at_48k = np.interp(np.arange(len(wave) * 3) / 3, np.arange(len(wave)), wave).astype("<i2").tobytes()
    async with RehearsalServer(quick(recordings=(CANDIDATE,))) as server, dial(server, **TRANSCRIBED) as dialogue:
        await dialogue.window(at_48k, rate_hz=48_000)
        await dialogue.until_turns(1)

        assert "".join(dialogue.said("input")).startswith("Um, this is me talking")
