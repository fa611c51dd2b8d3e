"""A websocket without any of the client's manners: sends what a test gives it, and shows what comes
back."""

import asyncio
import json
import socket as sockets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.fixtures.server import Desk

HELLO = {"type": "hello", "rate_hz": 16_000}


class BareSocket:
    """One connection to `/ws/audio`."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.messages: list[dict[str, Any]] = []

    async def send(self, *messages: Any) -> None:
        """Send each: bytes and text as they are, anything else as JSON. A connection that closes
        meanwhile is fine."""
        try:
            for message in messages:
                await self.socket.send(message if isinstance(message, bytes | str) else json.dumps(message))
        except ConnectionClosed:
            pass

    async def hello(self, token: str, **fields: Any) -> dict[str, Any]:
        """Say hello; the server's `ready`."""
        await self.send(HELLO | {"token": token} | fields)
        return await self.until("ready")

    async def first(self) -> dict[str, Any]:
        """The next control message, whatever it is."""
        async with asyncio.timeout(15):
            while not isinstance(message := await self.socket.recv(), str):
                continue
        self.messages.append(json.loads(message))
        return self.messages[-1]

    async def until(self, kind: str) -> dict[str, Any]:
        """The next control message of `kind`; audio is passed over."""
        return await self.until_any(kind)

    async def until_any(self, *kinds: str) -> dict[str, Any]:
        """The next control message of one of these kinds."""
        async with asyncio.timeout(15):
            while True:
                message = await self.socket.recv()
                if isinstance(message, str):
                    self.messages.append(json.loads(message))
                    if self.messages[-1]["type"] in kinds:
                        return self.messages[-1]

    async def ending(self) -> int:
        """Read to the end of the connection; its close code."""
        async with asyncio.timeout(15):
            try:
                while True:
                    message = await self.socket.recv()
                    if isinstance(message, str):
                        self.messages.append(json.loads(message))
            except ConnectionClosed:
                return self.socket.close_code or 1006

    @property
    def errors(self) -> list[dict[str, Any]]:
        """The errors that the server sent."""
        return [message for message in self.messages if message["type"] == "error"]


@asynccontextmanager
async def bare(desk: Desk, *subprotocols: str, **options: Any) -> AsyncIterator[BareSocket]:
    """A connection until the end of the block."""
    chosen: Any = subprotocols or ("viva.v1",)
    chosen = None if chosen == ("",) else list(chosen)
    async with connect(
        desk.socket_url,
        subprotocols=chosen,
        proxy=None,
        ping_interval=None,
        compression=None,
        close_timeout=1,
        **options,
    ) as socket:
        yield BareSocket(socket)


@asynccontextmanager
async def small_buffers(desk: Desk) -> AsyncIterator[sockets.socket]:
    """A connection that the kernel keeps little for, on either side."""
    (listener,) = desk.uvicorn.servers[0].sockets
    usual = listener.getsockopt(sockets.SOL_SOCKET, sockets.SO_SNDBUF)
    with sockets.socket() as connected:
        connected.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4_096)
        connected.setblocking(False)
        listener.setsockopt(sockets.SOL_SOCKET, sockets.SO_SNDBUF, 4_096)
        await asyncio.get_running_loop().sock_connect(connected, listener.getsockname())
        listener.setsockopt(sockets.SOL_SOCKET, sockets.SO_SNDBUF, usual // 2)
        yield connected
