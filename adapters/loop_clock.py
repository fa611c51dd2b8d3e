"""The clock of live calls: the machine's monotonic one, with wake-ups by the event loop."""

import asyncio
from collections.abc import Callable
from time import monotonic_ns

from domain.ports.clock import Clock

_SLACK_S = 0.002
"""A wake-up a moment late is due; one a moment early would be for nothing."""


class LoopClock(Clock):
    """For the event loop that runs."""

    def now_us(self) -> int:
        return monotonic_ns() // 1000

    def call_at(self, due_us: int, act: Callable[[], None]) -> asyncio.TimerHandle:
        wait_s = max(0, due_us - self.now_us()) / 1_000_000 + _SLACK_S
        return asyncio.get_running_loop().call_later(wait_s, act)
