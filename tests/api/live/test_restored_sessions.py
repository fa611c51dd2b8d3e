"""Gemini sessions that end in mid-call: the interviewer goes on where it was, and does not begin
again."""

import asyncio
from dataclasses import replace

import pytest

from adapters.rehearsal.faults import Fault
from adapters.rehearsal.session.session import Session
from domain.event import Event
from domain.events import CallClosed, LinkLost, ModelHistoryVerified, ReplyWithdrawn
from domain.inputs import ModelConnected
from domain.interview import LOST_CALL
from domain.record.record import Record
from domain.states import Link
from tests.api.candidate import Candidate, in_call, recording
from tests.fixtures.server import Desk

pytestmark = [pytest.mark.simulated, pytest.mark.asyncio(loop_scope="module")]

FIRST, SECOND = "Why?", "And how did you come to do all of that?"


def newest(desk: Desk, name: str = "Ada") -> Session:
    """The newest session of the call with this candidate."""
    ours = [
        each for each in desk.rehearsal.sessions if each.setup and f"interviewing {name} " in each.setup.instruction
    ]
    return ours[-1]


def strike(session: Session, fault: str) -> None:
    """A fault that needs no point, now."""
    assert session.strike(Fault.parse(f"{fault} at=setup_complete"))


async def another_session(desk: Desk, than: Session, name: str = "Ada") -> Session:
    """The session that follows this one, once it has begun."""
    async with asyncio.timeout(10):
        while newest(desk, name) is than or not newest(desk, name).live:  # noqa: ASYNC110  (another server's, in effect)
            await asyncio.sleep(0.01)
    return newest(desk, name)


async def asked_and_resumable(candidate: Candidate, desk: Desk) -> None:
    """The first question was heard, and Gemini has given the handle that stands for it."""
    await candidate.asked(1)
    async with asyncio.timeout(5):
        while not resumable(desk.calls[-1].call.record):  # noqa: ASYNC110  (nothing tells)
            await asyncio.sleep(0.01)


def resumable(record: Record) -> bool:
    """Whether the session could be continued as it is now."""
    return record.session.handle is not None and record.session.handle.current


async def restored(candidate: Candidate) -> None:
    await candidate.until(lambda: candidate.states[-2:] == ["resuming", "listening"])


def said(session: Session) -> list[str]:
    """What the model has in its context as its own words."""
    return [turn.text for turn in session.history if turn.role == "model"]


def connections(events: list[Event]) -> list[tuple[bool, bool]]:
    """(resumed, seeded) of each session."""
    return [(event.resumed, event.seeded_characters > 0) for event in events if isinstance(event, ModelConnected)]


def losses(events: list[Event]) -> list[LinkLost]:
    return [event for event in events if isinstance(event, LinkLost) and event.link is Link.MODEL]


async def test_an_expired_handle_is_followed_by_a_session_that_knows_the_interview(desk: Desk) -> None:
    """Given a handle that is not honoured, then the next session is seeded with what was heard,
    and asks what comes next."""
    opened = await desk.open(FIRST, SECOND)
    async with in_call(opened) as candidate:
        await asked_and_resumable(candidate, desk)
        desk.faults("drop at=resume code=1008")
        strike(newest(desk), "drop")
        await restored(candidate)
        assert [turn.role for turn in newest(desk).history] == ["user", "model"]
        await candidate.say(recording("answer_3", 1.5))
        await candidate.asked(2)
        welcome, answer = said(newest(desk))
        assert welcome == f"Hello, and welcome. {FIRST}"
        assert answer.endswith(SECOND)
    events = await desk.log(opened.call_id)
    assert connections(events) == [(False, False), (False, True)]
    by_handle, afresh = losses(events)
    assert (by_handle.fresh, afresh.fresh, afresh.attempt) == (False, True, by_handle.attempt)
    assert any(isinstance(event, ModelHistoryVerified) and event.method == "seed" for event in events)


async def test_a_resumed_session_that_is_closed_as_wrong_is_followed_by_a_seeded_one(desk: Desk) -> None:
    """Given 1008 shortly after a resume, then the handle is not tried again."""
    opened = await desk.open(FIRST, SECOND)
    async with in_call(opened) as candidate:
        await asked_and_resumable(candidate, desk)
        desk.faults("drop at=resume after_ms=100 code=1008")
        first = newest(desk)
        strike(first, "drop abort=true")
        resumed = await another_session(desk, first)
        seeded = await another_session(desk, resumed)
        await restored(candidate)
        assert said(seeded) == [f"Hello, and welcome. {FIRST}"]
    assert connections(await desk.log(opened.call_id)) == [(False, False), (True, False), (False, True)]


async def test_the_next_model_is_seeded_with_the_conversation(desk: Desk) -> None:
    """Given a first model that is refused in mid-call, then the second one knows the interview."""
    opened = await desk.open(FIRST, SECOND)
    async with in_call(opened) as candidate:
        await asked_and_resumable(candidate, desk)
        desk.faults("drop at=resume code=1008", "drop at=setup_complete code=1008")
        strike(newest(desk), "drop")
        await restored(candidate)
        assert said(newest(desk)) == [f"Hello, and welcome. {FIRST}"]
    setup = newest(desk).setup
    assert setup is not None
    assert (setup.model, setup.seeded) == ("gemini-3.1-flash-live-preview", True)
    assert connections(await desk.log(opened.call_id))[-1] == (False, True)


async def test_a_service_that_refuses_twice_is_there_at_the_third_try(desk: Desk) -> None:
    """Given two handshakes that are refused, then the third try is made without the handle that may
    be to blame."""
    opened = await desk.open(FIRST, SECOND)
    async with in_call(opened) as candidate:
        await asked_and_resumable(candidate, desk)
        desk.faults("refuse at=dial times=2")
        strike(newest(desk), "drop")
        await restored(candidate)
    events = await desk.log(opened.call_id)
    assert [event.attempt for event in losses(events)] == [1, 2, 3]
    assert connections(events)[-1] == (False, True)


async def test_a_reply_that_was_being_heard_is_known_to_the_next_session(desk: Desk) -> None:
    """Given a loss while the second question is heard, then the handle is too old: the next session
    is told of it."""
    opened = await desk.open(FIRST, SECOND, "And then?")
    async with in_call(opened) as candidate:
        await candidate.asked(1)
        await candidate.say(recording("answer_3", 1.5))
        await candidate.hears(generation=2, ms=100)
        await candidate.until(lambda: SECOND in "".join(each["text"] for each in candidate.of("transcript")))
        first = newest(desk)
        strike(first, "drop")
        second = await another_session(desk, first)
        await candidate.asked(2)
        _, welcome, answer, question = (turn.text for turn in second.history)
        assert welcome.endswith(FIRST)
        assert "more" in answer
        assert question.endswith(SECOND)
    events = await desk.log(opened.call_id)
    assert connections(events) == [(False, False), (False, True)]
    assert losses(events)[0].evidence["handle_behind"] == 1
    assert not any(isinstance(event, ReplyWithdrawn) for event in events)


async def in_state(desk: Desk, state: str) -> None:
    """A call whose session goes away while it is in this state."""
    name = state.title().replace("_", "")
    opened = await desk.open("Why do you want to work here, of all the places that there are?", SECOND, name=name)
    async with in_call(opened) as candidate:
        if state == "model_speaking":
            await candidate.hears(ms=200)
        else:
            await candidate.asked(1)
        first = newest(desk, name)
        if state == "candidate_speaking":
            candidate.client.microphone.say(recording("answer_3", 2.0))
            await candidate.state("candidate_speaking")
        if state == "resuming":
            await candidate.client.drop()
        strike(first, "go_away time_left_ms=900")
        await another_session(desk, first, name)
        if state != "candidate_speaking":
            await candidate.asked(1)
            await candidate.say(recording("answer_3", 1.5))
        await candidate.asked(2)
        assert said(newest(desk, name))[-1].endswith(SECOND), state
    events = await desk.log(opened.call_id)
    assert [event.reason for event in losses(events)] == ["session_ending"], state
    assert not any(isinstance(event, ReplyWithdrawn) for event in events), state


async def test_a_session_that_goes_away_is_left_in_time_whatever_the_call_is_doing(desk: Desk) -> None:
    """Given goAway at any moment, then the session is left before it ends, and no reply is lost."""
    async with asyncio.TaskGroup() as calls:
        for state in ("listening", "candidate_speaking", "model_speaking", "resuming"):
            calls.create_task(in_state(desk, state))


async def test_a_function_call_that_was_lost_is_answered(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given an answer that never reached Gemini, when its session is resumed, then it is answered
    with an error."""
    services = desk.rehearsal.services
    at_once = replace(services, config=replace(services.config, assumed_playback=0.0))
    monkeypatch.setattr(desk.rehearsal, "services", at_once)  # the handle comes while the goodbye is being heard
    desk.faults("stall at=reply nth=2")
    opened = await desk.open(FIRST)
    async with in_call(opened) as candidate:
        await candidate.asked(1)
        first = newest(desk)
        await candidate.say(recording("answer_3", 1.5))
        await candidate.hears(generation=2, ms=1_000)
        strike(first, "drop abort=true")
        second = await another_session(desk, first)
        await candidate.until(lambda: bool(candidate.of("closed")))
    assert first.received.messages["toolResponse"] == 0
    assert [turn.text for turn in second.history if turn.role == "tool"] == [f'{{"error": "{LOST_CALL}"}}']
    events = await desk.log(opened.call_id)
    assert connections(events) == [(False, False), (True, False)]
    assert next(event.reason for event in events if isinstance(event, CallClosed)) == "completed"
