"""Cutting the model off: in each stage of its turn, and by each means."""

import asyncio
from typing import Any

import pytest
from google.genai import types

from adapters.rehearsal import RehearsalServer
from tests.adapters.rehearsal.dialogue import MANUAL, dial, quick, recording

pytestmark = pytest.mark.simulated

CALM = {"speed": 1.0, "assumed_playback": 1.0}
TOOLS = [{"function_declarations": [{"name": "end_interview", "behavior": "BLOCKING"}]}]


async def test_activity_while_audio_is_sent_ends_the_turn_without_generation_complete() -> None:
    """Given audio is coming, when the candidate starts, then `interrupted`, `turnComplete`, and
    nothing else."""
    async with RehearsalServer(quick(**CALM)) as server, dial(server) as dialogue:
        await dialogue.session.send_realtime_input(text="Please begin.")
        await dialogue.until(lambda it: len(it.audio) > 20_000)
        await dialogue.session.send_realtime_input(activity_start=types.ActivityStart())
        await dialogue.until_turns(1)

        assert dialogue.course == ["audio", "interrupted", "turn_complete"]
        sent = server.sessions[-1].history[-1]
        assert sent.role == "model"
        assert sent.audio_ms == len(dialogue.audio) // 48
        assert "Who are you?".startswith(sent.text[-3:]) or sent.text in "Hello, and welcome. Who are you?"


async def test_a_turn_that_waits_for_its_playback_can_be_interrupted() -> None:
    """Given generation is complete but playback is not, when activity starts, then `interrupted`
    still comes."""
    async with RehearsalServer(quick(assumed_playback=1.0)) as server, dial(server) as dialogue:
        await dialogue.session.send_realtime_input(text="Please begin.")
        await dialogue.until(lambda it: "generation_complete" in it.course)
        await dialogue.session.send_realtime_input(activity_start=types.ActivityStart())
        await dialogue.until_turns(1)

        assert dialogue.course == ["audio", "generation_complete", "interrupted", "turn_complete"]
        assert server.sessions[-1].history[-1].text == "Hello, and welcome. Who are you?"


async def test_a_turn_that_is_still_thought_about_can_be_interrupted() -> None:
    """Given the model thinks, when the candidate goes on, then both stretches are answered by one
    turn."""
    async with RehearsalServer(quick(thinking_ms=2_000)) as server, dial(server) as dialogue:
        await dialogue.window(recording("answer_1"))
        await dialogue.window(recording("answer_2"))
        await dialogue.until_turns(2)

        assert dialogue.course == ["interrupted", "turn_complete", "audio", "generation_complete", "turn_complete"]
        assert [turn.role for turn in server.sessions[-1].history] == ["user", "user", "model"]


async def test_a_question_that_was_cut_off_is_asked_again() -> None:
    """Given the first question was cut off before its end was sent, when it goes on, then it is
    asked again."""
    async with RehearsalServer(quick(**CALM)) as server, dial(server, output_audio_transcription={}) as dialogue:
        await dialogue.session.send_realtime_input(text="Please begin.")
        await dialogue.until(lambda it: it.audio)
        await dialogue.window(recording("answer_1"))
        await dialogue.until_turns(2)

        assert "".join(dialogue.said()).endswith("Who are you?")


async def test_with_no_interruption_the_turn_is_finished_and_the_answer_follows() -> None:
    """Given NO_INTERRUPTION, when a window passes during the reply, then the reply ends whole and
    is answered after."""
    config: dict[str, Any] = {"realtime_input_config": MANUAL | {"activity_handling": "NO_INTERRUPTION"}}
    async with RehearsalServer(quick(**CALM)) as server, dial(server, **config) as dialogue:
        await dialogue.session.send_realtime_input(text="Please begin.")
        await dialogue.until(lambda it: it.audio)
        await dialogue.window(recording("uh_huh"))
        await dialogue.until_turns(2)

        assert dialogue.course == ["audio", "generation_complete", "turn_complete"] * 2
        assert [turn.role for turn in server.sessions[-1].history] == ["user", "model"] * 2


async def test_client_content_interrupts_and_is_answered() -> None:
    """Given audio is coming, when client content is completed, then the turn is cut off and a new
    one comes."""
    async with RehearsalServer(quick(**CALM)) as server, dial(server) as dialogue:
        await dialogue.session.send_realtime_input(text="Please begin.")
        await dialogue.until(lambda it: it.audio)
        await dialogue.ask("Wait a moment.")
        await dialogue.until_turns(2)

        assert dialogue.course[:4] == ["audio", "interrupted", "turn_complete", "audio"]


async def test_an_interruption_cancels_an_open_tool_call() -> None:
    """Given a blocking call is open, when the candidate speaks, then it is cancelled by its id."""
    async with RehearsalServer(quick()) as server, dial(server, instruction="1. Who?", tools=TOOLS) as dialogue:
        await dialogue.begin()
        await dialogue.window(recording("answer_1"))
        call = await dialogue.until(lambda it: next((m.tool_call for m in it.messages if m.tool_call), None))
        await dialogue.session.send_realtime_input(activity_start=types.ActivityStart())
        await dialogue.until_turns(2)

        assert dialogue.course[-4:] == ["tool_call", "interrupted", "tool_call_cancellation", "turn_complete"]
        cancelled = next(m.tool_call_cancellation for m in dialogue.messages if m.tool_call_cancellation)
        assert cancelled.ids == [call.function_calls[0].id]


async def test_many_interruptions_in_a_row_leave_a_sound_session() -> None:
    """Given windows follow each other at once, when the last one ends, then it is answered."""
    async with RehearsalServer(quick(thinking_ms=1)) as server, dial(server) as dialogue:
        for _ in range(30):
            await dialogue.window(recording("uh_huh"))
            await asyncio.sleep(0)  # lets turns begin, wherever they get to
        await dialogue.until(lambda it: it.course[-2:] == ["generation_complete", "turn_complete"])

        assert dialogue.course.count("turn_complete") >= dialogue.course.count("interrupted")
        assert sum(turn.role == "user" for turn in server.sessions[-1].history) == 30
