"""Observations summed up: a figure per contestant, measure and condition, its interval, and what
stands behind it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from bench.turns.report.seen import UNITS, Seen, Unit
from bench.turns.report.statistics import Interval, clustered, poisson, quantile, wilson
from bench.turns.run import Outcome


@dataclass(frozen=True, slots=True)
class Figure:
    """`value` is a share, a rate per minute, a ratio, a mean count, or the median of ms; `p90` and
    `most` for ms only.

    `count` observations of `recordings` independent recordings by `speakers`; `exposure` is minutes
    for a rate.
    """

    contestant: str
    measure: str
    condition: str
    unit: Unit
    value: float
    interval: Interval
    count: int
    recordings: int
    speakers: int
    exposure: float = 0.0
    events: float = 0.0
    p90: float = 0.0
    p90_interval: Interval = (0.0, 0.0)
    p95: float = 0.0
    most: float = 0.0
    mean: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def figures(outcomes: Iterable[Outcome]) -> list[Figure]:
    """Of everybody's own policy, in the order of measures and conditions as they were seen."""
    groups: dict[tuple[str, str, str], list[Seen]] = defaultdict(list)
    for outcome in outcomes:
        if outcome.value is None:
            for each in outcome.seen:
                groups[outcome.contestant, each.measure, each.condition].append(each)
    return [figure(*key, seen) for key, seen in groups.items()]


def figure(contestant: str, measure: str, condition: str, seen: Sequence[Seen]) -> Figure:
    """Sum up what was seen of one measure."""
    unit = UNITS[measure]
    values = [each.value for each in seen]
    total, weight = sum(values), sum(each.weight for each in seen)
    recordings, speakers = len({each.recording for each in seen}), len({each.speaker for each in seen})

    def made(value: float, interval: Interval, **more: Any) -> Figure:
        return Figure(
            contestant, measure, condition, unit, value, interval, len(seen), recordings, speakers, events=total, **more
        )

    match unit:
        case "share":
            return made(total / len(seen), wilson(total, len(seen)))
        case "per minute":
            return made(total / weight if weight else 0.0, poisson(total, weight), exposure=weight)
        case "ratio":
            return made(total / weight, (float("nan"), float("nan")))
        case "count":
            mean = partial(_mean)
            return made(mean(values), clustered(seen, mean))
        case "ms":
            return made(
                quantile(values, 0.5),
                clustered(seen, partial(quantile, share=0.5)),
                p90=quantile(values, 0.9),
                p90_interval=clustered(seen, partial(quantile, share=0.9)),
                p95=quantile(values, 0.95),
                most=max(values),
                mean=_mean(values),
            )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
