"""Child processes of the laboratory: their surroundings, and their end, by their own id."""

import asyncio
import os
from asyncio.subprocess import Process
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parents[3]
_END_S = 20.0
_NICENESS = -5


def surroundings(**variables: str) -> dict[str, str]:
    """The environment without anything that would change how Viva runs, and with `variables`."""
    ours = ("VIVA_", "GEMINI_", "DATABASE_URL", "GOOGLE_")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return clean | {"PYTHONPATH": str(ROOT)} | variables


def goes_first(pid: int) -> None:
    """Where we may, a server runs before its clients and its interviewer, which are on other
    machines in life."""
    with suppress(PermissionError, ProcessLookupError):
        os.setpriority(os.PRIO_PROCESS, pid, max(-20, os.nice(0) + _NICENESS))


async def end(process: Process) -> None:
    """Ask a process to end; kill it if it does not."""
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(_END_S):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
