"""`time.monotonic` for tests: on a loop in simulated time it is that loop's clock, else the wall's.

Import it before anything that takes a function out of `time`. Threads see the wall's clock.
"""

import asyncio
import time

from tests.fakes.networked_loop import NetworkedLoop, wall_s

_wall_ns = time.monotonic_ns


def _monotonic() -> float:
    loop = asyncio._get_running_loop()
    return loop.time() if isinstance(loop, NetworkedLoop) else wall_s()


def _monotonic_ns() -> int:
    loop = asyncio._get_running_loop()
    return round(loop.time() * 1e9) if isinstance(loop, NetworkedLoop) else _wall_ns()


time.monotonic = _monotonic
time.monotonic_ns = _monotonic_ns
