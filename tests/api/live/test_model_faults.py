"""What Gemini can do to a call: each fault is one line, and the call goes on, or closes with a
reason."""

import pytest

from domain.events import LinkLost, LinkRestored, ReplyRequested
from domain.inputs import AudioReadBack, GoAwayReceived, ModelConnected
from domain.ports import Side
from domain.states import Link
from tests.api.candidate import in_call, recording
from tests.fixtures.server import Desk

pytestmark = [pytest.mark.simulated, pytest.mark.asyncio(loop_scope="module")]

SURVIVED = {
    "a drop while listening": ("drop at=turn_complete nth=1 after_ms=100", "dialled again unnoticed"),
    "a drop in the answer": ("drop at=received_bytes nth=20000", "the window is sent again"),
    "an abrupt drop in the answer": ("drop at=received_bytes nth=20000 abort=true", "the window is sent again"),
    "a drop before the reply": ("drop at=reply nth=2", "the answer is sent again"),
    "a drop in the reply": ("drop at=reply nth=2 after_ms=100", "the reply is cut short"),
    "going away": ("go_away at=generation_complete nth=1 time_left_ms=9000", "rotated in quiet"),
    "a late reply": ("delay at=reply nth=2 ms=1500", "waited for"),
}


@pytest.mark.parametrize("name", list(SURVIVED))
async def test_the_call_survives(desk: Desk, name: str) -> None:
    """Given a fault of the model's link, the candidate's answer is heard and the next question is
    asked."""
    desk.faults(SURVIVED[name][0])
    opened = await desk.open("Why?", "And how?")
    async with in_call(opened) as candidate:
        await candidate.asked(1)
        await candidate.say(recording("answer_3", 1.5))
        await candidate.until(lambda: len([m for m in candidate.of("latency") if m["generation"] >= 2]) >= 1)
        await candidate.asked(2)
        assert candidate.client.closed is None
    events = await desk.log((await desk.settled(opened)).call.id)
    lost = [event for event in events if isinstance(event, LinkLost) and event.link is Link.MODEL]
    connected = [event for event in events if isinstance(event, ModelConnected)]
    if "late" in name:
        assert not lost
    else:
        assert len(lost) == 1
        assert [event.resumed for event in connected] == [False, not lost[0].fresh]
    if "going" in name:
        assert any(isinstance(event, GoAwayReceived) for event in events)
    assert recording("answer_3", 1.5) in await desk.pcm(opened.call_id, Side.CANDIDATE)


async def test_a_resumed_session_is_given_the_open_window_whole(desk: Desk) -> None:
    """Given a drop in the middle of an answer, the next session gets all of it, and by the old
    one's handle."""
    desk.faults("drop at=received_bytes nth=30000")
    opened = await desk.open("Why?", "How?")
    answer = recording("answer_3", 2.5)
    async with in_call(opened) as candidate:
        await candidate.asked(1)
        await candidate.say(answer)
        await candidate.hears(generation=2)
    whole = desk.rehearsal.sessions[-1]
    assert whole.setup is not None
    assert whole.setup.handle
    assert bytes(whole.windows[0].pcm).find(answer[3_200:]) >= 0
    assert len(whole.windows) == 1


async def test_a_window_that_left_the_buffer_is_read_back_from_the_log(desk: Desk) -> None:
    """Given an answer of which little is kept in the buffer, and a drop in its middle: the next
    session gets all of it."""
    desk.faults("drop at=received_bytes nth=110000")
    opened = await desk.open("Why?", "How?", agent="forgetful")
    answer = recording("answer_2", 4.5)
    async with in_call(opened) as candidate:
        await candidate.asked(1)
        await candidate.say(answer)
        await candidate.hears(generation=2)
    assert bytes(desk.rehearsal.sessions[-1].windows[0].pcm).find(answer[3_200:]) >= 0
    events = await desk.log(opened.call_id)
    (read_back,) = (event for event in events if isinstance(event, AudioReadBack))
    assert 0 < read_back.samples <= read_back.to_sample - read_back.from_sample


async def test_a_link_that_fails_three_times_closes_the_call(desk: Desk) -> None:
    """Given set-ups that never succeed, the call is dialled three times and then closes with a
    readable reason."""
    desk.faults("drop at=setup_complete times=0")
    opened = await desk.open("Why?")
    async with in_call(opened) as candidate:
        await candidate.until(lambda: bool(candidate.of("closed")))
    closed = candidate.of("closed")[0]
    assert (closed["reason"], closed["durable"]) == ("model_unavailable", True)
    assert "3 times" in closed["detail"]
    events = await desk.log(opened.call_id)
    assert not any(isinstance(event, LinkRestored) and event.link is Link.MODEL for event in events)


async def test_the_client_lost_while_the_model_is(desk: Desk) -> None:
    """Given both links missing at once, the call goes on when both are back."""
    desk.faults("drop at=reply nth=1 after_ms=600")
    opened = await desk.open("Why do you want to work here, of all the places there are?", "How?")
    async with in_call(opened) as candidate:
        await candidate.hears()
        await candidate.client.drop()
        await candidate.until(lambda: len(candidate.of("ready")) == 2)
        await candidate.until(lambda: candidate.states[-1] == "listening")
        await candidate.say(recording("answer_3", 1.5))
        await candidate.hears(generation=2)
    causes = [event.cause for event in await desk.log(opened.call_id) if isinstance(event, ReplyRequested)]
    assert causes[0] == "opening"
    assert len(causes) >= 2
