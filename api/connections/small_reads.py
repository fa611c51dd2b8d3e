"""A connection's bytes in small portions, so that one who sends very many does not hold up
everybody else.

A transport hands over a quarter of a megabyte at once: tens of thousands of tiny frames, parsed in
one go, which takes up to seconds. In portions, a protocol that has had enough of a peer can say so
after the first.
"""

import asyncio

PORTION_BYTES = 4_096
"""A live audio message or two."""


class SmallReads(asyncio.BufferedProtocol):
    """In the protocol's place at its transport: lends the transport a small buffer, and passes on
    what comes."""

    def __init__(self, protocol: asyncio.Protocol) -> None:
        self._protocol = protocol
        self._buffer = bytearray(PORTION_BYTES)

    def get_buffer(self, sizehint: int) -> bytearray:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self._protocol.data_received(bytes(self._buffer[:nbytes]))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._protocol.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._protocol.connection_lost(exc)

    def eof_received(self) -> bool | None:
        return self._protocol.eof_received()

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()
