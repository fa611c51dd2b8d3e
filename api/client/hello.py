"""A new connection to a call, from opening the websocket to the server's `ready`."""

import asyncio
import json
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from api.client.opening import OpenedCall
from domain.errors import PeerError

FINAL_CODES = frozenset({4400, 4401, 4404, 4406, 4408, 4409, 4410, 4413, 4423, 4429, 1009})
"""Close codes after which trying again is pointless."""
_NOT_NOW = frozenset({"moving", "call_busy", "server_full", "store_unavailable"})
"""Refusals of a hello that say: try again in a moment."""


class CallEndedError(PeerError):
    """The call is over and was not ended in order: `code` and the message are the server's."""


class NotNowError(CallEndedError):
    """The hello is refused for the moment: the same one may be taken a moment later."""


async def say_hello(opened: OpenedCall, hello: dict[str, Any]) -> tuple[ClientConnection, dict[str, Any]]:
    """A connection, and the `ready` that it began with.

    Raises `CallEndedError` where trying again is pointless; else `NotNowError`, `OSError` and what
    websockets raises.
    """
    socket = await connect(
        opened.url,
        subprotocols=[opened.subprotocol],  # type: ignore[list-item]
        ping_interval=None,
        compression=None,
        max_size=2**20,
        proxy=None,
        close_timeout=1,
    )
    try:
        await socket.send(json.dumps(hello))
        first = json.loads(await socket.recv())
    except (asyncio.CancelledError, ValueError):  # out of time, or no viva.v1: nobody will use this connection
        socket.transport.abort()
        raise
    except ConnectionClosed as closed:
        code = socket.close_code or 1006
        if code in FINAL_CODES:
            raise CallEndedError("refused", f"The server closed the connection: {closed}") from closed
        if socket.close_reason in _NOT_NOW:
            raise NotNowError(str(socket.close_reason), f"The server closed the connection: {closed}") from closed
        raise ConnectionResetError(f"The connection broke in the hello: {closed}") from closed
    if first["type"] != "ready":
        await socket.close()
        code = first.get("code", "refused")
        refusal = NotNowError if code in _NOT_NOW else CallEndedError
        raise refusal(code, first.get("message", "The server refused the hello."))
    return socket, first
