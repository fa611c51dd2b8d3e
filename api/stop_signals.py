"""The signals that end the process: the first one stops the server in order, the next one ends it
at once.

Each step of an orderly stop is bounded. Should one not keep to that, or a thread stay behind (one
that waits for a database that hangs cannot be interrupted), the process is ended all the same when
its time is up.
"""

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from time import monotonic
from typing import Any, Self

import structlog

from adapters.postgres.embedded.server import leave_at_once

_log = structlog.get_logger(__name__)
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_THREADS_END_WITHIN_S = 3.0
_SAME_WITHIN_S = 0.1
"""`timeout`, `make` and others tell the process and then its group, which it belongs to: that is
one signal."""


class StopSignals:
    """`with StopSignals(within_s) as signals:` the first SIGINT or SIGTERM is answered with
    `answer`, on the loop.

    The block then has `within_s` seconds, and what is left of the process after it a few. Another
    signal ends the process until its very end, with 128 and the signal's number.
    """

    def __init__(self, within_s: float) -> None:
        self.answer: Callable[[], object] = lambda: None
        self.came = False
        self.code = 1
        """What the process exits with when its time is up: set it once the server has stopped."""
        self._came_at = 0.0
        self._left = threading.Event()
        self._within_s = within_s
        self._loop = asyncio.get_running_loop()
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        # Not the loop's own way of handling signals: that would wait for a loop that is held up, or
        # closed.
        self._before = {number: signal.signal(number, self._handle) for number in _SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        self._left.set()
        if not self.came:
            for number, handler in self._before.items():
                signal.signal(number, handler)

    def _handle(self, number: int, _: object) -> None:
        if self.came:
            if monotonic() - self._came_at > _SAME_WITHIN_S:
                end_at_once(128 + number)
            return
        self.came, self._came_at = True, monotonic()
        threading.Thread(target=self._watch, name="stop", daemon=True).start()
        self._loop.call_soon_threadsafe(self._answer)

    def _answer(self) -> None:
        self.answer()

    def _watch(self) -> None:
        if not self._left.wait(self._within_s):
            _log.critical("stop_overdue", within_s=self._within_s)
            end_at_once(self.code)
        threading.Event().wait(_THREADS_END_WITHIN_S)
        end_at_once(self.code)


def end_at_once(code: int) -> None:
    """End the process, and the embedded database if nobody else uses it; the rehearsal ends with
    its parent."""
    try:
        leave_at_once()
    finally:
        os._exit(code)
