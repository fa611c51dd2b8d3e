"""Not every line of a flood is written: of the same event so many a second, and then how many were
left out.

Whoever connects can make a server say something; this way it cannot make it fill a disk.
"""

import logging
from collections.abc import Callable, MutableMapping
from time import monotonic
from typing import Any

import structlog

PER_S, AT_ONCE = 20, 100
_MOST_EVENTS = 1_000


class LogLimit:
    """One process's. It is a processor for structlog, and a filter for the standard library's
    logging."""

    def __init__(self, now_s: Callable[[], float] = monotonic) -> None:
        self._now_s = now_s
        self._left: dict[str, tuple[float, float, int]] = {}

    def admit(self, event: str) -> int | None:
        """How many like it were left out before this one; None if it is left out as well."""
        now_s = self._now_s()
        if event not in self._left and len(self._left) >= _MOST_EVENTS:
            self._left.clear()
        left, at_s, left_out = self._left.get(event, (float(AT_ONCE), now_s, 0))
        left = min(AT_ONCE, left + (now_s - at_s) * PER_S)
        if left < 1:
            self._left[event] = left, now_s, left_out + 1
            return None
        self._left[event] = left - 1, now_s, 0
        return left_out

    def __call__(self, logger: Any, method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        left_out = self.admit(str(line.get("event")))
        if left_out is None:
            raise structlog.DropEvent
        return line if not left_out else {**line, "left_out": left_out}

    def filter(self, record: logging.LogRecord) -> bool:
        """As of a `logging.Filter`."""
        left_out = self.admit(str(record.msg))
        if left_out:
            record.msg = f"{record.msg} ({left_out} more like this were left out)"
        return left_out is not None
