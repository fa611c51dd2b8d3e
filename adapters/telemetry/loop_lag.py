"""How late the event loop is: a task that sleeps shortly, over and over, and sees when it is woken."""

import asyncio
from bisect import bisect_left

from adapters.telemetry.run_delay import run_delay_s

BOUNDS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0)
"""Upper bounds of the histograms; whatever was later is beyond the last."""
_EVERY_S = 0.05


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
