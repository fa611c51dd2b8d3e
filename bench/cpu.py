"""Measuring on a machine that others use too: CPU time of this thread, side by side, repeated.

Wall time is of no use where others run; the kernel's count of a thread's own CPU time is, apart
from what shared caches and clocks do. Everything that is compared is measured in each round, so
that a slow round is slow for all.
"""

from collections.abc import Callable
from time import thread_time_ns

Round = Callable[[], float]
"""Runs its subject once and returns CPU microseconds for each time the subject did its work."""


def cpu_us(run: Callable[[], object], times: int) -> float:
    """CPU microseconds of `run`, which does its work so many `times`, for each."""
    began = thread_time_ns()
    run()
    return (thread_time_ns() - began) / times / 1000


class Stopwatch:
    """Adds up stretches of CPU time: `with watch:`."""

    def __init__(self) -> None:
        self.total_ns = 0
        self._began = 0

    def __enter__(self) -> None:
        self._began = thread_time_ns()

    def __exit__(self, *_: object) -> None:
        self.total_ns += thread_time_ns() - self._began

    def us_each(self, times: int) -> float:
        """Microseconds for each of so many `times`."""
        return self.total_ns / max(times, 1) / 1000


def rounds(subjects: dict[str, Round], count: int) -> dict[str, list[float]]:
    """Every subject once a round, after one round that does not count."""
    found: dict[str, list[float]] = {name: [] for name in subjects}
    for number in range(count + 1):
        for name, measure in subjects.items():
            cost_us = measure()
            if number:
                found[name].append(cost_us)
    return found


def ratios(values: list[float], to: list[float]) -> list[float]:
    """Round by round, how many times as much."""
    return [value / other for value, other in zip(values, to, strict=True)]
