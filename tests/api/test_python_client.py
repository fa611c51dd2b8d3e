"""The Python client on bad lines: silence, refusals that mean "not now", a server that is away for
too long."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve

from api.client import CallEndedError, Loudspeaker, OpenedCall, VivaClient
from api.wire.protocol import ServerAudio

pytestmark = pytest.mark.simulated

READY = {
    "type": "ready", "version": 5, "call_id": "c", "resumed": False, "token": "t", "token_expires_at": "", "epoch": 1,
    "kept_version": 0, "next_seq": 0, "state": "listening", "missing": [], "muted": False, "held": False,
    "rate_hz": 24_000, "lead_ms": 400, "report_ms": 200, "ping_interval_ms": 100, "silence_ms": 300,
    "max_message_bytes": 65_536, "resume_wait_ms": 800,
}  # fmt: skip
QUIET = READY | {"silence_ms": 60_000}


CLOSED = {"type": "closed", "version": 9, "reason": "hangup_by_candidate", "detail": "", "durable": True, "grace_ms": 0}
GRACEFUL = CLOSED | {"grace_ms": 5_000}


@dataclass
class Line:
    """A server with a script: for each hello one list of messages; a number closes
    the connection.

    `taken` is what came after each hello: control messages, and the numbers of audio messages.
    """

    script: list[list[dict[str, Any] | int | bytes]]
    port: int = 0
    hellos: list[dict[str, Any]] = field(default_factory=list)
    taken: list[list[dict[str, Any] | int]] = field(default_factory=list)
    closed: dict[str, Any] = field(default_factory=lambda: CLOSED)

    async def answer(self, socket: ServerConnection) -> None:
        self.hellos.append(json.loads(await socket.recv()))
        taken: list[dict[str, Any] | int] = []
        self.taken.append(taken)
        step = self.script[min(len(self.hellos), len(self.script)) - 1]
        for message in step:
            if isinstance(message, int):
                await socket.close(message)
                return
            await socket.send(message if isinstance(message, bytes) else json.dumps(message))
        async for answer in socket:
            taken.append(json.loads(answer) if isinstance(answer, str) else int.from_bytes(answer[4:8], "little"))
            if isinstance(answer, str) and json.loads(answer)["type"] == "hangup":
                await socket.send(json.dumps(self.closed))

    @asynccontextmanager
    async def up(self) -> AsyncIterator[Server]:
        async with serve(self.answer, "127.0.0.1", self.port, subprotocols=["viva.v1"], ping_interval=None) as server:  # type: ignore[list-item]
            self.port = server.sockets[0].getsockname()[1]
            try:
                yield server
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
    transcripts = [{"type": "transcript", "version": version, "who": "candidate", "text": "x"} for version in (3, 9)]
    back = READY | {"epoch": 2, "kept_version": 7, "silence_ms": 60_000}
    line = Line([[READY, *transcripts], [back]])
    async with line.up(), line.call() as call:
        rollback = await call.until("rollback")
        assert rollback["version"] == 7
    assert [(hello["seen_version"], hello["seen_epoch"]) for hello in line.hellos] == [(0, 0), (9, 1)]


NOT_NOW = ["moving", "call_busy", "server_full", "store_unavailable"]


def refusal(code: str) -> dict[str, Any]:
    return {"type": "error", "code": code, "message": "A sentence of the server.", "fatal": True, "version": 0}


@pytest.mark.parametrize("code", NOT_NOW)
async def test_refusals_that_mean_not_now_are_tried_again(code: str) -> None:
    line = Line([[READY, 1012], [refusal(code), 1013], [1011], [QUIET]])
    async with line.up(), line.call() as call:
        await until(line, 4)
        assert call.error is None


@pytest.mark.parametrize("code", NOT_NOW)
async def test_a_first_hello_that_is_refused_for_now_is_said_again(code: str) -> None:
    """Given a server that says *not now* twice before it takes the hello, entering takes a moment,
    and that is all."""
    line = Line([[refusal(code), 1013], [refusal(code), 1013], [QUIET]])
    async with line.up(), line.call() as call:
        assert (len(line.hellos), call.connections, call.error) == (3, 1, None)


async def test_a_refusal_that_is_only_a_close_frame_is_said_again_too() -> None:
    """Given a server that evicts a connection without a message, the close frame's reason is the
    code."""
    line = Line([[QUIET]])
    evicted: list[ServerConnection] = []

    async def answer(socket: ServerConnection) -> None:
        if evicted:
            return await Line.answer(line, socket)
        evicted.append(socket)
        return await socket.close(1013, "server_full")

    line.answer = answer  # type: ignore[method-assign]
    async with line.up(), line.call() as call:
        assert call.connections == len(evicted) == 1


async def test_a_server_that_says_not_now_for_too_long_is_quoted() -> None:
    """Given a call that is busy elsewhere for longer than is waited, the error is the server's
    own."""
    line = Line([[refusal("call_busy"), 1013]])
    async with line.up():
        with pytest.raises(CallEndedError, match=r"A sentence of the server\.") as refused:
            await line.call().__aenter__()
    assert refused.value.code == "call_busy"
    assert len(line.hellos) >= 2


async def test_a_first_hello_that_is_refused_for_good_is_said_once() -> None:
    line = Line([[refusal("token_expired"), 4401]])
    async with line.up():
        with pytest.raises(CallEndedError) as refused:
            await line.call().__aenter__()
    assert (refused.value.code, len(line.hellos)) == ("token_expired", 1)


async def test_a_server_that_is_away_for_too_long_can_be_tried_again() -> None:
    """Given no server for longer than the call waits, the client says that it is lost, and tries
    when it is told to."""
    line = Line([[READY]])
    async with line.up():
        call = line.call()
        await call.__aenter__()
    await asyncio.wait_for(call.lost.wait(), 10)
    assert call.error is not None
    assert "retry()" in call.error["message"]
    async with line.up():
        assert (await call.until("lost"))["message"] == call.error["message"]
        call.retry()
        await until(line, 2)
        await call.until("ready")
        assert not call.lost.is_set()
        assert call.error is None
        await call.__aexit__(CallEndedError, None, None)


async def test_a_line_that_breaks_in_the_grace_period_is_taken_up_while_audio_is_unacknowledged() -> None:
    """Given `closed`, and then no line, the rest of the audio is handed in over a new one; the end
    is told once."""
    again = CLOSED | {"grace_ms": 3_000}
    line = Line([[QUIET], [QUIET | {"resumed": True, "state": "closed", "next_seq": 1}, again]], closed=GRACEFUL)
    async with line.up() as server, line.call() as call:
        for _ in range(3):
            call.microphone.push(bytes(640))
        call.hangup()
        await call.ended()
        await call.drop()
        await until(line, 2)
        async with asyncio.timeout(5):
            while [item for item in line.taken[1] if isinstance(item, int)] != [1, 2]:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        leaving = asyncio.create_task(call.__aexit__(None, None, None))
        [connection] = server.connections
        await connection.send(json.dumps({"type": "ack", "version": 9, "seq": 2}))
        await asyncio.wait_for(leaving, 2)
        assert (call.microphone.unacknowledged, call.connections, call.error) == (0, 2, None)
        assert [message["type"] async for message in call.messages()].count("closed") == 1


async def test_a_line_that_breaks_when_all_is_acknowledged_stays_broken() -> None:
    line = Line([[QUIET]], closed=GRACEFUL)
    async with line.up(), line.call() as call:
        call.hangup()
        await call.ended()
        await call.drop()
        await asyncio.wait_for(call._tasks[0], 2)
        assert len(line.hellos) == 1


@pytest.mark.parametrize("settled", [False, True])
async def test_the_grace_period_is_not_waited_for_longer_than_it_is(settled: bool) -> None:
    """Given unacknowledged audio, and no server or one that has settled the call: over it is, and
    not in error."""
    line = Line([[QUIET], [refusal("call_closed"), 4410]], closed=CLOSED | {"grace_ms": 400})
    async with line.up():
        call = line.call()
        await call.__aenter__()
        call.microphone.push(bytes(640))
        call.hangup()
        await call.ended()
        if settled:
            await call.drop()
            await asyncio.wait_for(call._tasks[0], 2)
    await asyncio.wait_for(call._tasks[0], 5)
    assert (call.error, call.lost.is_set()) == (None, False)
    await call.__aexit__(None, None, None)


async def test_without_a_connection_nothing_is_queued() -> None:
    """Given audio and messages while the line is away, the audio comes after the next `ready`, the
    messages never."""
    line = Line([[QUIET]])
    async with line.up():
        call = line.call()
        await call.__aenter__()
    async with asyncio.timeout(5):
        while call._line is None or not call._line.ended:  # noqa: ASYNC110  (nothing announces it)
            await asyncio.sleep(0.01)
    call.microphone.push(bytes(640))
    call.send({"type": "ping", "id": 77})
    assert call._line.waiting == 0
    async with line.up():
        await until(line, 2)
        await call.__aexit__(None, None, None)
    assert [item for item in line.taken[1] if item == 0 or item == {"type": "ping", "id": 77}] == [0]


def test_audio_that_was_played_already_is_reported_as_played() -> None:
    """Given what was heard between a hello and its `ready` comes once more, the server is told that
    it was heard."""
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


async def test_a_hello_that_nobody_answers_leaves_no_connection_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a server that stalls in the hello, each try closes what it opened: nothing answers it
    later."""
    monkeypatch.setattr("api.client.connection._HELLO_TIMEOUT_S", 0.1)
    line = Line([[READY, 1012], [], [], [QUIET]])
    async with line.up() as server, line.call():
        await until(line, 4)
        async with asyncio.timeout(2):
            while len(server.connections) > 1:  # noqa: ASYNC110  (nothing announces it)
                await asyncio.sleep(0.01)


async def test_tries_are_at_most_a_second_apart_and_not_all_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def noted(wait_s: float) -> None:
        waits.append(wait_s)

    call = Line([], port=1).call()
    call.ready = READY
    monkeypatch.setattr("api.client.connection.asyncio.sleep", noted)
    monkeypatch.setattr(call, "_connect", failing(50))
    assert await call._reconnect(at_once=True)
    assert waits[0] == 0.0
    assert all(0.04 <= wait_s <= 1.0 for wait_s in waits[1:])
    assert len(set(waits[10:])) > 20


def failing(times: int) -> Callable[[], Awaitable[None]]:
    left = iter(range(times))

    async def connect() -> None:
        if next(left, None) is not None:
            raise ConnectionRefusedError("not now")

    return connect


async def test_a_server_that_speaks_something_else_ends_the_call_with_its_reason() -> None:
    line = Line([[READY, b"\7what is this"]])
    async with line.up(), line.call() as call:
        await asyncio.wait_for(call.ended(), 5)
        assert call.error is not None
        assert call.error["code"] == "malformed_audio"
