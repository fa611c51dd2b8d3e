"""A fault of ours in one call ends that call, says so to its client, and touches no other."""

from itertools import pairwise
from pathlib import Path

import pytest

from api.ownership import takeover
from domain.call import Call, Decision
from domain.errors import UnknownTopicError, WriterFullError
from domain.events import CallClosed
from domain.inputs import CallTakenOver, Input, MicMuted
from tests.api.candidate import in_call
from tests.api.connections.bare_socket import bare
from tests.api.ownership.two_desks import explained, settled_log, two_desks
from tests.fixtures.server import running_desk

pytestmark = pytest.mark.simulated


class StumblingError(Exception):
    """The planted bug."""


@pytest.fixture
def stumbles(monkeypatch: pytest.MonkeyPatch) -> None:
    """The core fails at a muted microphone."""
    handle = Call.handle

    def stumbling(self: Call, happened: Input) -> Decision:
        if isinstance(happened, MicMuted):
            raise StumblingError
        return handle(self, happened)

    monkeypatch.setattr(Call, "handle", stumbling)


@pytest.mark.usefixtures("stumbles")
async def test_a_bug_in_one_call_ends_that_call_only(dsn: str, tmp_path: Path) -> None:
    """Given a bug in mid-call, its client gets an error, another call goes on, and the log of the
    first gets its end."""
    async with running_desk(dsn, tmp_path) as desk:
        broken, other = await desk.open(), await desk.open()
        async with in_call(other) as candidate:
            await candidate.asked(1)
            async with bare(desk) as socket:
                await socket.hello(broken.token)
                await socket.send({"type": "mute"})
                assert await socket.ending() == 1011
                assert [error["code"] for error in socket.errors] == ["internal"]
            desk.calls = desk.calls[1:]
            async with bare(desk) as socket:  # it is taken over once more, to be closed
                await socket.send({"type": "hello", "rate_hz": 16_000, "token": broken.token})
                closed = await socket.until("closed")
                assert "the server failed in this call" in closed["detail"]
            assert candidate.client.connections == 1
        events = await settled_log(desk, broken)
        assert [event.reason for event in events if isinstance(event, CallClosed)] == ["hangup_by_server"]
        await desk.check()


REFUSED = {
    "a bug": (StumblingError(), "internal", 1011),
    "a log of a newer version": (
        UnknownTopicError("what is call.sung.v1?"),
        "store_unavailable",
        1013,
    ),
    "a full queue": (WriterFullError("1 event waits"), "store_unavailable", 1013),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_takeover_that_fails_is_logged_and_counted(
    dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Given a call that cannot be read here, its client hears if it may try again; once it can be,
    it is taken."""
    error, code, close_code = REFUSED[name]
    async with two_desks(dsn, tmp_path) as (first, second):
        opened = await first.open()
        async with bare(first) as socket:
            await socket.hello(opened.token)

        async def fails(*_: object) -> None:
            raise error

        with monkeypatch.context() as here:
            here.setattr(takeover, "recover_call", fails)
            async with bare(second) as socket:
                await socket.send({"type": "hello", "rate_hz": 16_000, "token": opened.token})
                assert await socket.ending() == close_code
                assert [each["code"] for each in socket.errors] == [code]
        counts = second.services.counts
        assert counts.hello_refusals == {code: 1}
        assert counts.takeovers_failed >= (0 if isinstance(error, WriterFullError) else 1)
        async with bare(second) as socket:
            ready = await socket.hello(opened.token)
            assert ready["epoch"] >= 2
            await socket.send({"type": "hangup"})
            await socket.until("closed")
        await explained(second, opened)


async def test_a_client_that_lands_here_and_there_costs_two_takeovers_a_second(dsn: str, tmp_path: Path) -> None:
    """Given a client that says hello at two servers by turns, each has the call for a while before
    it releases it."""
    async with two_desks(dsn, tmp_path) as (first, second):
        opened = await first.open()
        async with bare(first) as socket:
            await socket.hello(opened.token)
        for desk in (second, first, second, first):
            async with bare(desk) as socket:
                await socket.hello(opened.token)
        first.services.registry.find(first.calls[0].call.id).hang_up("operator", "the test is over")
        events = await explained(first, opened)
        moments = [event.at_us for event in events if isinstance(event, CallTakenOver)]
        assert len(moments) == 4
        assert all(later - before >= 450_000 for before, later in pairwise(moments))
