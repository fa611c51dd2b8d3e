"""A Gemini of few words: a real TLS websocket server that does with each connection what a test
tells it to.

For what the rehearsal server has too good manners to do: answering with nonsense, refusing, or not
answering at all.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import trustme
from websockets.asyncio.server import ServerConnection, serve

from adapters.gemini.settings import GeminiSettings

Behaviour = Callable[[ServerConnection], Awaitable[None]]


@asynccontextmanager
async def peer(
    tmp_path: Path, behaviour: Behaviour, status: HTTPStatus | None = None, **settings: Any
) -> AsyncIterator[GeminiSettings]:
    """Settings that lead to `behaviour`, which gets each connection; or to an HTTP `status`
    instead."""
    authority = trustme.CA()
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(ca_file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    def refuse(connection: ServerConnection, _request: Any) -> Any:
        return connection.respond(status, "no\n") if status else None

    async with serve(behaviour, "127.0.0.1", 0, ssl=context, process_request=refuse, close_timeout=1) as server:
        port = server.sockets[0].getsockname()[1]
        yield GeminiSettings(
            **({"api_key": "a-secret-key"} | settings),
            base_url=f"https://127.0.0.1:{port}",
            ca_file=str(ca_file),
            close_timeout_ms=300,
        )


async def set_up(connection: ServerConnection) -> dict[str, Any]:
    """Take the set-up and confirm it."""
    setup: dict[str, Any] = json.loads(await connection.recv())["setup"]
    await connection.send(json.dumps({"setupComplete": {}}).encode())
    return setup


def says(*frames: dict[str, Any] | bytes) -> Behaviour:
    """Confirm the set-up, send these, then listen until the client goes."""

    async def behaviour(connection: ServerConnection) -> None:
        await set_up(connection)
        for frame in frames:
            await connection.send(frame if isinstance(frame, bytes) else json.dumps(frame).encode())
        await connection.wait_closed()

    return behaviour


async def silent(connection: ServerConnection) -> None:
    """Accept, and never answer."""
    await asyncio.shield(connection.wait_closed())
