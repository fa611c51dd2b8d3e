"""Intervals that do not pretend: Wilson for shares, Poisson for rates, a bootstrap over recordings
for quantiles."""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np

from bench.turns.report.seen import Seen

Interval = tuple[float, float]

_Z = 1.959964
_DRAWS = 400


def wilson(successes: float, count: int) -> Interval:
    """95 % interval of a share."""
    if not count:
        return math.nan, math.nan
    share = successes / count
    spread = _Z * math.sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2))
    centre, scale = share + _Z**2 / (2 * count), 1 + _Z**2 / count
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def poisson(events: float, exposure: float) -> Interval:
    """95 % interval of a rate, by Byar; the rule of three where nothing happened."""
    if not exposure:
        return math.nan, math.nan
    if not events:
        return 0.0, 3 / exposure
    low = events * (1 - 1 / (9 * events) - _Z / (3 * math.sqrt(events))) ** 3
    more = events + 1
    high = more * (1 - 1 / (9 * more) + _Z / (3 * math.sqrt(more))) ** 3
    return max(0.0, low) / exposure, high / exposure


def clustered(seen: Sequence[Seen], figure: Callable[[Sequence[float]], float]) -> Interval:
    """95 % interval of any figure of the values, recordings drawn whole: what one recording says is
    said once."""
    groups: dict[str, list[float]] = defaultdict(list)
    for each in seen:
        groups[each.recording].append(each.value)
    if len(groups) < 2:
        return math.nan, math.nan
    clusters = [groups[name] for name in sorted(groups)]
    dice = np.random.default_rng(len(seen))
    figures = [
        figure([value for pick in dice.integers(len(clusters), size=len(clusters)) for value in clusters[pick]])
        for _ in range(_DRAWS)
    ]
    return float(np.percentile(figures, 2.5)), float(np.percentile(figures, 97.5))


def quantile(values: Sequence[float], share: float) -> float:
    """Linear between neighbours; NaN of nothing."""
    return float(np.quantile(values, share)) if len(values) else math.nan
