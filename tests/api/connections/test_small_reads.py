"""Bytes in small portions, on the loop of the tests and on that of a server."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop

from api.connections.small_reads import PORTION_BYTES, SmallReads

SENT = bytes(range(256)) * 4_096


class Reader(asyncio.Protocol):
    """Keeps what comes, in the portions in which it came, and what else happened to it."""

    def __init__(self) -> None:
        self.portions: list[bytes] = []
        self.happened: list[str] = []
        self.gone = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.happened.append("made")

    def data_received(self, data: bytes) -> None:
        self.portions.append(data)

    def pause_writing(self) -> None:
        self.happened.append("paused")

    def resume_writing(self) -> None:
        self.happened.append("resumed")

    def eof_received(self) -> None:
        self.happened.append("eof")

    def connection_lost(self, exc: Exception | None) -> None:
        self.happened.append("lost")
        self.gone.set()


async def _receive() -> Reader:
    reader = Reader()
    server = await asyncio.get_running_loop().create_server(lambda: SmallReads(reader), "127.0.0.1", 0)
    async with server:
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(SENT)
        await writer.drain()
        writer.close()
        await asyncio.wait_for(reader.gone.wait(), 10)
    return reader


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_flood_comes_in_portions(run: Callable[[Coroutine[Any, Any, Reader]], Reader]) -> None:
    """Given a megabyte at once, it arrives whole, in portions that are small, and the rest of the
    order is kept."""
    reader = run(_receive())
    assert b"".join(reader.portions) == SENT
    assert max(map(len, reader.portions)) == PORTION_BYTES
    assert reader.happened == ["made", "eof", "lost"]


def test_the_transport_can_slow_the_protocol_down() -> None:
    """Given a peer that does not read, the protocol hears when to wait and when to go on."""

    async def course() -> list[str]:
        reader = Reader()
        small = SmallReads(reader)
        small.pause_writing()
        small.resume_writing()
        return reader.happened

    assert asyncio.run(course()) == ["paused", "resumed"]
