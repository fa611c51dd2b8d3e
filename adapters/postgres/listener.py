"""Hears that something was appended: one connection that LISTENs, for all readers of the process.

A notification only says "look"; what there is to see is read from the table. So a notification that
got lost with a connection costs time, never an event: readers are woken after every reconnect, and
poll besides. Needs a direct connection or a pooler in session mode.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg
import structlog

from adapters.cancelling import cancel_all
from adapters.pacing import Backoff
from adapters.postgres.failures import UNAVAILABLE

_log = structlog.get_logger()
_CHANNEL = "call_events"
_CONNECT_TIMEOUT_S = 5.0
_CHECK_EVERY_S = 30.0
"""How often the connection is asked for a sign of life: a dead peer does not close it."""


class Listener:
    """`async with Listener(dsn) as listener:` and in it `with listener.wakes() as wake: await
    wake.wait()`."""

    def __init__(self, dsn: str) -> None:
        self.reconnects = 0
        """How often the connection had to be made again."""
        self._dsn = dsn
        self._wakes: set[asyncio.Event] = set()
        self._task: asyncio.Task[None] | None = None
        self._listening = asyncio.Event()

    @contextmanager
    def wakes(self) -> Iterator[asyncio.Event]:
        """An event that is set on every append; the reader clears it before it looks."""
        wake = asyncio.Event()
        self._wakes.add(wake)
        try:
            yield wake
        finally:
            self._wakes.discard(wake)

    async def ready(self) -> None:
        """Return once notifications are being received."""
        await self._listening.wait()

    async def __aenter__(self) -> "Listener":
        self._task = asyncio.create_task(self._run(), name="event-listener")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            await cancel_all([self._task])

    async def _run(self) -> None:
        backoff = Backoff()
        while True:
            try:
                await self._listen(backoff)
            except UNAVAILABLE as error:
                self._listening.clear()
                self.reconnects += 1
                delay_s = backoff.next_s()
                _log.warning("listener_reconnects", error=repr(error), delay_s=round(delay_s, 3))
                await asyncio.sleep(delay_s)

    async def _listen(self, backoff: Backoff) -> None:
        """Listen until the connection is lost, which raises."""
        ended = asyncio.Event()
        connection: Any = await asyncpg.connect(
            self._dsn,
            timeout=_CONNECT_TIMEOUT_S,
            command_timeout=_CONNECT_TIMEOUT_S,
            server_settings={"application_name": "viva-listener"},
        )
        try:
            connection.add_termination_listener(lambda *_: ended.set())
            await connection.add_listener(_CHANNEL, lambda *_: self._wake_all())
            backoff.reset()
            self._listening.set()
            self._wake_all()
            while True:
                try:
                    await asyncio.wait_for(ended.wait(), _CHECK_EVERY_S)
                except TimeoutError:
                    await connection.execute("SELECT 1")
                else:
                    raise ConnectionResetError("Postgres closed the listening connection")
        finally:
            connection.terminate()

    def _wake_all(self) -> None:
        for wake in self._wakes:
            wake.set()
