"""The run as tables: everybody side by side, with counts, intervals and what stands behind each
figure."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

from bench.report import Section
from bench.turns.report.curve import TARGETS, Curve
from bench.turns.report.figures import Figure

_BARGE_IN = """spoiled before its onset, yield rate, hold latency, yield latency, silence latency, confirm delay,
heard error, double talk taken as the answer, interviewer's words lost to double talk"""
_TALKING_THROUGH = """backchannel selectivity, hesitation selectivity, tic selectivity, side-speech selectivity,
side speech not yielded to at all, never held, held time per dismissal"""
_NOBODY = "false holds, false confirmed, false answers, self-interruptions held, self-interruptions"
_ANSWERS = """endpoint delay, cut-off rate, response latency, onset delay, answers missed, answers never ended,
eager ends tried, eager ends withdrawn,
generations cancelled, voiced missing at the model, voiced in dismissed doubts, silence not sent, sent wrong"""
_GROUPS: tuple[tuple[str, str, tuple[str, ...]], ...] = tuple(
    (name, title, tuple(" ".join(measures.split()).split(", ")))
    for name, title, measures in (
        ("barge-in", "Interruptions of the interviewer", _BARGE_IN),
        ("talking through", "What must not interrupt: no yield within 1 s, no answer within 2 s", _TALKING_THROUGH),
        ("noise and echo", "Nobody speaks but the interviewer", _NOBODY),
        ("answers", "Answers: noticed, ended, cut off, lost", _ANSWERS),
    )
)
GROUP_NAMES = tuple(name for name, _, _ in _GROUPS)


def sections(found: Iterable[Figure], contestants: Sequence[str], command: str) -> list[Section]:
    """One table for each group of measures. Delays are median (interval) / ninth of ten / most, in
    ms."""
    cells: dict[tuple[str, str], dict[str, Figure]] = defaultdict(dict)
    for figure in found:
        cells[figure.measure, figure.condition][figure.contestant] = figure
    made = []
    for name, title, measures in _GROUPS:
        section = Section(name, title, command, ("measure", "condition", *contestants, "n; recordings/speakers"))
        for measure in measures:
            for (what, condition), by_name in cells.items():
                if what == measure:
                    row = [cell(by_name[each]) if each in by_name else "-" for each in contestants]
                    section.rows.append((measure, condition, *row, behind(by_name.values())))
        if section.rows:
            made.append(section)
    return made


def cell(figure: Figure) -> str:
    """A figure as it is read."""
    low, high = figure.interval
    match figure.unit:
        case "share":
            return f"{figure.value:.3f} ({low:.3f}-{high:.3f})"
        case "per minute":
            return f"{figure.value:.2f} ({low:.2f}-{high:.2f})"
        case "ratio":
            return f"{figure.value:.3f}"
        case "count":
            return f"{figure.value:.2f}"
        case "ms":
            if not figure.most:
                return "0"
            spread = "" if math.isnan(low) else f" ({low:.0f}-{high:.0f})"
            return f"{figure.value:.0f}{spread} / {figure.p90:.0f} / {figure.most:.0f}"


def behind(figures: Iterable[Figure]) -> str:
    """How many observations, and of how many independent recordings and speakers."""
    most = max(figures, key=lambda figure: figure.count)
    exposure = f"{most.exposure:.1f} min; " if most.exposure else ""
    return f"{exposure}{most.count}; {most.recordings}/{most.speakers}"


def curve_section(curves: Sequence[Curve], baseline: str, command: str) -> Section:
    """Delays at 5 and 10 % cut-offs, and their ratio to the plain silence timer of this run."""
    section = Section(
        "endpoint curve",
        "Mean endpoint delay in ms at a cut-off rate, and its ratio to the silence timer's of the same run",
        command,
        (
            "contestant",
            "parameter",
            *(f"at {target:.0%}" for target in TARGETS),
            *(f"ratio at {t:.0%}" for t in TARGETS),
        ),
    )
    timer = next((curve for curve in curves if curve.contestant == baseline), None)
    for curve in curves:
        delays = [curve.delay_at(target) for target in TARGETS]
        ratios = [curve.delay_at(t) / timer.delay_at(t) if timer else math.nan for t in TARGETS]
        values = ", ".join(f"{curve.value_at(target):.0f}" for target in TARGETS)
        row = (curve.contestant, f"{curve.parameter} = {values}")
        section.rows.append((*row, *(f"{each:.0f}" for each in delays), *(f"{each:.2f}" for each in ratios)))
        for point in curve.points:
            low, high = point.interval
            section.notes.append(
                f"{curve.contestant} at {point.value}: cut off {point.cut_off:.3f} ({low:.3f}-{high:.3f}) "
                f"of {point.pauses}, delay mean {point.mean_ms:.0f}, p50 {point.p50_ms:.0f}, p90 {point.p90_ms:.0f} "
                f"of {point.answers}"
            )
    section.notes.append("Published, on other recordings: SmartTurn v3.2 1051 / 739 ms, the best known 543 / 295 ms.")
    return section
