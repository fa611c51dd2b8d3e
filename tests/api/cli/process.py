"""`viva` on a data folder of its own: in the test's process, or as a process of its own."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from click.testing import CliRunner
from structlog.testing import capture_logs

from api import logs
from api.cli import main
from tests.fixtures.server import RECORDINGS

START_S = 60.0
_OURS = ("VIVA_", "GEMINI_", "DATABASE_URL", "GOOGLE_")
"""The variables that would change how Viva runs."""


def environment(data_dir: Path, **variables: str) -> dict[str, str]:
    """The environment of a process."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return clean | {"VIVA_DATA_DIR": str(data_dir), "VIVA_LOG_FORMAT": "json"} | variables


def viva_here(data_dir: Path, *arguments: str, **variables: str) -> tuple[int, str, str]:
    """Run a command to its end in this process, which has imported everything already: its exit
    code, what it printed, and what it printed as errors. Its logs go nowhere.

    A command that runs a server needs the main thread.
    """
    unset = {name: None for name in os.environ if name.startswith(_OURS)}
    runner = CliRunner()
    with (
        pytest.MonkeyPatch.context() as patch,
        capture_logs(),
        runner.isolation(env=unset | {"VIVA_DATA_DIR": str(data_dir)} | variables) as (out, err, _),
    ):
        patch.setattr(sys, "argv", ["viva", *arguments])
        patch.setattr(logs, "configure", lambda *_, **__: None)
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        return code, out.getvalue().decode(), err.getvalue().decode()


async def viva(data_dir: Path, *arguments: str, timeout_s: float = 50, **variables: str) -> tuple[int, str, str]:
    """Run a command to its end: its exit code, what it printed, and what it printed as errors."""
    process = await start(data_dir, *arguments, **variables)
    try:
        out, err = await asyncio.wait_for(process.communicate(), timeout_s)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def start(data_dir: Path, *arguments: str, **variables: str) -> Process:
    """A command that runs."""
    command = [sys.executable, "-c", "from api.cli import main; main()", *arguments]
    return await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=PIPE, stderr=PIPE, env=environment(data_dir, **variables)
    )


@dataclass(slots=True)
class Serving:
    """A `viva serve` that answers at `url`."""

    process: Process
    url: str

    @property
    def family(self) -> list[psutil.Process]:
        """The processes that it started, and theirs."""
        return list(psutil.Process(self.process.pid).children(recursive=True))

    async def stopped(self, timeout_s: float = 30) -> tuple[int, str]:
        """Wait for its end: its exit code, and what it wrote to standard error."""
        _, err = await asyncio.wait_for(self.process.communicate(), timeout_s)
        assert self.process.returncode is not None
        return self.process.returncode, err.decode()


@asynccontextmanager
async def serving(data_dir: Path, port: int = 0, **variables: str) -> AsyncIterator[Serving]:
    """A server, at a free port where none is named; ended, whatever the test did, with everything
    it started."""
    process = await start(data_dir, "serve", "--port", str(port), "--recordings", str(RECORDINGS), **variables)
    family: list[psutil.Process] = []
    try:
        server = Serving(process, await _url(process))
        family = server.family
        yield server
    finally:
        if process.returncode is None:
            process.terminate()
            await asyncio.wait_for(process.communicate(), 30)
        for child in family:
            if child.is_running():
                child.kill()


async def _url(process: Process) -> str:
    assert process.stdout is not None
    url = ""
    async with asyncio.timeout(START_S):
        while line := (await process.stdout.readline()).decode():
            name, _, value = line.strip().partition(" ")
            if name == "interview":
                url = value.strip()
            if name == "stop":
                return url
    assert process.stderr is not None
    raise AssertionError(f"the server did not start: {(await process.stderr.read()).decode()}")


def pid_files(data_dir: Path) -> list[Path]:
    """That of the embedded database, from when it starts until it has stopped."""
    return list((data_dir / "postgres").rglob("postmaster.pid"))


def embedded_postgres(data_dir: Path) -> psutil.Process:
    """The embedded database's first process; it is nobody's child."""
    (file,) = pid_files(data_dir)
    return psutil.Process(int(file.read_text().splitlines()[0]))


async def gone(processes: list[psutil.Process], timeout_s: float = 15) -> list[psutil.Process]:
    """Those that are still there after so long."""
    _, alive = await asyncio.to_thread(psutil.wait_procs, processes, timeout_s)
    return list(alive)


CALL: dict[str, Any] = {
    "agent": "interviewer",
    "candidate": {"name": "Ottilie Secretname"},
    "context": {"role": "R", "questions": ["Why?"]},
}
