"""What listening and deciding cost: CPU time of the server's parts per minute of a call, without
any cache.

The simulated client and model run in the same thread, so stopwatches lie around the server's own
doors. The turn detector has a thread of its own in the product: it is not part of "everything".
"""

from collections.abc import Callable
from dataclasses import dataclass
from time import thread_time_ns
from typing import Any

from api.live.session import LiveCall
from bench.report import Section
from bench.turns.contestants import CONTESTANTS
from bench.turns.scenes.scene import Scene
from bench.turns.stage.stage import play

_PARTS = ("everything", "detector", "echo", "core", "resampler and intake", "log", "turn detector")


class _Watch:
    """Adds up the CPU time of the outermost calls of what it is laid around."""

    def __init__(self) -> None:
        self.total_ns = 0
        self._depth = 0

    def around(self, act: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **named: Any) -> Any:
            self._depth += 1
            began = thread_time_ns()
            try:
                return act(*args, **named)
            finally:
                self._depth -= 1
                if not self._depth:
                    self.total_ns += thread_time_ns() - began

        return watched


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU milliseconds per minute of a call, by part."""

    contestant: str
    minutes: float
    ms_per_minute: dict[str, float]


def cost_of(contestant: str, scenes: list[Scene], rate_hz: int) -> Cost:
    """Play some scenes uncached with stopwatches laid."""
    watches = {name: _Watch() for name in _PARTS}

    def lay(session: LiveCall) -> None:
        voice: Any = session.voice
        shell: Any = session
        intake: Any = voice._intake
        for name in ("take_audio", "take_control", "feed"):
            setattr(shell, name, watches["everything"].around(getattr(shell, name)))
        shell.link._deliver = shell.feed
        voice._detector.analyse = watches["detector"].around(voice._detector.analyse)
        voice._echo.over_echo = watches["echo"].around(voice._echo.over_echo)
        intake.take = watches["resampler and intake"].around(intake.take)
        session.call.handle = watches["core"].around(session.call.handle)  # type: ignore[method-assign]
        voice._turn_detector.ask = watches["turn detector"].around(voice._turn_detector.ask)
        shell.appender.record = watches["log"].around(shell.appender.record)

    length_us = sum(play(scene, CONTESTANTS[contestant].policy, rate_hz, watch=lay).length_us for scene in scenes)
    minutes = length_us / 60e6
    watches["everything"].total_ns -= watches["turn detector"].total_ns
    return Cost(contestant, minutes, {name: watch.total_ns / 1e6 / minutes for name, watch in watches.items()})


def cost_section(costs: list[Cost], command: str) -> Section:
    """As a table; 600 ms a minute are one percent of a core."""
    section = Section(
        "cpu", "CPU of the decision path, ms per minute of a call", command, ("contestant", *_PARTS, "of a core")
    )
    for cost in costs:
        cells = [f"{cost.ms_per_minute[name]:.0f}" for name in _PARTS]
        section.rows.append((cost.contestant, *cells, f"{cost.ms_per_minute['everything'] / 600:.2f} %"))
        section.facts[cost.contestant] = cost.ms_per_minute
    return section
