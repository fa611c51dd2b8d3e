"""The rehearsal interviewer as a child process: started when no Gemini key is set, ended with the
server."""

import asyncio
import contextlib
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from adapters.gemini.settings import GeminiSettings
from api.settings import Settings
from domain.errors import VivaError

_START_TIMEOUT_S = 30.0
_STOP_TIMEOUT_S = 2.0


class RehearsalError(VivaError):
    """The rehearsal interviewer did not start."""


@asynccontextmanager
async def running_rehearsal(settings: Settings) -> AsyncIterator[tuple[GeminiSettings, Process]]:
    """A rehearsal interviewer that is ended with this block, and how to reach it. Raises
    `RehearsalError`."""
    command = [sys.executable, "-m", "adapters.rehearsal", "--json", "--exit-with-parent"]
    command += ["--data-dir", str(settings.data_dir / "rehearsal")]
    for folder in settings.recordings:
        command += ["--recordings", str(folder)]
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
    try:
        yield await _reached(process), process
    finally:
        await _stop(process)


async def _reached(process: Process) -> GeminiSettings:
    assert process.stdout is not None
    try:
        async with asyncio.timeout(_START_TIMEOUT_S):
            line = await process.stdout.readline()
        addresses = json.loads(line)
        return GeminiSettings(service="rehearsal", base_url=addresses["wss"], ca_file=addresses["ca_file"])
    except (TimeoutError, ValueError, KeyError) as error:
        raise RehearsalError(
            "The rehearsal interviewer did not start: run `viva rehearsal` to see why, or set GEMINI_API_KEY."
        ) from error


async def _stop(process: Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(_STOP_TIMEOUT_S):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
