"""Asks Smart Turn about pauses without keeping anybody waiting: one thread for all calls of the
process.

The queue is bounded. A question that finds it full is not asked, counted, and logged now and then:
a pause without a verdict is waited out for `silence_ms` to twice that, so an overloaded machine
answers much as a silence timer would.
"""

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

import structlog

from adapters.voice.smart_turn import completeness, shared_network
from domain.ports.voice import TurnDetector
from domain.sound.features import quantise_voice

_log = structlog.get_logger(__name__)
_LOGGED_EVERY = 100
MOST_WAITING = 8
"""The verdict on one more would come after the silence that ends an answer anyway."""


_NICENESS = 10
"""A verdict may be late, audio may not: where cores are short, the event loop's thread comes first."""


def _stand_back() -> None:
    if sys.platform == "linux":  # elsewhere a priority is the whole process's
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), min(19, os.nice(0) + _NICENESS))


class SmartTurnDetector(TurnDetector):
    """`with SmartTurnDetector() as turn_detector:` runs its thread. Loads the network when entered,
    which takes a moment."""

    def __init__(self) -> None:
        self._worker = ThreadPoolExecutor(1, "turn-detector", _stand_back)
        self._waiting = 0
        self.asked = self.refused = self.failed = 0

    def __enter__(self) -> Self:
        shared_network()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._worker.shutdown(wait=True, cancel_futures=True)

    def ask(self, pcm: bytes, then: Callable[[int], None]) -> bool:
        """As of every turn detector. Called on the event loop."""
        if self._waiting >= MOST_WAITING:
            if self.refused % _LOGGED_EVERY == 0:
                _log.warning("turn_detector_busy", asked=self.asked, refused=self.refused + 1)
            self.refused += 1
            return False
        self.asked += 1
        self._waiting += 1
        predicted = asyncio.get_running_loop().run_in_executor(self._worker, completeness, pcm)
        predicted.add_done_callback(lambda future: self._done(future, then))
        return True

    def _done(self, predicted: "asyncio.Future[float]", then: Callable[[int], None]) -> None:
        self._waiting -= 1
        if predicted.cancelled():
            return
        error = predicted.exception()
        if error is None:
            then(quantise_voice(predicted.result()))
        else:
            self.failed += 1
            _log.error("end_of_turn_not_predicted", error=type(error).__name__)
