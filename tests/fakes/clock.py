"""Clocks that a test sets."""

import asyncio
from collections.abc import Callable

from domain.ports.clock import Clock
from tests.fakes.simulated_loop import SimulatedLoop


class ManualClock(Clock):
    """Stands still but for `advance`, which is what makes wake-ups due: the loop runs them soon
    after."""

    def __init__(self) -> None:
        self.moment_us = 0
        self._waiting: list[ManualWakeup] = []

    def now_us(self) -> int:
        return self.moment_us

    def call_at(self, due_us: int, act: Callable[[], None]) -> "ManualWakeup":
        wakeup = ManualWakeup(due_us, act)
        self._waiting.append(wakeup)
        self._wake()
        return wakeup

    def advance(self, us: int) -> int:
        """Let time pass; the new time."""
        self.moment_us += us
        self._wake()
        return self.moment_us

    def _wake(self) -> None:
        self._waiting = [each for each in self._waiting if not each.cancelled]
        for wakeup in [each for each in self._waiting if each.due_us <= self.moment_us]:
            self._waiting.remove(wakeup)
            asyncio.get_running_loop().call_soon(wakeup.run)


class ManualWakeup:
    """Something that a `ManualClock` will do."""

    def __init__(self, due_us: int, act: Callable[[], None]) -> None:
        self.due_us = due_us
        self.cancelled = False
        self._act = act

    def cancel(self) -> None:
        self.cancelled = True

    def run(self) -> None:
        if not self.cancelled:
            self._act()


class SimulatedClock(Clock):
    """The time of a simulated loop, with the wake-ups of the product's clock."""

    def __init__(self, loop: SimulatedLoop) -> None:
        self._loop = loop

    def now_us(self) -> int:
        return self._loop.now_us

    def call_at(self, due_us: int, act: Callable[[], None]) -> asyncio.TimerHandle:
        return self._loop.call_later(max(0, due_us - self._loop.now_us) / 1_000_000 + 0.002, act)
