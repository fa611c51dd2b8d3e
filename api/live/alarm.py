"""One call's alarm clock: wakes it at its next deadline, on the event loop, if nothing else has
happened before."""

import asyncio
from collections.abc import Callable

from domain.timers import NEVER_US

_SLACK_S = 0.002
"""A wake-up a moment late is due; one a moment early would be for nothing."""


class Alarm:
    """At most one deadline, on the clock that `now_us` reads. `ring` is called once when it has
    passed."""

    def __init__(self, now_us: Callable[[], int], ring: Callable[[], None]) -> None:
        self._now_us = now_us
        self._ring = ring
        self._wake: asyncio.TimerHandle | None = None
        self._due_us = NEVER_US

    def set(self, due_us: int) -> None:
        """Move the deadline; `NEVER_US` for none."""
        if due_us == self._due_us:
            return
        self.stop()
        if due_us < NEVER_US:
            wait_s = max(0, due_us - self._now_us()) / 1_000_000 + _SLACK_S
            self._wake = asyncio.get_running_loop().call_later(wait_s, self._passed)
            self._due_us = due_us

    def stop(self) -> None:
        """Forget the deadline."""
        if self._wake is not None:
            self._wake.cancel()
        self._wake, self._due_us = None, NEVER_US

    def _passed(self) -> None:
        self._wake, self._due_us = None, NEVER_US
        self._ring()
