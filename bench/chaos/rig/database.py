"""A Postgres of the laboratory's own, which it can stop and start, in order or not."""

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Self

import psutil

from adapters.postgres.embedded.server import EmbeddedPostgres

_GONE_S = 30.0
SIGNALS = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT, "crash": signal.SIGKILL}
"""Postgres's own shutdown modes by the signal that asks for them, and what no process can refuse."""


class Database:
    """`async with Database(folder) as database:` runs until the end of the block."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._postgres: EmbeddedPostgres | None = None
        self.dsn = ""

    async def __aenter__(self) -> Self:
        self._postgres = await asyncio.to_thread(EmbeddedPostgres.start, self._folder)
        self.dsn = self._postgres.dsn
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._postgres is not None
        await asyncio.to_thread(self._postgres.stop)

    async def start(self) -> None:
        """Return once it answers again."""
        assert self._postgres is not None
        await asyncio.to_thread(self._postgres.revive)

    async def stop(self, how: str) -> None:
        """`fast`: sessions are ended, what is committed is kept. `immediate`: as after a power cut.
        `crash`: killed."""
        assert self._postgres is not None
        pid = self._postgres.pid
        assert pid is not None
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            os.kill(pid, SIGNALS[how])
            await asyncio.to_thread(psutil.wait_procs, [process], _GONE_S)
