"""The websocket that the SDK talks through: websockets lets its class be chosen, and `open_client`
chooses this one."""

import asyncio
from typing import Any, Literal, overload

from websockets.asyncio.client import ClientConnection
from websockets.typing import Data

from adapters.gemini.frames import FrameTap


class GeminiConnection(ClientConnection):
    """Leaves each message it hands out with the tap it was opened under, and closes in time
    whatever the peer does."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._tap = FrameTap.current()

    @overload
    async def recv(self, decode: Literal[True]) -> str: ...

    @overload
    async def recv(self, decode: Literal[False]) -> bytes: ...

    @overload
    async def recv(self, decode: bool | None = None) -> Data: ...

    async def recv(self, decode: bool | None = None) -> Data:
        frame: Data = await super().recv(decode)
        if self._tap is not None:
            self._tap.frame = frame
        return frame

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """As in websockets, but `close_timeout` also bounds the wait for a peer that does not read
        what is queued.

        The code is always 1000: a session is left by cancellation, which websockets would call an
        internal error.
        """
        try:
            async with asyncio.timeout(self.close_timeout):
                await super().close(1000, reason)
        except TimeoutError:
            self.transport.abort()
            await self.wait_closed()
