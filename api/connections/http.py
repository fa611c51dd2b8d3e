"""An HTTP connection whose client has to be quick, as the websocket of a call begins with one.

Uvicorn waits for the first request for ever, and for the rest of one; here a request's head has to
be there soon, and its answer has to be taken in a bounded time. A body in very many pieces is
refused, as each costs as much as a large one.
"""

import asyncio
from typing import Any, cast

import h11
import msgspec
from uvicorn.protocols.http.h11_impl import H11Protocol

from api.connections.admission import AdmissionGate
from api.connections.small_reads import SmallReads

HEAD_S = 5.0
"""From the first byte of a request, or the connection's opening, to the end of its headers."""
REQUEST_S = 30.0
"""From there to the last byte of its answer."""
GOODBYE_S = 3.0
"""For the last bytes to leave."""
MOST_PIECES = 256
"""Of one body; the longest body that is taken has 256 KiB."""
_LONGEST_HEAD_BYTES = 32 * 1024


class HttpConnection(H11Protocol):
    """What uvicorn makes for each connection; `gate` bounds how many there are."""

    kind = "http"

    def __init__(self, gate: AdmissionGate, **given: Any) -> None:
        super().__init__(**given)
        self.conn = _Conversation(h11.SERVER, _LONGEST_HEAD_BYTES)
        self._gate = gate
        self._patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_for_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self._be_patient(None)
        self._gate.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._patience is None:
            self._wait_for_request()
        super().data_received(data)

    def handle_events(self) -> None:
        before = self.cycle
        super().handle_events()
        if self.cycle is not before:
            self._be_patient(REQUEST_S)

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._be_patient(None)
        self._gate.leave(self)
        super().handle_websocket_upgrade(event)
        socket = cast("asyncio.Protocol", self.transport.get_protocol())
        self.transport.set_protocol(SmallReads(socket))

    def on_response_complete(self) -> None:
        self._be_patient(None)  # uvicorn's own keeps an idle connection for a while
        super().on_response_complete()
        if self.transport.is_closing():
            self._part(REQUEST_S)

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._part(GOODBYE_S)

    def evict(self) -> None:
        self._answer(503, "server_full", "This server has too many connections: try again in a moment.")

    def _wait_for_request(self) -> None:
        self._be_patient(HEAD_S)
        self._gate.enter(self)

    def _be_patient(self, wait_s: float | None) -> None:
        if self._patience is not None:
            self._patience.cancel()
        self._patience = None if wait_s is None else self.loop.call_later(wait_s, self._give_up)

    def _part(self, within_s: float) -> None:
        """It is closed, once its peer has taken what it was sent; one that does not is not waited
        for."""
        self._be_patient(None)
        self._patience = self.loop.call_later(within_s, self.transport.abort)

    def _give_up(self) -> None:
        self._gate.leave(self)
        self._gate.timed_out[self.kind] += 1
        self._answer(408, "too_slow", "The request did not come to its end in time: send it at once.")

    def _answer(self, status: int, code: str, message: str) -> None:
        """Close; with a word on why, unless another answer has begun, or nobody has asked anything."""
        answering = self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete
        if answering or self.transport.is_closing():
            self.transport.abort()
            return
        if self._patience is not None:
            self.transport.write(_answer(status, code, message))
        self.transport.close()
        self._part(GOODBYE_S)


class _Conversation(h11.Connection):
    """Bounds the pieces of each request's body."""

    def __init__(self, role: type[h11.SERVER], longest_head_bytes: int) -> None:
        super().__init__(role, longest_head_bytes)
        self._pieces = 0

    def next_event(self) -> Any:
        event = super().next_event()
        if isinstance(event, h11.Request):
            self._pieces = 0
        elif isinstance(event, h11.Data):
            self._pieces += 1
            if self._pieces > MOST_PIECES:
                raise h11.RemoteProtocolError("the body comes in too many pieces", error_status_hint=413)
        return event


def _answer(status: int, code: str, message: str) -> bytes:
    body = msgspec.json.encode({"code": code, "message": message})
    head = [f"HTTP/1.1 {status} {code}", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    head += ["Retry-After: 1", "Connection: close", "", ""]
    return "\r\n".join(head).encode() + body
