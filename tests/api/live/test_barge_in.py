"""A voice over the interviewer's, heard through the candidate's own loudspeaker."""

import asyncio

import numpy as np
import pytest

from domain.events import BargeInConfirmed, BargeInDismissed, ReplyCut
from domain.ports import Side
from tests.api.candidate import in_call, recording
from tests.fixtures.server import Desk

pytestmark = [pytest.mark.simulated, pytest.mark.asyncio(loop_scope="module")]

LONG = "Could you please tell me, in as much detail as you like, about the very first project that you worked on?"


async def test_an_interruption_silences_the_interviewer(desk: Desk) -> None:
    """Given a remark over a long question: hold, flush, silence; the log knows what was heard to 60
    ms."""
    opened = await desk.open(LONG)
    async with in_call(opened) as candidate:
        loudspeaker = candidate.client.loudspeaker
        await candidate.hears(ms=800)
        candidate.client.microphone.say(recording("interruption"))
        await candidate.until(lambda: bool(candidate.of("flush")))
        played = loudspeaker.played_sample
        heard_until = len(loudspeaker.heard)
        await candidate.client.microphone.spoken()
        assert loudspeaker.played_sample == played
        after = np.frombuffer(loudspeaker.heard[heard_until:], "<i2")
        assert after.size > 24_000
        assert not after.any()
        kinds = [message["type"] for message in candidate.messages if message["type"] in ("hold", "flush", "release")]
        assert kinds == ["hold", "flush"]
        await candidate.hears(generation=2)
    events = await desk.log((await desk.settled(opened)).call.id)
    cut = next(event for event in events if isinstance(event, ReplyCut))
    confirmed = next(event for event in events if isinstance(event, BargeInConfirmed))
    really_ms = (played - cut.evidence["first_model_sample"]) / 24
    assert abs(cut.heard_ms - really_ms) <= 60
    assert confirmed.reason == "voiced"
    assert cut.heard_text
    assert cut.heard_text != LONG


async def test_the_model_is_given_what_was_said(desk: Desk) -> None:
    """Given an interruption, its window at Gemini holds the whole remark, sample for sample, and
    some before it."""
    opened = await desk.open(LONG)
    remark = recording("interruption")
    async with in_call(opened) as candidate:
        await candidate.hears(ms=500)
        await candidate.say(remark)
        await candidate.hears(generation=2)
    window = desk.rehearsal.sessions[-1].windows[0]
    assert bytes(window.pcm).find(remark[3_200:]) >= 0
    assert window.closed
    stored = await desk.pcm(opened.call_id, Side.CANDIDATE)
    assert bytes(window.pcm) in stored
    assert remark in stored


async def test_an_uh_huh_costs_nothing(desk: Desk) -> None:
    """Given an acknowledgement over a question, it plays on from the held sample, and all of it is
    heard."""
    opened = await desk.open(LONG)
    async with in_call(opened) as candidate:
        await candidate.hears(ms=800)
        await candidate.say(recording("uh_huh"))
        await candidate.until(lambda: bool(candidate.of("release")))
        assert not candidate.of("flush")
        await candidate.asked(1)
    assert candidate.client.loudspeaker.holds == 1
    events = await desk.log((await desk.settled(opened)).call.id)
    assert [event.reason for event in events if isinstance(event, BargeInDismissed)] == ["silence"]
    heard = np.frombuffer(candidate.client.loudspeaker.heard, "<i2")
    sent = np.frombuffer(await desk.pcm(opened.call_id, Side.INTERVIEWER), "<i2")
    assert candidate.client.loudspeaker.played_sample == sent.size
    assert np.array_equal(heard[heard != 0], sent[sent != 0])  # between them lies only silence: the hold, the pauses


async def test_two_calls_do_not_influence_each_other(desk: Desk) -> None:
    """Given two calls at once, one interrupted and one listening, the second hears its whole
    question undisturbed."""
    busy, calm = await desk.open(LONG), await desk.open(LONG)
    async with in_call(busy) as one, in_call(calm) as other:

        async def interrupt() -> None:
            await one.hears(ms=300)
            await one.say(recording("interruption"))
            await one.hears(generation=2)

        await asyncio.gather(interrupt(), other.asked(1))
        assert other.states == ["listening", "model_speaking", "listening"]
        assert not other.of("hold")
        assert one.of("flush")
    spoken = await desk.pcm(busy.call_id, Side.CANDIDATE)
    silent = await desk.pcm(calm.call_id, Side.CANDIDATE)
    assert recording("interruption") in spoken
    assert not any(silent)


async def test_muting_and_unmuting(desk: Desk) -> None:
    """Given a muted microphone, no audio is sent and the interviewer is not disturbed; unmuted, it
    is heard again."""
    opened = await desk.open("Why?")
    async with in_call(opened) as candidate:
        await candidate.asked(1)
        candidate.client.mute()
        sent = candidate.client.microphone.next_seq
        await asyncio.sleep(0.3)
        assert candidate.client.microphone.next_seq == sent
        candidate.client.unmute()
        await candidate.say(recording("answer_3", 1.5))
        await candidate.state("candidate_speaking")
    topics = [type(event).__name__ for event in await desk.log((await desk.settled(opened)).call.id)]
    assert topics.index("MicMuted") < topics.index("MicUnmuted") < topics.index("CandidateStarted")


async def test_muting_in_the_middle_of_a_word_ends_the_answer(desk: Desk) -> None:
    """Given a candidate who mutes while speaking, the answer is over and the interviewer replies."""
    opened = await desk.open("Why?", "How?")
    async with in_call(opened) as candidate:
        await candidate.asked(1)
        candidate.client.microphone.say(recording("answer_3"))
        await candidate.state("candidate_speaking")
        await asyncio.sleep(0.5)
        candidate.client.mute()
        await candidate.hears(generation=2)


async def test_hanging_up(desk: Desk) -> None:
    """Given a hangup with a reason, the call closes with it, durably, and everything sent is
    acknowledged."""
    opened = await desk.open("Why?")
    async with in_call(opened) as candidate:
        await candidate.hears(ms=100)
        candidate.client.hangup("the doorbell")
        await candidate.until(lambda: bool(candidate.of("closed")))
    closed = candidate.client.closed
    assert closed is not None
    assert (closed["reason"], closed["durable"]) == ("hangup_by_candidate", True)
    assert "the doorbell" in closed["detail"]
    assert candidate.client.microphone.unacknowledged == 0
