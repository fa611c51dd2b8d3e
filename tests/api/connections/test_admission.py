"""A process holds so many calls and no more, however they come; and one call's client does not wear
it out."""

from pathlib import Path

import pytest

from domain.inputs import ClientConnected
from tests.api.candidate import in_call
from tests.api.connections.bare_socket import HELLO, bare
from tests.fixtures.server import running_desk

pytestmark = pytest.mark.simulated


async def test_a_full_server_takes_no_call_over(dsn: str, tmp_path: Path) -> None:
    """Given a client that lands on a server which is full, it is sent away at once, and its call
    stays where it is."""
    async with (
        running_desk(dsn, tmp_path) as first,
        running_desk(dsn, tmp_path, beside=first, max_calls=1) as full,
    ):
        opened, _ = await first.open("Why?"), await full.open("How?")
        async with in_call(opened) as candidate:
            await candidate.asked(1)
            async with bare(full) as socket:
                await socket.send(HELLO | {"token": opened.token})
                assert await socket.ending() == 1013
            assert [(error["code"], error["fatal"]) for error in socket.errors] == [("server_full", True)]
            assert full.services.counts.hello_refusals == {"server_full": 1}
            acknowledged = len(candidate.of("ack"))
            await candidate.until(lambda: len(candidate.of("ack")) > acknowledged)
            assert candidate.client.connections == 1
        await first.check()
        await full.check()


async def test_hellos_without_end_cost_a_call_little(dsn: str, tmp_path: Path) -> None:
    """Given a client that connects over and over, it is told to wait; the log grows no further, and
    the call lives."""
    async with running_desk(dsn, tmp_path) as desk:
        opened = await desk.open("Why?")
        codes = []
        for _ in range(50):
            async with bare(desk) as socket:
                await socket.send(HELLO | {"token": opened.token})
                message = await socket.first()
                codes.append(message.get("code", message["type"]))
        assert codes[:30] == ["ready"] * 30
        assert codes.count("call_busy") >= 10
        connected = [event for event in await desk.log(opened.call_id) if isinstance(event, ClientConnected)]
        assert len(connected) == codes.count("ready")
        await desk.check()
