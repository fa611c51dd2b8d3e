"""Drives a rehearsal that runs in another process (see `control`)."""

import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect

from adapters.rehearsal.control import PATH
from domain.errors import VivaError


class ControlError(VivaError):
    """The rehearsal did not do what it was asked to; the message says why."""


class RemoteControl:
    """`async with RemoteControl.at(ws_url) as rehearsal:` where the rehearsal runs with
    `--control`."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    @classmethod
    @asynccontextmanager
    async def at(cls, ws_url: str) -> AsyncIterator[Self]:
        """Connected until the end of the block."""
        async with connect(ws_url + PATH, proxy=None) as connection:
            yield cls(connection)

    async def faults(self, *faults: str) -> None:
        """From now on these may strike too."""
        await self._ask("faults", faults=faults)

    async def clear(self) -> None:
        """No fault strikes any more."""
        await self._ask("clear")

    async def strike(self, fault: str, sessions: Iterable[str] | None = None) -> list[str]:
        """Let a fault that needs no point ("drop abort=true") happen now; the ids of the sessions
        that it struck."""
        named = {} if sessions is None else {"sessions": list(sessions)}
        struck: list[str] = (await self._ask("strike", fault=fault, **named))["struck"]
        return struck

    async def expire(self) -> int:
        """Let every handle expire; how many there were."""
        return int((await self._ask("expire"))["expired"])

    async def sessions(self) -> list[dict[str, Any]]:
        """The sessions that the rehearsal keeps, the oldest first."""
        sessions: list[dict[str, Any]] = (await self._ask("sessions"))["sessions"]
        return sessions

    async def _ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        await self._connection.send(json.dumps({"do": command} | arguments))
        answer: dict[str, Any] = json.loads(await self._connection.recv())
        if not answer["ok"]:
            raise ControlError(answer["error"])
        return answer
