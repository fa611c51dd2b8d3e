"""Letting Gemini think before the end of an answer is certain, over real sockets: sooner, and never
heard and then withdrawn."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from api.client import OpenedCall
from domain.event import Event
from domain.events import (
    CandidateStopped,
    EagerEndTried,
    EagerEndWithdrawn,
    ModelFinished,
    ModelStarted,
    ReplyStarted,
    ReplyWithdrawn,
)
from domain.ports import Side
from tests.api.candidate import Candidate, in_call, recording
from tests.api.live.hearing import check_heard, words_of
from tests.fixtures.server import Desk, agents_file, running_desk

pytestmark = [pytest.mark.simulated, pytest.mark.asyncio(loop_scope="module")]

LATE_S = 15.0
PATIENT = {"silence_ms": 2_600, "quick_ms": 2_400}
"""A verdict that a busy machine brings late still comes long before such an end."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(module_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    """Two patient interviewers, one of whom thinks ahead."""
    folder: Path = tmp_path_factory.mktemp("eager")
    eager: dict[str, Any] = {"eager": {"enabled": True}, "endpoint": PATIENT}
    agents = agents_file(folder, eager=eager, certain={"endpoint": PATIENT})
    async with running_desk(module_dsn, folder, agents=agents) as desk:
        yield desk


async def answered(desk: Desk, agent: str) -> tuple[list[Event], Candidate, OpenedCall]:
    """A finished answer to the first question, and the reply to it."""
    opened = await desk.open("Why?", "How?", agent=agent)
    async with in_call(opened) as candidate:
        await candidate.asked(1)
        await candidate.say(recording("answer_3"))
        await candidate.asked(2)
    return await desk.log((await desk.settled(opened)).call.id), candidate, opened


def places(events: list[Event], *kinds: type[Event]) -> list[int]:
    """Where the last event of each kind is in the log."""
    return [max(place for place, event in enumerate(events) if isinstance(event, kind)) for kind in kinds]


async def test_the_reply_is_there_when_the_end_is_certain(desk: Desk) -> None:
    """Given an answer that sounds finished, its reply arrives while the silence is waited out, as
    one turn."""
    events, candidate, opened = await answered(desk, "eager")
    tried, arrived, stopped, played = places(events, EagerEndTried, ReplyStarted, CandidateStopped, ModelStarted)
    assert tried < arrived < stopped < played
    end = events[stopped]
    assert isinstance(end, CandidateStopped)
    assert end.evidence["eager"] == 1
    assert [event for event in events if isinstance(event, EagerEndWithdrawn | ReplyWithdrawn)] == []
    assert len(desk.rehearsal.sessions[-1].windows) == 1
    assert "How?" in words_of(events)[2]
    await check_heard(desk, opened.call_id, candidate)


async def test_without_it_the_reply_comes_after_the_end(desk: Desk) -> None:
    """Given the same answer and an interviewer who is sure first, nothing is asked for, or comes,
    before the end."""
    events, _, _ = await answered(desk, "certain")
    stopped, arrived = places(events, CandidateStopped, ReplyStarted)
    assert stopped < arrived
    assert [event for event in events if isinstance(event, EagerEndTried)] == []


async def test_a_candidate_who_goes_on_never_hears_the_dropped_reply(desk: Desk) -> None:
    """Given a reply that has arrived when the candidate speaks on, it is dropped unheard; the
    answer is one turn."""
    opened = await desk.open("Why?", "How?", agent="eager")
    call = desk.calls[-1].call
    async with in_call(opened) as candidate:
        await candidate.asked(1)
        await candidate.say(recording("answer_3"))
        async with asyncio.timeout(LATE_S):
            while not (call.record.eager and call.record.reply is not None and call.record.reply.has_audio):  # noqa: ASYNC110  (nothing announces it)
                await asyncio.sleep(0.005)
        await candidate.say(recording("answer_2"))
        await candidate.asked(2)
    events = await desk.log((await desk.settled(opened)).call.id)
    withdrawn = next(event for event in events if isinstance(event, EagerEndWithdrawn))
    assert withdrawn.received_ms > 0
    dropped = {event.generation for event in events if isinstance(event, ReplyWithdrawn)}
    assert withdrawn.generation in dropped
    assert dropped.isdisjoint(event.generation for event in events if isinstance(event, ModelStarted | ModelFinished))
    assert dropped.isdisjoint(message["generation"] for message in candidate.of("latency"))
    await check_heard(desk, opened.call_id, candidate)
    assert len([event for event in events if isinstance(event, CandidateStopped)]) == 1
    windows = [bytes(window.pcm) for window in desk.rehearsal.sessions[-1].windows]
    assert len(windows) >= 2
    assert b"".join(windows) in await desk.pcm(opened.call_id, Side.CANDIDATE)  # no sample twice, and none missing
