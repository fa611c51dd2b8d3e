"""What listening and deciding cost: CPU time of the server's parts per minute of a call, without
any cache.

The simulated client and model run in the same thread, so stopwatches lie around the server's own
entry points. The turn detector has a thread of its own in the product: it is not part of "everything".
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from time import thread_time_ns
from typing import Any, TypeVar

from adapters.voice.factory import DetectorKind
from api.live.call import LiveCall
from api.live.call_ports import CallPorts
from bench.report import Section
from bench.turns.contestants import CONTESTANTS
from bench.turns.scenes.scene import Scene
from bench.turns.stage.stage import play
from domain.ports.voice import EchoGauge, Resampler, VoiceDetector

P = TypeVar("P")

_PARTS = ("everything", "detector", "echo", "core", "resampler", "log", "turn detector")


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


def _watching(part: P, name: str, watch: _Watch) -> P:
    """The same part, one of whose methods is watched."""
    setattr(part, name, watch.around(getattr(part, name)))
    return part


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU milliseconds per minute of a call, by part."""

    contestant: str
    minutes: float
    ms_per_minute: dict[str, float]


def cost_of(contestant: str, scenes: list[Scene], rate_hz: int) -> Cost:
    """Play some scenes uncached with stopwatches laid."""
    watches = {name: _Watch() for name in _PARTS}

    def adapt(ports: CallPorts) -> CallPorts:
        """Stopwatches around what listens."""

        def make_detector(kind: DetectorKind) -> VoiceDetector:
            return _watching(ports.make_detector(kind), "analyse", watches["detector"])

        def make_resampler(rate_hz: int) -> Resampler:
            return _watching(ports.make_resampler(rate_hz), "push", watches["resampler"])

        def make_echo_gauge() -> EchoGauge:
            return _watching(ports.make_echo_gauge(), "over_echo", watches["echo"])

        assert ports.turn_detector is not None
        return replace(
            ports,
            make_detector=make_detector,
            make_resampler=make_resampler,
            make_echo_gauge=make_echo_gauge,
            turn_detector=_watching(ports.turn_detector, "ask", watches["turn detector"]),
        )

    def lay(live: LiveCall) -> None:
        """Stopwatches around the call's own entry points."""
        for name in ("take_audio", "take_control"):
            _watching(live.client, name, watches["everything"])
        _watching(live.loop, "feed", watches["everything"])
        _watching(live.loop.appender, "record", watches["log"])
        _watching(live.call, "handle", watches["core"])

    policy = CONTESTANTS[contestant].policy
    length_us = sum(play(scene, policy, rate_hz, adapt=adapt, watch=lay).length_us for scene in scenes)
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
