"""How late the event loop is: a task that sleeps shortly, over and over, and sees when it is woken.

And how long the machine kept its thread waiting for a core, which no program can do anything about.
"""

import asyncio
from bisect import bisect_left
from pathlib import Path

BOUNDS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0)
"""Upper bounds of the histograms; whatever was later is beyond the last."""
_EVERY_S = 0.05
_SCHEDULER = Path("/proc/thread-self/schedstat")


class Lateness:
    """A histogram: `counts` by bound, the last beyond them all; `sum_s` adds up."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_S) + 1)
        self.sum_s = 0.0

    def note(self, late_s: float) -> None:
        """One wake came so late."""
        self.counts[bisect_left(BOUNDS_S, late_s)] += 1
        self.sum_s += late_s


class LoopLag:
    """Run `run` in a task. `lag` is how late it was woken, `stall` how late by the process's own
    doing.

    From the one to the other, what the machine withheld since the last wake is taken off.
    """

    def __init__(self) -> None:
        self.lag, self.stall = Lateness(), Lateness()

    async def run(self) -> None:
        """Sample for ever."""
        loop = asyncio.get_running_loop()
        while True:
            due_s, withheld_s = loop.time() + _EVERY_S, run_delay_s()
            await asyncio.sleep(_EVERY_S)
            late_s = max(0.0, loop.time() - due_s)
            self.lag.note(late_s)
            self.stall.note(max(0.0, late_s - (run_delay_s() - withheld_s)))


def run_delay_s() -> float:
    """Seconds in which the calling thread was ready to run and others ran, since it began; 0 where
    nobody counts them.

    Source: the second field of Linux's schedstat, in nanoseconds.
    """
    try:
        return int(_SCHEDULER.read_bytes().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0
