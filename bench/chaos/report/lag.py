"""Whether the servers' loops stood still, as they report it themselves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import httpx

from bench.chaos.rig.server import Server

_LAG, _STALL = "viva_loop_lag_seconds_bucket", "viva_loop_stall_seconds_bucket"
_LIMIT = "0.05"
_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Stalls:
    """The servers' looks at their loops, those that came more than 50 ms late, and of these those
    that came so late by the servers' own doing: for the others somebody else had the core."""

    looks: int = 0
    late: int = 0
    stalled: int = 0

    def __add__(self, other: "Stalls") -> "Stalls":
        return Stalls(self.looks + other.looks, self.late + other.late, self.stalled + other.stalled)

    def __sub__(self, other: "Stalls") -> "Stalls":
        return Stalls(self.looks - other.looks, self.late - other.late, self.stalled - other.stalled)


async def looks(servers: Sequence[Server]) -> dict[str, Stalls]:
    """By process: all so far, of those that answer."""
    found = {server.label: await _look(server) for server in servers}
    return {label: stalls for label, stalls in found.items() if stalls is not None}


def since(before: Mapping[str, Stalls], now: Mapping[str, Stalls]) -> Stalls:
    """What has come between two of these, of processes that still live."""
    return sum((stalls - before.get(label, Stalls()) for label, stalls in now.items()), Stalls())


async def _look(server: Server) -> Stalls | None:
    """A server's process so far."""
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=_TIMEOUT_S) as http:
            text = (await http.get(f"http://127.0.0.1:{server.port}/metrics")).text
    except httpx.HTTPError:
        return None
    lag, stall = _buckets(text, _LAG), _buckets(text, _STALL)
    if "+Inf" not in lag or "+Inf" not in stall:
        return None
    return Stalls(lag["+Inf"], lag["+Inf"] - lag.get(_LIMIT, 0), stall["+Inf"] - stall.get(_LIMIT, 0))


def _buckets(text: str, family: str) -> dict[str, int]:
    lines = (line for line in text.splitlines() if line.startswith(family))
    return {line.split('le="')[1].split('"')[0]: int(float(line.rsplit(" ", 1)[1])) for line in lines}
