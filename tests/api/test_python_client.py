"""The Python client on bad lines: silence, refusals that mean "not now", a server that is away for too long."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from api.client import Loudspeaker, OpenedCall, VivaClient
from api.client.connection import CallEndedError
from api.protocol import ServerAudio

READY = {
    "type": "ready", "version": 5, "call_id": "c", "resumed": False, "token": "t", "token_expires_at": "", "epoch": 1,
    "kept_version": 0, "next_seq": 0, "state": "listening", "missing": [], "muted": False, "held": False,
    "rate_hz": 24_000, "lead_ms": 400, "report_ms": 200, "ping_interval_ms": 100, "silence_ms": 300,
    "max_message_bytes": 65_536, "resume_wait_ms": 800,
}  # fmt: skip


@dataclass
class Line:
    """A server that says what it is told to: for each hello one list of messages; a number closes the connection."""

    script: list[list[dict[str, Any] | int]]
    port: int = 0
    hellos: list[dict[str, Any]] = field(default_factory=list)

    async def answer(self, socket: ServerConnection) -> None:
        self.hellos.append(json.loads(await socket.recv()))
        step = self.script[min(len(self.hellos), len(self.script)) - 1]
        for message in step:
            if isinstance(message, int):
                await socket.close(message)
                return
            await socket.send(json.dumps(message))
        await socket.wait_closed()

    @asynccontextmanager
    async def up(self) -> AsyncIterator[None]:
        async with serve(self.answer, "127.0.0.1", self.port, subprotocols=["viva.v1"], ping_interval=None) as server:  # type: ignore[list-item]
            self.port = server.sockets[0].getsockname()[1]
            try:
                yield
            finally:
                for connection in list(server.connections):
                    connection.transport.abort()

    def call(self) -> VivaClient:
        url = f"ws://127.0.0.1:{self.port}/ws/audio"
        opened = OpenedCall(call_id="c", token="t", url=url, subprotocol="viva.v1")
        return VivaClient(opened, speak=False)


async def until(line: Line, hellos: int) -> None:
    async with asyncio.timeout(10):
        while len(line.hellos) < hellos:  # noqa: ASYNC110  (nothing announces it)
            await asyncio.sleep(0.01)


async def test_a_line_on_which_nothing_comes_is_given_up() -> None:
    """Given a server that says nothing after `ready`, the client connects again, as the same one."""
    line = Line([[READY]])
    async with line.up(), line.call():
        await until(line, 3)
    assert len({hello["client_id"] for hello in line.hellos}) == 1
    assert [hello["seen_epoch"] for hello in line.hellos[:3]] == [0, 1, 1]


async def test_what_was_seen_is_said_and_what_is_void_is_rolled_back() -> None:
    told = [{"type": "transcript", "version": version, "who": "candidate", "text": "x"} for version in (3, 9)]
    back = READY | {"epoch": 2, "kept_version": 7, "silence_ms": 60_000}
    line = Line([[READY, *told], [back]])
    async with line.up(), line.call() as call:
        rollback = await call.until("rollback")
        assert rollback["version"] == 7
    assert [(hello["seen_version"], hello["seen_epoch"]) for hello in line.hellos] == [(0, 0), (9, 1)]


@pytest.mark.parametrize("code", ["moving", "call_busy", "server_full", "store_unavailable"])
async def test_refusals_that_mean_not_now_are_tried_again(code: str) -> None:
    refusal = {"type": "error", "code": code, "message": "Not now.", "fatal": True, "version": 0}
    line = Line([[READY, 1012], [refusal, 1013], [1011], [READY | {"silence_ms": 60_000}]])
    async with line.up(), line.call() as call:
        await until(line, 4)
        assert call.error is None


async def test_a_server_that_is_away_for_too_long_can_be_tried_again() -> None:
    """Given no server for longer than the call waits, the client says that it is lost, and tries when it is told to."""
    line = Line([[READY]])
    async with line.up():
        call = line.call()
        await call.__aenter__()
    await asyncio.wait_for(call.lost.wait(), 10)
    assert call.error is not None
    assert "retry()" in call.error["message"]
    async with line.up():
        call.retry()
        await until(line, 2)
        assert not call.lost.is_set()
        await call.__aexit__(CallEndedError, None, None)


def test_audio_that_was_played_already_is_reported_as_played() -> None:
    """Given what was heard between a hello and its `ready` comes once more, the server is told that it was heard."""
    reports: list[tuple[int, bool]] = []
    loudspeaker = Loudspeaker(lambda played, held: reports.append((played, held)))
    loudspeaker.take(ServerAudio(0, 1, 1_000, bytes(4_800)))
    loudspeaker._play(2_400, 0.1)
    loudspeaker.restart(held=False)
    reports.clear()
    loudspeaker.take(ServerAudio(0, 1, 1_000, bytes(1_920)))
    loudspeaker.take(ServerAudio(1, 1, 1_960, bytes(2_880)))
    for tick in range(5):
        loudspeaker._play(240, 0.2 + tick / 100)
    assert reports == [(3_400, False)]
