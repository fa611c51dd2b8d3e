"""How late the event loop is: a task that sleeps shortly, over and over, and sees when it is woken."""

import asyncio
from bisect import bisect_left

BOUNDS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0)
"""Upper bounds of the histogram; whatever was later is beyond the last."""
_EVERY_S = 0.05


class LoopLag:
    """Run `run` in a task. `late` counts the wakes by bound, the last beyond them all; `sum_s` adds up the lateness."""

    def __init__(self) -> None:
        self.late = [0] * (len(BOUNDS_S) + 1)
        self.sum_s = 0.0

    def note(self, late_s: float) -> None:
        """One wake came so late."""
        self.late[bisect_left(BOUNDS_S, late_s)] += 1
        self.sum_s += late_s

    async def run(self) -> None:
        """Sample for ever."""
        loop = asyncio.get_running_loop()
        while True:
            due_s = loop.time() + _EVERY_S
            await asyncio.sleep(_EVERY_S)
            self.note(max(0.0, loop.time() - due_s))
