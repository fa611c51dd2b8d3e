"""Sessions that outlive their connection: handles, what they hold, and how a connection announces
its end."""

from typing import Any

import pytest
from google.genai import errors

from adapters.rehearsal import RehearsalServer
from tests.adapters.rehearsal.dialogue import CANDIDATE, dial, quick, recording

pytestmark = pytest.mark.simulated

FRESH: dict[str, Any] = {"session_resumption": {}, "output_audio_transcription": {}}


def resumed(handle: str) -> dict[str, Any]:
    """A setup that resumes `handle`."""
    return FRESH | {"session_resumption": {"handle": handle}}


async def test_a_session_is_not_resumable_while_it_generates() -> None:
    """Given resumption was asked for, when a turn passes, then there is no handle during it and one
    after it."""
    async with RehearsalServer(quick()) as server, dial(server, **FRESH) as dialogue:
        await dialogue.begin()
        await dialogue.until(lambda it: len(it.handles) >= 2)

        assert [bool(handle) for handle in dialogue.handles] == [False, True]
        updates = [message.session_resumption_update for message in dialogue.messages]
        assert [bool(update.resumable) for update in updates if update] == [False, True]


async def test_no_handles_come_unasked() -> None:
    """Given a setup without resumption, when a turn passes, then there is no update at all."""
    async with RehearsalServer(quick()) as server, dial(server) as dialogue:
        await dialogue.begin()

        assert dialogue.handles == []


async def test_a_resumed_session_goes_on_where_the_first_one_was() -> None:
    """Given the first question was asked, when another connection resumes, then the second question
    comes."""
    async with RehearsalServer(quick(recordings=(CANDIDATE,))) as server:
        async with dial(server, **FRESH) as first:
            await first.begin()
            handle = await first.until(lambda it: it.handles[-1])
        async with dial(server, **resumed(handle)) as second:
            await second.window(recording("answer_1"))
            await second.until_turns(1)

        assert "".join(second.said()) == "I see, acoustic corpus. What do you do?"
        assert [turn.role for turn in server.sessions[-1].history] == ["user", "model"] * 2


async def test_a_handle_holds_what_was_sent_of_a_turn_that_was_cut_off() -> None:
    """Given a reply was cut off late, when it is resumed, then its history holds all that had been
    sent."""
    async with RehearsalServer(quick(assumed_playback=1.0)) as server:
        async with dial(server, **FRESH) as first:
            await first.session.send_realtime_input(text="Please begin.")
            await first.until(lambda it: "generation_complete" in it.course)
            await first.ask("")
            handle = await first.until(lambda it: it.handles[-1])
        async with dial(server, **resumed(handle)):
            assert server.sessions[-1].history[1].text == "Hello, and welcome. Who are you?"


async def test_an_old_handle_stays_what_it_was() -> None:
    """Given two handles of one session, when the older is resumed, then the later turn is not in
    it."""
    async with RehearsalServer(quick()) as server:
        async with dial(server, **FRESH) as first:
            await first.begin()
            older = await first.until(lambda it: it.handles[-1])
            await first.ask("I am Michael.")
            await first.until_turns(2)
        async with dial(server, **resumed(older)):
            assert len(server.sessions[-1].history) == 2


@pytest.mark.parametrize("lifetime_ms", [0, 7_200_000])
async def test_a_handle_that_expired_or_never_was_is_refused(lifetime_ms: int) -> None:
    """Given a handle that is not valid, when a client resumes it, then the connection closes with
    1008."""
    async with RehearsalServer(quick(handle_lifetime_ms=lifetime_ms)) as server:
        handle = "made-up"
        if lifetime_ms == 0:
            async with dial(server, **FRESH) as first:
                await first.begin()
                handle = await first.until(lambda it: it.handles[-1])
        with pytest.raises(errors.APIError) as refusal:
            async with dial(server, **resumed(handle)):
                pass

    assert refusal.value.code == 1008


async def test_a_connection_announces_its_end_and_then_ends() -> None:
    """Given a short life, when it is nearly over, then `goAway` says how long is left, and the
    close follows."""
    async with RehearsalServer(quick(lifetime_ms=400, go_away_ms=250)) as server, dial(server) as dialogue:
        notice = await dialogue.until(lambda it: next((m.go_away for m in it.messages if m.go_away), None))
        assert notice.time_left == "0.25s"
        assert (await dialogue.until_closed()).code == 1011
