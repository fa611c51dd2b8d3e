"""Faults on purpose: each action strikes where and as often as it is set to."""

import asyncio

import pytest

from adapters.rehearsal import Action, Fault, Point, RehearsalServer
from adapters.rehearsal.faults import FaultPlan
from domain.errors import PeerError
from tests.adapters.rehearsal.dialogue import dial, quick, recording

pytestmark = pytest.mark.simulated


async def test_drop_closes_with_its_code_after_so_many_turns_and_only_once() -> None:
    """Given `drop` at the second turn's end, when it strikes, then the next session runs past that
    point."""
    fault = Fault(action=Action.DROP, at=Point.TURN_COMPLETE, nth=2, code=1011, reason="Internal error.")
    async with RehearsalServer(quick(faults=(fault,))) as server:
        async with dial(server) as dialogue:
            await dialogue.begin()
            await dialogue.ask("I am Michael.")
            closed = await dialogue.until_closed()
            assert (closed.code, dialogue.course.count("turn_complete")) == (1011, 1)
        async with dial(server) as again:
            await again.begin()
            await again.ask("I am Michael.")
            await again.until_turns(2)


async def test_drop_can_cut_the_connection_without_a_word() -> None:
    """Given `drop` with `abort`, when so many bytes were received, then the client sees 1006."""
    fault = Fault(action=Action.DROP, at=Point.RECEIVED_BYTES, nth=32_000, abort=True)
    async with RehearsalServer(quick(faults=(fault,))) as server, dial(server) as dialogue:
        await dialogue.window(recording("answer_1")[:32_640])
        assert (await dialogue.until_closed()).code == 1006
        await server.sessions[-1].closed.wait()
        assert server.sessions[-1].received.total_bytes == 32_000


async def test_drop_can_strike_in_the_middle_of_a_reply() -> None:
    """Given `drop` 300 ms after the first audio, when it strikes, then part of the reply had
    come."""
    fault = Fault(action=Action.DROP, at=Point.REPLY, after_ms=300)
    async with RehearsalServer(quick(speed=2.0, faults=(fault,))) as server, dial(server) as dialogue:
        await dialogue.session.send_realtime_input(text="Please begin.")
        await dialogue.until_closed()

        assert dialogue.course == ["audio"]
        assert 0.2 < len(dialogue.audio) / 48_000 < 2.1


@pytest.mark.parametrize("point", [Point.REPLY, Point.GENERATION_COMPLETE, Point.TURN_COMPLETE])
async def test_delay_holds_a_message_back(point: Point) -> None:
    """Given `delay` at a point, when a turn passes, then it takes that much longer and is otherwise
    whole."""
    fault = Fault(action=Action.DELAY, at=point, ms=400)
    async with RehearsalServer(quick(faults=(fault,))) as server, dial(server) as dialogue:
        began = asyncio.get_running_loop().time()
        await dialogue.begin()

        assert asyncio.get_running_loop().time() - began > 0.4
        assert dialogue.course == ["audio", "generation_complete", "turn_complete"]


async def test_go_away_announces_the_end_and_keeps_its_word() -> None:
    """Given `go_away` at setup, when its time is over, then the connection closes."""
    fault = Fault(action=Action.GO_AWAY, at=Point.SETUP_COMPLETE, time_left_ms=200)
    async with RehearsalServer(quick(faults=(fault,))) as server, dial(server) as dialogue:
        await dialogue.until(lambda it: "go_away" in it.course)
        assert (await dialogue.until_closed()).code == 1011


async def test_a_connection_may_outlive_what_it_announced() -> None:
    """Given `go_away` that goes on, when its time is over, then the session goes on."""
    fault = Fault(action=Action.GO_AWAY, at=Point.SETUP_COMPLETE, time_left_ms=50, goes_on=True)
    async with RehearsalServer(quick(faults=(fault,))) as server, dial(server) as dialogue:
        await dialogue.until(lambda it: "go_away" in it.course)
        await asyncio.sleep(0.1)
        await dialogue.begin()


async def test_a_delay_does_not_keep_the_candidate_from_interrupting() -> None:
    """Given a turn's end is held back for long, when the candidate speaks, then the turn is cut off
    at once."""
    fault = Fault(action=Action.DELAY, at=Point.TURN_COMPLETE, ms=50_000)
    async with RehearsalServer(quick(faults=(fault,))) as server, dial(server) as dialogue:
        await dialogue.session.send_realtime_input(text="Please begin.")
        await dialogue.until(lambda it: "generation_complete" in it.course)
        await dialogue.window(recording("uh_huh"))
        await dialogue.until_turns(2)

        assert dialogue.course[:4] == ["audio", "generation_complete", "interrupted", "turn_complete"]


def test_a_fault_for_a_while_is_over_after_it() -> None:
    """Given `for_ms`, when that long has passed since the fault was made, then it strikes no
    more."""
    now_s = 5.0
    plan = FaultPlan([Fault.parse("drop at=reply times=0 for_ms=1000")], now_s=lambda: now_s)
    assert len(plan.watch().passes(Point.REPLY)) == 1
    now_s = 6.0
    assert plan.watch().passes(Point.REPLY) == []


def test_faults_are_read_from_json_and_from_words() -> None:
    """Given the two spellings, when they are read, then they mean the same."""
    words = Fault.parse("drop at=reply nth=2 after_ms=300 abort=true times=0")
    json = Fault.parse('{"action":"drop","at":"reply","nth":2,"after_ms":300,"abort":true,"times":0}')

    assert words == json == Fault(action=Action.DROP, at=Point.REPLY, nth=2, after_ms=300, abort=True, times=0)


@pytest.mark.parametrize(
    "text",
    [
        "explode at=reply",
        "drop at=lunch",
        "drop at=reply nht=2",
        "drop",
        "delay at=reply ms=x",
        "refuse at=reply",
        "go_away at=dial",
        "drop at=dial after_ms=5",
        "garbage at=reply what=confetti",
    ],
)
def test_a_fault_that_cannot_be_read_says_what_is_wrong(text: str) -> None:
    """Given a mistyped fault, when it is read, then the error names it."""
    with pytest.raises(PeerError, match="Correct the fault"):
        Fault.parse(text)
