"""The time that a call lives by. The core has none: it is given the time with every input."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Protocol


class Wakeup(Protocol):
    """Something that a clock will do at its moment."""

    def cancel(self) -> None:
        """Not do it; nothing happens if it is done already."""


class Clock(ABC):
    """Monotonic. Where it begins to count is its own affair: calls count from their opening on."""

    @abstractmethod
    def now_us(self) -> int:
        """The time in microseconds."""

    @abstractmethod
    def call_at(self, due_us: int, act: Callable[[], None]) -> Wakeup:
        """Call `act` once on the event loop, soon after `due_us` and never before it; soon, if that
        has passed."""
