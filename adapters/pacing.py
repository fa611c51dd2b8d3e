"""How often something may be tried again, and how often it may come at all."""

import random
from collections.abc import Callable
from time import monotonic


class Backoff:
    """Waiting longer after each failure, spread so that processes do not come back in step.

    Delays double from `first_s` to `ceiling_s`, each shortened at random by up to a half. With `at_once`, the
    very first try does not wait.
    """

    def __init__(self, first_s: float = 0.05, ceiling_s: float = 2.0, *, at_once: bool = False) -> None:
        self._first_s = first_s
        self._ceiling_s = ceiling_s
        self._next_s = 0.0 if at_once else first_s

    def next_s(self) -> float:
        """Seconds to wait before the next try."""
        delay_s = self._next_s * random.uniform(0.5, 1.0)  # noqa: S311 - spreading tries needs no secrecy
        self._next_s = min(self._next_s * 2, self._ceiling_s) if self._next_s else self._first_s
        return delay_s

    def reset(self) -> None:
        """It worked: begin again at the shortest delay."""
        self._next_s = self._first_s


class TokenBucket:
    """Fills with `per_s` tokens a second up to `at_once`, and is full at first. `now_s` is a
    monotonic clock. A refusal costs nothing."""

    def __init__(self, per_s: int, at_once: int, now_s: Callable[[], float] = monotonic) -> None:
        self._per_s = per_s
        self._most = at_once
        self._now_s = now_s
        self._left = float(at_once)
        self._at_s = now_s()

    def take(self) -> bool:
        """Take one token, if there is one."""
        now_s = self._now_s()
        self._left = min(self._most, self._left + (now_s - self._at_s) * self._per_s)
        self._at_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True
