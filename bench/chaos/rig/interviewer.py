"""The rehearsal interviewer as a process of its own, driven through its control channel."""

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from adapters.rehearsal.remote import RemoteControl
from bench.chaos.rig.processes import ROOT, end

_START_S = 60.0


@dataclass(frozen=True, slots=True)
class Manner:
    """How the interviewer speaks: briskly, so that many turns pass in little time."""

    thinking_ms: int = 200
    speed: float = 8.0
    words_per_minute: int = 330


class Interviewer:
    """`async with Interviewer(folder, recordings) as interviewer:`; `sessions_folder` has a file
    for each session."""

    _control: RemoteControl

    def __init__(self, folder: Path, recordings: Path, manner: Manner | None = None) -> None:
        self._folder = folder
        self._recordings = recordings
        self._manner = manner or Manner()
        self._stack = AsyncExitStack()
        self._turn = asyncio.Lock()
        """Commands are answered in order: one asks at a time."""
        self.sessions_folder = folder / "sessions"
        self.ca_file = ""
        self.port = 0

    async def __aenter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        async with AsyncExitStack() as stack:
            process = await self._started()
            stack.push_async_callback(end, process)
            assert process.stdout is not None
            async with asyncio.timeout(_START_S):
                addresses = json.loads(await process.stdout.readline())
            self.ca_file = addresses["ca_file"]
            self.port = int(addresses["wss"].rsplit(":", 1)[1])
            self._control = await stack.enter_async_context(RemoteControl.at(addresses["ws"]))
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _started(self) -> Process:
        manner = self._manner
        options = ["--json", "--control", "--exit-with-parent"]
        options += ["--session-logs", str(self.sessions_folder), "--data-dir", str(self._folder)]
        options += ["--recordings", str(self._recordings), "--thinking-ms", str(manner.thinking_ms)]
        options += ["--speed", str(manner.speed), "--words-per-minute", str(manner.words_per_minute)]
        command = [sys.executable, "-m", "adapters.rehearsal", *options]
        return await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, cwd=ROOT)

    async def strike(self, fault: str, candidate: str) -> list[str]:
        """Let a fault happen now in the sessions that hold this candidate's call; the ids of
        those."""
        async with self._turn:
            sessions = await self._control.sessions()
            theirs = f"interviewing {candidate} "
            named = [each["id"] for each in sessions if each["live"] and theirs in each["instruction"]]
            return await self._control.strike(fault, named) if named else []

    async def faults(self, *faults: str) -> None:
        """From now on these may strike."""
        async with self._turn:
            await self._control.faults(*faults)

    async def expire(self) -> None:
        """No handle given out so far is honoured any more."""
        async with self._turn:
            await self._control.expire()
