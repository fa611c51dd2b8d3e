"""The server's control messages, waiting to be read by the program that holds the call."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

_MOST_MESSAGES = 10_000
"""A program that reads none of them loses the oldest."""


class Inbox:
    """Of one call, over all its connections."""

    def __init__(self) -> None:
        self._messages: deque[dict[str, Any]] = deque(maxlen=_MOST_MESSAGES)
        self._arrived = asyncio.Event()
        self.ended = asyncio.Event()
        """Set once the call is over, for any reason."""

    def put(self, message: dict[str, Any]) -> None:
        self._messages.append(message)
        self._arrived.set()

    def end(self) -> None:
        """Nothing more will come, apart from what a server still says within the grace period."""
        self.ended.set()
        self._arrived.set()

    async def next(self) -> None:
        """Return when something has come."""
        self._arrived.clear()
        await self._arrived.wait()

    async def messages(self) -> AsyncIterator[dict[str, Any]]:
        """Each message in order, until the end."""
        while True:
            while self._messages:
                yield self._messages.popleft()
            if self.ended.is_set():
                return
            await self.next()
