"""One connection's way out to its client: a bounded queue, drained by one task.

Policy when it is full: nobody waits. `send` says no, and the call ends with a reason: the playout sends only a few
hundred ms ahead, so a full queue means that the client does not read. Only then is what waits given up (`give_up`), so
that a client which reads again after all finds the reason next.
"""

import asyncio
from typing import Any, Protocol

from api.protocol import ServerAudio, encode_control, encode_server_audio

_LONGEST_QUEUE = 500


class Wire(Protocol):
    """What is needed of a websocket."""

    async def send_text(self, data: str) -> None: ...

    async def send_bytes(self, data: bytes) -> None: ...

    async def close(self, code: int, reason: str) -> None: ...


class Outlet:
    """`send` and `send_audio` never wait; `run` carries what they queued to the wire until `finish` was called."""

    def __init__(self, wire: Wire, longest: int = _LONGEST_QUEUE) -> None:
        self._wire = wire
        self._queue: asyncio.Queue[str | bytes | None] = asyncio.Queue(longest + 1)
        self._longest = longest
        self._audio_seq = 0
        self._finished = False
        self.finishing = asyncio.Event()
        """Set once `finish` was called: the connection has a bounded time left."""
        self.close_code, self.close_reason = 1000, ""

    def send(self, message: dict[str, Any]) -> bool:
        """Queue a control message. False when the client has not read for too long."""
        return self._put(encode_control(message))

    def send_audio(self, generation: int, sample: int, pcm: bytes) -> bool:
        """Queue audio. False when the client has not read for too long."""
        audio = ServerAudio(self._audio_seq, generation, sample, pcm)
        self._audio_seq += 1
        return self._put(encode_server_audio(audio))

    def give_up(self) -> None:
        """Throw away what waits."""
        while not self._queue.empty():
            self._queue.get_nowait()
        if self._finished:
            self._queue.put_nowait(None)

    def finish(self, code: int, reason: str) -> None:
        """Close the connection once everything queued before has gone out. Only the first call counts."""
        if not self._finished:
            self._finished = True
            self.finishing.set()
            self.close_code, self.close_reason = code, reason[:120]
            self._queue.put_nowait(None)

    async def run(self) -> None:
        """Send until finished; then close the connection."""
        while (item := await self._queue.get()) is not None:
            if isinstance(item, str):
                await self._wire.send_text(item)
            else:
                await self._wire.send_bytes(item)
        await self._wire.close(self.close_code, self.close_reason)

    def _put(self, item: str | bytes) -> bool:
        if self._finished:
            return True
        if self._queue.qsize() >= self._longest:
            return False
        self._queue.put_nowait(item)
        return True
