"""A server that speaks `viva.v1` (docs/protocol.md) and does what the test tells it: the client's
counterpart.

HTTP (the page, `GET /agents`, `POST /calls`) and the websocket are on two ports; the test holds
each accepted websocket as a `Wire` and plays the server's part itself. What the client must never
do is asserted as it arrives.
"""

import asyncio
import json
import mimetypes
import struct
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from websockets import Subprotocol
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

WEB = Path(__file__).parents[3] / "api" / "web"
CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' ws://127.0.0.1:*"
WAIT_S = 10.0
CALL_ID = "call-1"


@dataclass(eq=False, repr=False)
class Wire:
    """One websocket of a client, from its hello on."""

    socket: ServerConnection
    server: "ProtocolServer"
    rate_hz: int = 0
    hello: dict[str, Any] = field(default_factory=dict)
    controls: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    history: list[dict[str, Any]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    answer_pings: bool = True
    acknowledge: bool = True
    _seq: int = 0

    async def send(self, kind: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"type": kind, "version": 1, **fields}))

    async def ready(self, *, resumed: bool = False, next_seq: int = 0, **changes: Any) -> None:
        """Says `ready` with a fresh token and short waits, so that tests are quick."""
        self.server.token = f"token-{len(self.server.wires)}"
        fields: dict[str, Any] = {
            "call_id": CALL_ID, "resumed": resumed, "token": self.server.token, "next_seq": next_seq,
            "token_expires_at": "2099-01-01T00:00:00Z", "state": "listening", "missing": [], "muted": False,
            "held": False, "rate_hz": 24000, "lead_ms": 400, "report_ms": 100, "ping_interval_ms": 10_000,
            "max_message_bytes": 65536, "resume_wait_ms": 30_000, "epoch": 1, "kept_version": 0, "silence_ms": 30_000,
        }  # fmt: skip
        await self.send("ready", **(fields | changes))

    async def play(self, generation: int, sample: int, pcm: NDArray[np.int16], chunk: int = 2400) -> int:
        """Sends the interviewer's audio in messages of `chunk` samples; returns the position after
        it."""
        for start in range(0, len(pcm), chunk):
            piece = pcm[start : start + chunk]
            header = struct.pack("<B3xIIQ", 2, self._seq, generation, sample + start)
            await self.socket.send(header + piece.astype("<i2").tobytes())
            self._seq += 1
        return sample + len(pcm)

    async def expect(self, kind: str, **fields: Any) -> dict[str, Any]:
        """The next control message of this type (and with these fields); others before it are
        passed over."""
        async with asyncio.timeout(WAIT_S):
            while True:
                message = await self.controls.get()
                if message["type"] == kind and fields.items() <= message.items():
                    return message

    async def played(self, at_least: int) -> dict[str, Any]:
        """The first playback report that has come this far."""
        while (report := await self.expect("playback"))["played_sample"] < at_least:
            pass
        return report

    def drop(self) -> None:
        """The network fails: no closing handshake, nothing."""
        self.socket.transport.abort()

    async def read(self) -> None:
        """Takes everything the client sends until it is gone."""
        try:
            async for message in self.socket:
                if isinstance(message, bytes):
                    await self._audio(message)
                else:
                    await self._control(json.loads(message))
        except ConnectionClosed:
            pass
        finally:
            self.gone.set()

    async def _audio(self, message: bytes) -> None:
        assert self.rate_hz, "audio before hello"
        kind, zeros, seq = message[0], message[1:4], struct.unpack_from("<I", message, 4)[0]
        assert (kind, zeros) == (1, b"\0\0\0")
        assert 0 < len(message) - 8 <= 65536
        assert len(message) % 2 == 0
        self.server.take_audio(seq, np.frombuffer(message, "<i2", offset=8))
        if self.acknowledge:
            await self.send("ack", seq=seq)

    async def _control(self, message: dict[str, Any]) -> None:
        self.history.append(message)
        self.counts[message["type"]] += 1
        if message["type"] == "hello":
            assert not self.hello, "a second hello"
            assert message["token"] == self.server.token
            self.hello, self.rate_hz = message, message["rate_hz"]
            self.server.rate_hz = self.rate_hz
            self.server.accepted.put_nowait(self)
        else:
            self.controls.put_nowait(message)
        if message["type"] == "ping" and self.answer_pings:
            await self.send("pong", id=message["id"])


@dataclass(eq=False, repr=False)
class ProtocolServer:
    """Both ports. `audio` holds each `seq` once; `repeated` counts the ones that came again."""

    token: str = "token-0"
    http_port: int = 0
    ws_port: int = 0
    rate_hz: int = 0
    wires: list[Wire] = field(default_factory=list)
    accepted: asyncio.Queue[Wire] = field(default_factory=asyncio.Queue)
    requests: list[dict[str, Any]] = field(default_factory=list)
    refuse_calls: tuple[int, dict[str, str]] | None = None
    refuse_sockets: bool = False
    audio: list[NDArray[np.int16]] = field(default_factory=list)
    repeated: int = 0
    one_call: bool = True
    """Whether all audio belongs to one call, so that its numbers can be checked."""
    violations: list[str] = field(default_factory=list)
    _waiting: deque[tuple[int, asyncio.Event]] = field(default_factory=deque)

    @classmethod
    @asynccontextmanager
    async def started(cls) -> AsyncIterator[Self]:
        server = cls()
        async with (
            serve(
                server._socket,
                "127.0.0.1",
                0,
                subprotocols=[Subprotocol("viva.v1")],
                ping_interval=None,
                close_timeout=1,
            ) as sockets,
            await asyncio.start_server(server._http, "127.0.0.1", 0) as pages,
        ):
            server.ws_port = next(iter(sockets.sockets)).getsockname()[1]
            server.http_port = pages.sockets[0].getsockname()[1]
            yield server
        assert not server.violations

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}/"

    @property
    def heard(self) -> NDArray[np.int16]:
        """All of the candidate's audio so far, in order."""
        return np.concatenate([*self.audio, np.zeros(0, np.int16)])

    async def accept(self) -> Wire:
        """The next client that has said hello."""
        return await asyncio.wait_for(self.accepted.get(), WAIT_S)

    async def hear(self, messages: int) -> None:
        """Waits until this many audio messages of the call have arrived."""
        event = asyncio.Event()
        self._waiting.append((messages, event))
        if len(self.audio) < messages:
            await asyncio.wait_for(event.wait(), WAIT_S)

    def take_audio(self, seq: int, pcm: NDArray[np.int16]) -> None:
        if not self.one_call:
            return
        if seq > len(self.audio):
            self.violations.append(f"audio_gap: {seq} after {len(self.audio) - 1}")
        elif seq < len(self.audio):
            self.repeated += 1
            if not np.array_equal(self.audio[seq], pcm):
                self.violations.append(f"message {seq} came again with other audio")
        else:
            self.audio.append(pcm)
        for count, event in self._waiting:
            if len(self.audio) >= count:
                event.set()

    async def _socket(self, socket: ServerConnection) -> None:
        if self.refuse_sockets or socket.subprotocol != "viva.v1":
            socket.transport.abort()
            return
        wire = Wire(socket, self)
        self.wires.append(wire)
        try:
            await wire.read()
        except AssertionError as error:
            self.violations.append(str(error))
            raise

    async def _http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, path, _ = head.split("\r\n", 1)[0].split(" ")
        sizes = [line.split(":")[1] for line in head.lower().split("\r\n") if line.startswith("content-length:")]
        body = await reader.readexactly(int(sizes[0])) if sizes else b""
        status, kind, content = self._answer(method, path.partition("?")[0], body)
        lines = [
            f"HTTP/1.1 {status} -",
            f"Content-Type: {kind}",
            f"Content-Length: {len(content)}",
            "Connection: close",
        ]
        lines += [f"Content-Security-Policy: {CSP}", "Cache-Control: no-store", "", ""]
        writer.write("\r\n".join(lines).encode() + content)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    def _answer(self, method: str, path: str, body: bytes) -> tuple[int, str, bytes]:
        if (method, path) == ("POST", "/calls"):
            self.requests.append(json.loads(body))
            if self.refuse_calls is not None:
                status, error = self.refuse_calls
                return status, "application/json", json.dumps(error).encode()
            ticket = {"call_id": CALL_ID, "token": self.token, "token_expires_at": "2099-01-01T00:00:00Z"}
            ticket |= {"url": f"ws://127.0.0.1:{self.ws_port}/ws/audio", "subprotocol": "viva.v1"}
            return 201, "application/json", json.dumps(ticket).encode()
        if path == "/agents":
            agents = [{"id": "default", "name": "Alex, calm"}, {"id": "strict", "name": "Robin, strict"}]
            return 200, "application/json", json.dumps({"agents": agents}).encode()
        if path == "/blank":
            return 200, "text/html", b"<!doctype html><title>blank</title><link rel=icon href=/web/icon.svg>"
        file = WEB / "index.html" if path == "/" else WEB / path.removeprefix("/web/")
        if not file.is_file():
            file = Path(__file__).parent / path.removeprefix("/tests/")
        if not file.is_file():
            return 404, "text/plain", b"not here"
        return 200, mimetypes.guess_type(file.name)[0] or "application/octet-stream", file.read_bytes()
