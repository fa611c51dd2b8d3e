"""The marks of turn-taking, each said to be met or not by this run, with what stands behind it."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench.report import Section
from bench.turns.report.curve import TARGETS, Curve
from bench.turns.report.figures import Figure, figure
from bench.turns.report.seen import Seen
from bench.turns.run import Outcome

TWO_THIRDS = 2 / 3
_ECHOES_COUNTED = ("echo -20 dB", "echo -10 dB")
_NETWORK = "network"


@dataclass(frozen=True, slots=True)
class Mark:
    """`said` is the figure with its interval; `met` is None where this run has nothing to say."""

    name: str
    wanted: str
    said: str
    met: bool | None
    behind: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class _Pool:
    """One contestant's observations, all conditions together."""

    def __init__(self, contestant: str, outcomes: Iterable[Outcome]) -> None:
        self._contestant = contestant
        self._seen = [
            each
            for outcome in outcomes
            if outcome.contestant == contestant and outcome.value is None
            for each in outcome.seen
        ]

    def of(self, measure: str, where: Callable[[Seen], bool] = lambda _: True) -> Figure | None:
        """Everything seen of a measure, where a condition holds."""
        seen = [each for each in self._seen if each.measure == measure and where(each)]
        return figure(self._contestant, measure, "all", seen) if seen else None


def _behind(found: Figure) -> str:
    exposure = f"{found.exposure:.1f} min, " if found.exposure else ""
    return f"{exposure}{found.count} of {found.recordings} recordings, {found.speakers} speakers"


def _at_least(name: str, wanted: float, found: Figure | None) -> Mark:
    if found is None:
        return Mark(name, f">= {wanted}", "-", None, "")
    low, high = found.interval
    return Mark(
        name, f">= {wanted}", f"{found.value:.3f} ({low:.3f}-{high:.3f})", found.value >= wanted, _behind(found)
    )


def _rate(name: str, wanted: float, found: Figure | None) -> Mark:
    if found is None:
        return Mark(name, f"<= {wanted} / min", "-", None, "")
    low, high = found.interval
    said = f"{found.value:.2f} ({low:.2f}-{high:.2f}), {found.events:.0f} in all"
    return Mark(name, f"<= {wanted} / min", said, found.value <= wanted, _behind(found))


def _delays(name: str, p50: float, p90: float, found: Figure | None) -> Mark:
    wanted = f"p50 <= {p50:.0f} ms" + (f", p90 <= {p90:.0f}" if p90 < math.inf else "")
    if found is None:
        return Mark(name, wanted, "-", None, "")
    (low, high), (low_90, high_90) = found.interval, found.p90_interval
    said = f"{found.value:.0f} ({low:.0f}-{high:.0f}) / {found.p90:.0f} ({low_90:.0f}-{high_90:.0f})"
    return Mark(name, wanted, said, found.value <= p50 and found.p90 <= p90, _behind(found))


def _of_kinds(*kinds: str) -> Callable[[Seen], bool]:
    return lambda each: each.condition in kinds


def _near(each: Seen) -> bool:
    """Latencies are the server's own: without a network."""
    return not each.condition.startswith(_NETWORK)


def marks(contestant: str, outcomes: Sequence[Outcome], curves: Sequence[Curve], baseline: str) -> list[Mark]:
    """Every mark for one contestant."""
    pool = _Pool(contestant, outcomes)
    return [
        _at_least("yield rate", 0.99, pool.of("yield rate")),
        _at_least("yield rate, clean", 0.99, pool.of("yield rate", _of_kinds("clean"))),
        _delays("yield latency", 420, 600, pool.of("yield latency", _near)),
        _delays("yield latency, clean", 420, 600, pool.of("yield latency", _of_kinds("clean"))),
        _delays("hold latency", 120, 220, pool.of("hold latency", _near)),
        _delays("hold latency, clean", 120, 220, pool.of("hold latency", _of_kinds("clean"))),
        _at_least("backchannel selectivity", 0.90, pool.of("backchannel selectivity")),
        _at_least("tic selectivity", 0.90, pool.of("tic selectivity")),
        _delays("held time per dismissal", 250, math.inf, pool.of("held time per dismissal")),
        _stated("never held", pool.of("never held", _of_kinds("backchannel", "tic"))),
        _rate("false confirmed in noise", 0.1, pool.of("false confirmed")),
        _rate("false holds in noise", 1.0, pool.of("false holds")),
        _none("self-interruptions at -20 and -10 dB", pool.of("self-interruptions", _of_kinds(*_ECHOES_COUNTED))),
        *_endpoint(contestant, curves, baseline),
        _heard(pool.of("heard error", lambda each: not _near(each))),
        _lost(pool.of("voiced missing at the model")),
    ]


def _stated(name: str, found: Figure | None) -> Mark:
    if found is None:
        return Mark(name, "stated", "-", None, "")
    return Mark(
        name, "stated", f"{found.value:.3f} ({found.interval[0]:.3f}-{found.interval[1]:.3f})", None, _behind(found)
    )


def _none(name: str, found: Figure | None) -> Mark:
    if found is None:
        return Mark(name, "0", "-", None, "")
    said = f"{found.events:.0f} (at most {found.interval[1]:.2f} / min)"
    return Mark(name, "0", said, not found.events, _behind(found))


def _heard(found: Figure | None) -> Mark:
    if found is None:
        return Mark("heard error", "p95 <= 60 ms", "-", None, "")
    said = f"p50 {found.value:.0f}, p95 {found.p95:.0f}, max {found.most:.0f} ms"
    return Mark("heard error", "p95 <= 60 ms", said, found.p95 <= 60, _behind(found))


def _lost(found: Figure | None) -> Mark:
    if found is None:
        return Mark("voiced samples missing at the model", "0", "-", None, "")
    said = f"{16 * found.events:.0f} samples ({found.events:.0f} ms), at most {found.most:.0f} ms at once"
    return Mark("voiced samples missing at the model", "0", said, found.events == 0, _behind(found))


def _endpoint(contestant: str, curves: Sequence[Curve], baseline: str) -> list[Mark]:
    by_name = {curve.contestant: curve for curve in curves}
    mine, timer = by_name.get(contestant), by_name.get(baseline)
    if mine is None or timer is None or mine is timer:
        return []
    made = []
    for target in TARGETS:
        delay, plain = mine.delay_at(target), timer.delay_at(target)
        ratio = delay / plain
        said = f"{delay:.0f} ms against {plain:.0f} ms: {ratio:.2f}"
        known = None if math.isnan(ratio) else ratio <= TWO_THIRDS
        point = mine.points[0]
        behind = f"{point.pauses} pauses, {point.answers} answers"
        made.append(
            Mark(f"endpoint delay at {target:.0%} cut-offs", f"<= 0.67 of {baseline}'s timer", said, known, behind)
        )
    return made


def marks_section(contestant: str, made: Sequence[Mark], command: str) -> Section:
    """As a table."""
    section = Section("marks", f"The marks: {contestant}", command, ("mark", "wanted", "measured", "", "behind it"))
    verdicts = {True: "met", False: "NOT MET", None: ""}
    section.rows = [(each.name, each.wanted, each.said, verdicts[each.met], each.behind) for each in made]
    return section
