"""Function calls: what ends an interview, and how a turn waits for the response or does not."""

import asyncio
from typing import Any

import pytest
from google.genai import types

from adapters.rehearsal import RehearsalServer
from tests.adapters.rehearsal.dialogue import MODEL, Dialogue, dial, quick, recording

pytestmark = pytest.mark.simulated

OLDER = "gemini-2.5-flash-native-audio-preview-12-2025"
ONE_QUESTION = "Questions:\n- Who are you?\n"


def tools(behavior: str | None) -> list[dict[str, object]]:
    """Two declared functions, of which one ends the interview."""
    ending = {"name": "end_interview", "description": "Ends the interview."}
    return [{"function_declarations": [{"name": "note_score"}, ending | ({"behavior": behavior} if behavior else {})]}]


async def called(dialogue: Dialogue) -> types.FunctionCall:
    """The first function call, once it has come."""
    call = await dialogue.until(lambda it: next((m.tool_call for m in it.messages if m.tool_call), None))
    first: types.FunctionCall = call.function_calls[0]
    return first


async def test_a_blocking_call_holds_the_turn_until_it_is_answered() -> None:
    """Given a blocking function, when the interview ends, then the turn completes only after the
    response."""
    async with (
        RehearsalServer(quick()) as server,
        dial(server, instruction=ONE_QUESTION, tools=tools("BLOCKING"), session_resumption={}) as dialogue,
    ):
        await dialogue.begin()
        await dialogue.window(recording("answer_1"))
        call = await called(dialogue)
        assert (call.name, dialogue.course[-2:]) == ("end_interview", ["audio", "tool_call"])
        assert dialogue.handles[-1] == ""  # not resumable with a call open

        response = types.FunctionResponse(id=call.id, name=call.name, response={"ok": True})
        await dialogue.session.send_tool_response(function_responses=[response])
        await dialogue.until_turns(2)
        assert dialogue.course[-3:] == ["tool_call", "generation_complete", "turn_complete"]
        assert dialogue.messages[-1].session_resumption_update or dialogue.messages[-1].usage_metadata


async def test_on_3_8_a_call_does_not_block_by_default() -> None:
    """Given a plain declaration on a 3.8 model, when the interview ends, then the turn completes
    without a response."""
    async with (
        RehearsalServer(quick()) as server,
        dial(server, instruction=ONE_QUESTION, tools=tools(None)) as dialogue,
    ):
        await dialogue.begin()
        await dialogue.window(recording("answer_1"))
        await dialogue.until_turns(2)
        call = await called(dialogue)
        response = types.FunctionResponse(id=call.id, name=call.name, response={"ok": True})
        await dialogue.session.send_tool_response(function_responses=[response])
        await dialogue.ask("One more thing.")
        await dialogue.until_turns(3)

        assert dialogue.course.count("tool_call") == 1
        assert [turn.role for turn in server.sessions[-1].history][-3:] == ["tool", "user", "model"]


async def test_without_an_ending_function_the_interview_just_closes() -> None:
    """Given no declared function, when the last answer was given, then a goodbye comes and no call."""
    async with (
        RehearsalServer(quick()) as server,
        dial(server, instruction=ONE_QUESTION, output_audio_transcription={}) as dialogue,
    ):
        await dialogue.begin()
        await dialogue.window(recording("answer_1"))
        await dialogue.until_turns(2)

        assert "tool_call" not in dialogue.course
        assert "".join(dialogue.said()).endswith("Goodbye.")


@pytest.mark.parametrize(
    ("model", "answers", "swallowed"), [(MODEL, False, True), (MODEL, True, False), (OLDER, False, False)]
)
async def test_a_call_that_was_lost_swallows_the_next_turn_of_a_resumed_session(
    model: str, answers: bool, swallowed: bool
) -> None:
    """Given a handle with a call open (3.8), when nobody answers it after a resume, then a turn has
    no reply."""
    setup: dict[str, Any] = {"instruction": ONE_QUESTION, "tools": tools("NON_BLOCKING"), "model": model}
    async with RehearsalServer(quick()) as server:
        async with dial(server, session_resumption={}, **setup) as first:
            await first.begin()
            await first.window(recording("answer_1"))
            call = await called(first)
            await first.until_turns(2)
            handle = await first.until(lambda it: it.handles[-1])
        async with dial(server, session_resumption={"handle": handle}, **setup) as second:
            if answers:
                lost = types.FunctionResponse(
                    id=call.id, name=call.name, response={"error": "The connection was lost."}
                )
                await second.session.send_tool_response(function_responses=[lost])
            await second.ask("Are you there?")
            if swallowed:
                await asyncio.sleep(0.2)
                assert second.course == []
                await second.ask("Hello?")
            await second.until_turns(1)
