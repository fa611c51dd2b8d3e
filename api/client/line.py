"""One websocket of a call: messages sent in order; a ping now and then; and an end where nothing
comes back."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator
from time import monotonic
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

_LOOK_FOR_SILENCE_S = 0.25
_MOST_OUTGOING = 10_000


class Line:
    """Takes messages until it has ended; then nothing is queued any more. `ready` is what it began
    with."""

    def __init__(self, socket: ClientConnection, ready: dict[str, Any]) -> None:
        self._socket = socket
        self._ping_interval_s = ready["ping_interval_ms"] / 1000
        self._silence_s = ready["silence_ms"] / 1000
        self._outgoing: asyncio.Queue[str | bytes] = asyncio.Queue(_MOST_OUTGOING)
        self._pinged: dict[int, float] = {}
        self._heard_at = monotonic()
        self.ended = False

    @property
    def waiting(self) -> int:
        """How many messages wait to be sent."""
        return self._outgoing.qsize()

    @property
    def close_code(self) -> int:
        """How it ended; 1006 where nobody said so."""
        return self._socket.close_code or 1006

    def put(self, item: str | bytes) -> None:
        """Send, behind what waits already. A queue that is full is a line that takes nothing: it is
        broken off."""
        if self.ended:
            return
        if self._outgoing.full():
            self.abort()
        else:
            self._outgoing.put_nowait(item)

    def round_trip_ms(self, number: int) -> float | None:
        """How long the answer to this ping of ours took; None where it is none."""
        sent_at = self._pinged.pop(number, None)
        return None if sent_at is None else (monotonic() - sent_at) * 1000

    def abort(self) -> None:
        """Break it, as a bad network does."""
        self._socket.transport.abort()

    async def close(self) -> None:
        """End it in order."""
        await self._socket.close()

    async def messages(self) -> AsyncGenerator[str | bytes]:
        """What comes, until the line ends; meanwhile it sends, and looks after itself. To be closed
        by who reads it."""
        chores = [asyncio.create_task(work) for work in (self._send(), self._ping(), self._listen_for_silence())]
        try:
            async for message in self._socket:
                self._heard_at = monotonic()
                yield message
        except ConnectionClosed:
            pass  # without a close frame: the code says so
        finally:
            self.ended = True
            for chore in chores:
                chore.cancel()
            await asyncio.gather(*chores, return_exceptions=True)

    async def _send(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                await self._socket.send(await self._outgoing.get())

    async def _ping(self) -> None:
        number = 0
        while True:
            await asyncio.sleep(self._ping_interval_s)
            number += 1
            self._pinged[number] = monotonic()
            self.put(json.dumps({"type": "ping", "id": number}))

    async def _listen_for_silence(self) -> None:
        """Break a line off on which nothing came for too long; not because we ourselves stood
        still."""
        silent = 0
        while silent < 2:
            await asyncio.sleep(_LOOK_FOR_SILENCE_S)
            silent = silent + 1 if monotonic() - self._heard_at >= self._silence_s else 0
        self.abort()
