"""A place where Viva is served: one port, and one process after another behind it."""

import asyncio
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import time

from bench.chaos.rig.processes import ROOT, end, goes_first, surroundings
from domain.errors import VivaError

_START_S = 90.0
_RESTART_S = 0.5
_READY_LINE = b"stop"
"""How the last line begins that `viva serve` prints when it answers."""


class ServerDownError(VivaError):
    """A server ended before it answered."""


@dataclass(slots=True)
class Life:
    """One process: when it was started, answered, and ended."""

    label: str
    began_s: float
    ready_s: float = 0.0
    ended_s: float = 0.0
    code: int | None = None


class Server:
    """`name` and the number of its process make the label that tells connections apart: a1,
    a2 …"""

    def __init__(self, name: str, folder: Path, variables: Mapping[str, str]) -> None:
        self.name = name
        self.port = free_port()
        self.lives: list[Life] = []
        self._folder = folder
        self._variables = variables
        self._process: Process | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def label(self) -> str:
        return self.lives[-1].label if self.lives else f"{self.name}0"

    @property
    def up(self) -> bool:
        """Whether its process answers, as far as we know."""
        running = self._process is not None and self._process.returncode is None
        return running and bool(self.lives[-1].ready_s)

    @property
    def pid(self) -> int:
        """Of the newest process."""
        return self._process.pid if self._process is not None else 0

    @property
    def log(self) -> Path:
        """What its processes wrote to standard error."""
        return self._folder / f"server-{self.name}.log"

    async def supervised(self) -> None:
        """Start it, again and again while it does not come up, as a supervisor does: the database
        may be away."""
        async with asyncio.timeout(_START_S):
            while True:
                try:
                    await self.start()
                except ServerDownError:
                    await asyncio.sleep(_RESTART_S)
                else:
                    return

    async def start(self) -> None:
        """Return once it answers. Raises `ServerDownError` if it ends instead."""
        self._folder.mkdir(parents=True, exist_ok=True)
        life = Life(f"{self.name}{len(self.lives) + 1}", time())
        self.lives.append(life)
        command = [sys.executable, "-m", "api.cli", "serve", "--port", str(self.port)]
        environment = surroundings(
            VIVA_DATA_DIR=str(self._folder / self.name), VIVA_LOG_FORMAT="json", **self._variables
        )
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command, stdout=PIPE, stderr=log, cwd=ROOT, env=environment
            )
        goes_first(self._process.pid)
        async with asyncio.timeout(_START_S):
            await self._answers(self._process)
        life.ready_s = time()
        self._tasks.append(asyncio.create_task(self._watch(self._process, life)))

    async def _answers(self, process: Process) -> None:
        assert process.stdout is not None
        while not (line := await process.stdout.readline()).strip().startswith(_READY_LINE):
            if not line:
                raise ServerDownError(f"server {self.name} did not start: see {self.log}")

    async def _watch(self, process: Process, life: Life) -> None:
        assert process.stdout is not None
        await process.stdout.read()
        life.code = await process.wait()
        life.ended_s = time()

    def kill(self) -> None:
        """SIGKILL."""
        assert self._process is not None
        with suppress(ProcessLookupError):
            self._process.kill()

    async def killed(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.kill()
        assert self._process is not None
        await self._process.wait()

    async def drained(self) -> None:
        """SIGTERM, and wait until it has stopped in order."""
        assert self._process is not None
        await end(self._process)

    async def close(self) -> None:
        """End it, whatever it does."""
        if self._process is not None:
            await end(self._process)
        await asyncio.gather(*self._tasks, return_exceptions=True)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])
