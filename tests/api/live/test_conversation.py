"""Calls from end to end: real sockets, a real database, recorded voices, and the rehearsal
interviewer."""

import pytest

from domain.events import CallClosed
from domain.inputs import UplinkMeasured
from domain.ports import Side
from tests.api.candidate import in_call, recording
from tests.fixtures.server import Desk

pytestmark = [pytest.mark.simulated, pytest.mark.asyncio(loop_scope="module")]


async def test_a_conversation(desk: Desk) -> None:
    """Given two questions and two answers, the interviewer ends the call and everything sent is
    acknowledged."""
    opened = await desk.open("Why?", "How?")
    async with in_call(opened) as candidate:
        await candidate.asked(1)
        await candidate.say(recording("answer_3", 2.0))
        await candidate.asked(2)
        await candidate.say(recording("answer_2", 2.0))
        await candidate.until(lambda: bool(candidate.of("closed")))
    closed = candidate.client.closed
    assert closed is not None
    assert (closed["reason"], closed["durable"]) == ("completed", True)
    assert candidate.client.microphone.unacknowledged == 0
    assert len(candidate.of("latency")) == 3
    assert [m["version"] for m in candidate.messages] == sorted(m["version"] for m in candidate.messages)
    answers = recording("answer_3", 2.0), recording("answer_2", 2.0)
    stored = await desk.pcm(opened.call_id, Side.CANDIDATE)
    assert all(answer in stored for answer in answers)


async def test_what_went_to_the_model_is_in_the_log(desk: Desk) -> None:
    """Given an answer, when the call is over, the log says how much was sent, how much was not, and
    in what pieces."""
    opened = await desk.open("Why?")
    async with in_call(opened) as candidate:
        await candidate.asked(1)
        await candidate.say(recording("answer_3", 2.0))
        await candidate.until(lambda: bool(candidate.of("closed")))
    await desk.settled(opened)
    log = await desk.log(opened.call_id)
    (closed,) = (event for event in log if isinstance(event, CallClosed))
    assert 2_000 <= closed.evidence["given_ms"] <= closed.evidence["heard_ms"] - 1_000
    assert closed.evidence["not_sent_ms"] == closed.evidence["heard_ms"] - closed.evidence["given_ms"]
    (measured,) = (event for event in log if isinstance(event, UplinkMeasured))
    assert measured.messages > 2_000 / 200
    assert 40 <= measured.largest_chunk_ms <= 200
