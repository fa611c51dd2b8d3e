"""Cut-off rate against endpoint delay: every contestant's parameter swept over the same answers."""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from bench.turns.contestants import CONTESTANTS
from bench.turns.report.answers import EVERY_PAUSE
from bench.turns.report.statistics import Interval, quantile, wilson
from bench.turns.run import Outcome

TARGETS = (0.05, 0.10)


@dataclass(frozen=True, slots=True)
class Point:
    """One value of the parameter. Delays in ms; `never` is the share of answers that were not ended
    in time."""

    value: int
    cut_off: float
    interval: Interval
    pauses: int
    mean_ms: float
    p50_ms: float
    p90_ms: float
    answers: int
    never: float


@dataclass(frozen=True, slots=True)
class Curve:
    contestant: str
    parameter: str
    points: tuple[Point, ...]

    def delay_at(self, cut_off: float) -> float:
        """The mean delay, in ms, at which the cut-off rate falls to `cut_off`; NaN if the sweep
        does not reach it."""
        return self._at(cut_off, [point.mean_ms for point in self.points])

    def value_at(self, cut_off: float) -> float:
        """The parameter there."""
        return self._at(cut_off, [float(point.value) for point in self.points])

    def _at(self, cut_off: float, of: list[float]) -> float:
        rates = [point.cut_off for point in self.points]
        for place in range(len(rates) - 1):
            high, low = rates[place], rates[place + 1]
            if high >= cut_off >= low and not math.isnan(of[place]) and not math.isnan(of[place + 1]):
                share = (high - cut_off) / (high - low) if high > low else 0.0
                return of[place] + share * (of[place + 1] - of[place])
        return of[0] if rates and rates[0] < cut_off else math.nan

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {
            f"at {target:.0%}": {"delay_ms": self.delay_at(target), "value": self.value_at(target)}
            for target in TARGETS
        }


def curves(outcomes: Iterable[Outcome]) -> list[Curve]:
    """One for each contestant whose parameter was swept."""
    swept: dict[str, dict[int, list[Outcome]]] = defaultdict(lambda: defaultdict(list))
    for outcome in outcomes:
        if outcome.value is not None:
            swept[outcome.contestant][outcome.value].append(outcome)
    return [
        Curve(name, CONTESTANTS[name].parameter, tuple(_point(value, values[value]) for value in sorted(values)))
        for name, values in swept.items()
    ]


def _point(value: int, outcomes: list[Outcome]) -> Point:
    seen = [each for outcome in outcomes for each in outcome.seen]
    cuts = [each.value for each in seen if each.measure == "cut-off rate" and each.condition == EVERY_PAUSE]
    delays = [each.value for each in seen if each.measure == "endpoint delay"]
    never = [each.value for each in seen if each.measure == "answers never ended"]
    return Point(
        value,
        sum(cuts) / len(cuts) if cuts else math.nan,
        wilson(sum(cuts), len(cuts)),
        len(cuts),
        sum(delays) / len(delays) if delays else math.nan,
        quantile(delays, 0.5),
        quantile(delays, 0.9),
        len(delays),
        sum(never) / len(never) if never else math.nan,
    )
