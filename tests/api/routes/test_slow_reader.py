"""A client that falls behind, over a real socket: it misses what was stale and nothing else, or its
call ends."""

import asyncio
import json
import socket as sockets

import pytest

from api.wire.protocol import decode_server_audio
from api.wire.send_queue import SendQueue
from domain.effects import TellTranscript
from domain.events import CallClosed
from domain.inputs import ClientMessagesDropped, QueueOverflowed
from domain.ports import Side
from domain.states import State
from tests.api.candidate import neighbour
from tests.api.connections.bare_socket import bare, small_buffers
from tests.fixtures.server import Desk

pytestmark = pytest.mark.asyncio(loop_scope="module")

LONG = " ".join(["Please tell me about the many projects that you have worked on in all these years"] * 10) + "?"
BEHIND, INTERIMS = 4, 200


async def test_a_client_that_falls_behind_misses_only_what_is_stale(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a client that does not read for a while, it gets the newest text and all audio, and the
    call goes on."""
    monkeypatch.setattr(SendQueue.__init__, "__defaults__", (500, BEHIND))  # it falls behind sooner
    opened = await desk.open(LONG)
    live = desk.calls[-1]
    audio: list[int] = []
    texts: list[str] = []
    async with neighbour(desk), small_buffers(desk) as connected, bare(desk, sock=connected, max_queue=1) as socket:
        await socket.hello(opened.token)
        socket.socket.transport.pause_reading()
        async with asyncio.timeout(10):
            while live.client_link.waiting < BEHIND + 3:
                await socket.send({"type": "playback", "played_sample": live.call.playout.sent_sample})
                await asyncio.sleep(0.02)
        for number in range(INTERIMS):
            live.carry(TellTranscript(1, Side.CANDIDATE, 9, 9, f"text {number}", interim=True))
        live.carry(TellTranscript(1, Side.CANDIDATE, 9, 9, "the whole text", interim=False))
        assert live.client_link.waiting < BEHIND + INTERIMS / 2
        connected.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 1 << 20)
        socket.socket.transport.resume_reading()
        async with asyncio.timeout(10):
            while not texts or texts[-1] != "the whole text":
                message = await socket.socket.recv()
                if isinstance(message, bytes):
                    audio.append(decode_server_audio(message).seq)
                elif (content := json.loads(message)).get("number") == 9:
                    texts.append(content["text"])
        await socket.send({"type": "ping", "id": 1})
        await socket.until("pong")
    assert not socket.errors
    assert audio == list(range(audio[0], audio[-1] + 1))
    await desk.settled(opened)
    shed = [event.messages for event in await desk.log(opened.call_id) if isinstance(event, ClientMessagesDropped)]
    assert sum(each.get("transcript", 0) for each in shed) == INTERIMS + 1 - len(texts) > 100
    assert len(shed) == 1


async def test_a_client_that_does_not_read(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a client that reports playback wildly and reads nothing, its queue fills, and its call
    ends for it."""
    monkeypatch.setattr(SendQueue.__init__, "__defaults__", (100, 50))  # a short queue is as full as a long one, sooner
    async with neighbour(desk):
        opened = await desk.open(LONG)
        session = desk.calls[-1]
        async with small_buffers(desk) as connected, bare(desk, sock=connected, max_queue=1) as socket:
            await socket.hello(opened.token)
            socket.socket.transport.pause_reading()
            async with asyncio.timeout(10):
                while session.call.state is not State.CLOSED:
                    await socket.send({"type": "playback", "played_sample": session.call.playout.sent_sample})
                    await asyncio.sleep(0.02)
            await desk.settled(opened)
            socket.socket.transport.resume_reading()
            assert await socket.ending() in (4413, 1006)  # 1006 where even the close frame could not be sent in time
    events = await desk.log(opened.call_id)
    assert [event.reason for event in events if isinstance(event, CallClosed)] == ["client_too_slow"]
    assert [event.queue for event in events if isinstance(event, QueueOverflowed)] == ["client"]
    (shed,) = (event.messages for event in events if isinstance(event, ClientMessagesDropped))
    assert shed["audio"] > 0
    assert 100 <= sum(shed.values()) <= 110
