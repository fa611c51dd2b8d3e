"""A websocket connection, bounded where uvicorn's is not.

Frames that make no message (pings, pongs, pieces of one) never reach the call, which counts
messages: they are counted here. A connection that is over is not kept for a peer that does not read
its end.
"""

import asyncio
from typing import Any, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode

from adapters.pacing import TokenBucket
from api.connections.admission import AdmissionGate

SCOPE_KEY = "viva.connection"
MOST_FRAMES_PER_S = 200
"""Pings, pongs and pieces. A browser sends none of them by itself; some proxies send pings."""
MOST_PIECES = 64
"""Of one message."""
_GOODBYE_S = 3.0
"""How long a peer may take to answer the end of a websocket, and how long what it was sent last may
wait for it."""
_UNREADABLE = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_TOO_MANY, _TOO_BIG, _FULL = 4429, 1009, 1013


class WebsocketConnection(WebSocketsSansIOProtocol):
    """What uvicorn makes of a connection that becomes a websocket. `gate` bounds how many are not
    in a call."""

    kind = "websocket"

    def __init__(self, gate: AdmissionGate, **given: Any) -> None:
        super().__init__(**given)
        self.close_timeout = _GOODBYE_S
        self._gate = gate
        self._bare_frames = TokenBucket(MOST_FRAMES_PER_S, MOST_FRAMES_PER_S, self.loop.time)
        self._pausing = False
        self._end: asyncio.TimerHandle | None = None

    def let_in(self) -> None:
        """Its hello was taken: it is a call's."""
        self._gate.leave(self)

    def let_out(self) -> None:
        """It is no call's any more; until it is closed it waits like others."""
        if not self.disconnected:
            self._gate.enter(self)

    def evict(self) -> None:
        self._fail(_FULL, "server_full")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._gate.enter(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._gate.leave(self)
        if self._end is not None:
            self._end.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            self.transport.write(_UNREADABLE)  # HTTP's parser had read it, but has other bounds
            self.transport.close()

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if self.response.status_code == 101:
            cast("dict[str, Any]", self.scope)[SCOPE_KEY] = self

    def handle_cont(self, event: Frame) -> None:
        if self._bounded(event):
            super().handle_cont(event)

    def handle_text(self, event: Frame) -> None:
        if self._bounded(event):
            super().handle_text(event)

    def handle_bytes(self, event: Frame) -> None:
        if self._bounded(event):
            super().handle_bytes(event)

    def handle_ping(self) -> None:
        if self._counted():
            super().handle_ping()

    def handle_pong(self, event: Frame) -> None:
        if self._counted():
            super().handle_pong(event)

    def on_task_complete(self, task: "asyncio.Task[None]") -> None:
        super().on_task_complete(task)
        if not self.disconnected:
            self._end = self.loop.call_later(_GOODBYE_S, self.transport.abort)

    def _bounded(self, frame: Frame) -> bool:
        """Whether a whole message, or one more piece of one, may be taken."""
        if self.close_sent:
            self._pause_for_others()
            return False
        if frame.fin and frame.opcode is not Opcode.CONT:
            return True
        if not self._counted():
            return False
        if len(self.frames) >= MOST_PIECES:
            self._fail(_TOO_BIG, "a message in too many pieces")
            return False
        return True

    def _pause_for_others(self) -> None:
        """What still arrives is read for the peer's goodbye in it, portion by portion."""
        if not self._pausing:
            self._pausing = True
            self.transport.pause_reading()
            self.loop.call_soon(self._read_on)

    def _read_on(self) -> None:
        self._pausing = False
        if not self.transport.is_closing():
            self.transport.resume_reading()

    def _counted(self) -> bool:
        """Whether one more frame that makes no message may be taken."""
        if not self._bare_frames.take():
            self._fail(_TOO_MANY, "too_many_messages")
        return not self.close_sent

    def _fail(self, code: int, reason: str) -> None:
        """Close at once; the application hears that the connection ended with `code`."""
        if not self.close_sent and self.handshake_complete and not self.disconnected:
            self.conn.fail(code, reason)
            self.handle_parser_exception()
        else:
            self.transport.abort()
