"""A client that falls behind and catches up: it misses what was stale, nothing else, and its log
says so."""

import asyncio
import json
import socket as sockets

import pytest

from api.wire.protocol import decode_server_audio
from api.wire.send_queue import SendQueue
from domain.effects import TellTranscript
from domain.inputs import ClientMessagesDropped
from domain.ports import Side
from tests.api.connections.bare_socket import bare
from tests.api.routes.test_bad_messages import LONG, neighbour, small_buffers
from tests.fixtures.server import Desk

pytestmark = pytest.mark.asyncio(loop_scope="module")

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
                elif (told := json.loads(message)).get("number") == 9:
                    texts.append(told["text"])
        await socket.send({"type": "ping", "id": 1})
        await socket.until("pong")
    assert not socket.errors
    assert audio == list(range(audio[0], audio[-1] + 1))
    await desk.settled(opened)
    shed = [event.messages for event in await desk.log(opened.call_id) if isinstance(event, ClientMessagesDropped)]
    assert sum(each.get("transcript", 0) for each in shed) == INTERIMS + 1 - len(texts) > 100
    assert len(shed) == 1
