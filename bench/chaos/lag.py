"""Whether the servers' loops stood still, as they report it themselves, and whether the machine made them."""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Self

import httpx

from bench.chaos.rig.server import Server

_FAMILY = "viva_loop_lag_seconds_bucket"
_LIMIT = "0.05"
_LIMIT_S = 0.05
_TIMEOUT_S = 5.0
_LOOK_EVERY_S = 0.02
_LOOKS_TOGETHER = 5


@dataclass(slots=True)
class Stalls:
    """The servers' looks at their loops, those that came more than 50 ms late, and how often their thread was ready to
    run for more than 50 ms out of 100 while somebody else had the core."""

    looks: int = 0
    late: int = 0
    withheld: int = 0


class LoopWatch:
    """`async with LoopWatch(servers) as watch:`, then `seen`: what has happened since, of processes that still live."""

    def __init__(self, servers: Sequence[Server]) -> None:
        self._servers = servers
        self._before: dict[str, tuple[int, int]] = {}
        self._withheld = 0
        self._watching: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        for server in self._servers:
            found = await _look(server)
            if found is not None:
                self._before[server.label] = found
        self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._watching is not None
        self._watching.cancel()
        await asyncio.gather(self._watching, return_exceptions=True)

    async def seen(self) -> Stalls:
        """Since the beginning."""
        stalls = Stalls(withheld=self._withheld)
        for server in self._servers:
            now, before = await _look(server), self._before.get(server.label, (0, 0))
            if now is not None:
                stalls.looks += now[0] - before[0]
                stalls.late += now[1] - before[1]
        return stalls

    async def _watch(self) -> None:
        """Ask the kernel, again and again, how long each server's thread has waited."""
        waits: dict[int, deque[float]] = {}
        while True:
            for pid in (server.pid for server in self._servers):
                recent = waits.setdefault(pid, deque(maxlen=_LOOKS_TOGETHER + 1))
                recent.append(_waited_s(pid))
                if recent[-1] - recent[0] > _LIMIT_S:
                    self._withheld += 1
                    recent.clear()
            due = monotonic() + _LOOK_EVERY_S
            await asyncio.sleep(max(0.0, due - monotonic()))


async def _look(server: Server) -> tuple[int, int] | None:
    """(looks, late ones) of a server's process so far."""
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=_TIMEOUT_S) as http:
            text = (await http.get(f"http://127.0.0.1:{server.port}/metrics")).text
    except httpx.HTTPError:
        return None
    buckets = {}
    for line in text.splitlines():
        if line.startswith(_FAMILY):
            buckets[line.split('le="')[1].split('"')[0]] = int(float(line.rsplit(" ", 1)[1]))
    if "+Inf" not in buckets:
        return None
    return buckets["+Inf"], buckets["+Inf"] - buckets.get(_LIMIT, 0)


def _waited_s(pid: int) -> float:
    """How long the main thread of a process was ready to run while somebody else had the core."""
    with suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[1]) / 1e9
    return 0.0
