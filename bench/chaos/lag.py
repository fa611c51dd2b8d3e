"""Whether the servers' loops stood still, as they report it themselves, and whether the machine made them wait."""

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
_TIMEOUT_S = 5.0


@dataclass(slots=True)
class Stalls:
    """Looks at the loops, those that came more than 50 ms late, and the share of time without a core for them."""

    looks: int = 0
    late: int = 0
    waited_share: float = 0.0


class LoopWatch:
    """`async with LoopWatch(servers) as watch:`, then `seen`: what has happened since, of processes that still live."""

    def __init__(self, servers: Sequence[Server]) -> None:
        self._servers = servers
        self._before: dict[str, tuple[int, int, float]] = {}
        self._began = monotonic()

    async def __aenter__(self) -> Self:
        for server in self._servers:
            found = await _look(server)
            if found is not None:
                self._before[server.label] = found
        self._began = monotonic()
        return self

    async def __aexit__(self, *_: object) -> None:
        return

    async def seen(self) -> Stalls:
        """Since the beginning."""
        stalls = Stalls()
        for server in self._servers:
            now, before = await _look(server), self._before.get(server.label, (0, 0, 0.0))
            if now is not None:
                stalls.looks += now[0] - before[0]
                stalls.late += now[1] - before[1]
                share = (now[2] - before[2]) / max(1e-9, monotonic() - self._began)
                stalls.waited_share = max(stalls.waited_share, share)
        return stalls


async def _look(server: Server) -> tuple[int, int, float] | None:
    """(looks, late ones, seconds of waiting for a core) of a server's process so far."""
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
    return buckets["+Inf"], buckets["+Inf"] - buckets.get(_LIMIT, 0), _waited_s(server.pid)


def _waited_s(pid: int) -> float:
    """How long the main thread of a process was ready to run while somebody else had the core."""
    with suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[1]) / 1e9
    return 0.0
