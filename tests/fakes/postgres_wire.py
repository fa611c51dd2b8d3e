"""A connection to Postgres seen from between asyncpg and its socket: which requests are
unanswered."""

import asyncio
from collections import deque
from typing import Any, Protocol

_HEADER_BYTES = 5
"""A message's type, and the length of all that follows the type."""
_READY = b"Z"
_ENDS = {b"Q": _READY, b"S": _READY, b"H": b"TnE"}
"""The requests that are answered, each with what its answer ends with: Query and Sync with
ReadyForQuery; Flush, which asyncpg sends after Describe alone, with a description, or an error."""


class Work(Protocol):
    """Is notified when the server begins with a request, and when it has answered."""

    def began(self) -> None: ...

    def ended(self) -> None: ...


class _Ear:
    """Reads the types of messages out of a stream of bytes."""

    def __init__(self) -> None:
        self._skip = 0
        self._rest = b""

    def types(self, data: bytes) -> list[bytes]:
        found: list[bytes] = []
        data, at = self._rest + data, 0
        while True:
            step = min(self._skip, len(data) - at)
            at, self._skip = at + step, self._skip - step
            if len(data) - at < _HEADER_BYTES:
                self._rest = data[at:]
                return found
            found.append(data[at : at + 1])
            self._skip = int.from_bytes(data[at + 1 : at + _HEADER_BYTES], "big") - 4
            at += _HEADER_BYTES


class Conversation(asyncio.Protocol):
    """Stands in asyncpg's place at the socket, and passes everything on."""

    def __init__(self, inner: asyncio.Protocol, work: Work) -> None:
        self._inner = inner
        self._work = work
        self._server, self._client = _Ear(), _Ear()
        self._ends: deque[bytes] = deque()
        """Of each unanswered request, what ends its answer."""
        self._started = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._inner.connection_made(_Pen(transport, self))  # type: ignore[arg-type]

    def data_received(self, data: bytes) -> None:
        for kind in self._server.types(data):
            if self._ends and kind in self._ends[0]:
                self._answered()
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()

    def connection_lost(self, error: Exception | None) -> None:
        while self._ends:
            self._answered()
        self._inner.connection_lost(error)

    def asked(self, data: bytes) -> None:
        """asyncpg writes this, which is one message or several whole ones."""
        if not self._started:  # the one message without a type; the server is ready after it, too
            self._started = True
            self._asked_for(_READY)
            return
        for kind in self._client.types(bytes(data)):
            if kind in _ENDS:
                self._asked_for(_ENDS[kind])

    def _asked_for(self, end: bytes) -> None:
        self._ends.append(end)
        self._work.began()

    def _answered(self) -> None:
        self._ends.popleft()
        self._work.ended()


class _Pen:
    """The transport, as asyncpg sees it."""

    def __init__(self, transport: Any, conversation: Conversation) -> None:
        self._transport = transport
        self._conversation = conversation

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        self._conversation.asked(data)
        self._transport.write(data)

    def writelines(self, parts: list[bytes]) -> None:
        self.write(b"".join(parts))
