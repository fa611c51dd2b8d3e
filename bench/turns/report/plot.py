"""A run as one picture: the endpoint curve, how soon the interviewer yields, what is talked
through, what is false."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from bench.turns.report.curve import TARGETS, Curve
from bench.turns.report.figures import Figure
from bench.turns.run import Outcome

mpl.use("Agg")

COLOURS = {"naive": "#b07d2b", "silero": "#3b6fb6", "viva": "#1f8a5b"}
PUBLISHED = (("SmartTurn v3.2", ((1051, 0.05), (739, 0.10)), "v"), ("best known", ((543, 0.05), (295, 0.10)), "^"))
_SHARES = (
    "yield rate",
    "backchannel selectivity",
    "hesitation selectivity",
    "tic selectivity",
    "side-speech selectivity",
)
_RATES = ("false holds", "false confirmed", "self-interruptions held", "self-interruptions")


def draw(outcomes: Sequence[Outcome], figures: Sequence[Figure], curves: Sequence[Curve], path: Path) -> None:
    """Write a PNG."""
    canvas = Canvas(figsize=(13, 9), layout="constrained")
    axes = canvas.subplots(2, 2)
    names = list(dict.fromkeys(outcome.contestant for outcome in outcomes))
    _curves(axes[0][0], curves)
    _yields(axes[0][1], outcomes, names)
    _bars(axes[1][0], figures, names, _SHARES, "share")
    _bars(axes[1][1], figures, names, _RATES, "per minute")
    canvas.savefig(path, dpi=110)


def _curves(axes: Axes, curves: Sequence[Curve]) -> None:
    for curve in curves:
        points = [(point.mean_ms, point.cut_off) for point in curve.points if not np.isnan(point.mean_ms)]
        if points:
            delays, rates = zip(*points, strict=True)
            axes.plot(delays, rates, "o-", ms=3, color=COLOURS.get(curve.contestant), label=curve.contestant)
    for name, published, marker in PUBLISHED:
        axes.plot(*zip(*published, strict=True), marker, color="grey", label=f"{name} (other recordings)")
    for target in TARGETS:
        axes.axhline(target, color="grey", lw=0.5, ls=":")
    axes.set(title="Endpoint: cut-off rate against delay", xlabel="mean delay, ms", ylabel="share of pauses cut off")
    axes.set(xlim=(0, 2_600), ylim=(0, None))
    _legend(axes)


def _yields(axes: Axes, outcomes: Sequence[Outcome], names: Sequence[str]) -> None:
    for name in names:
        mine = [each for outcome in outcomes if outcome.contestant == name for each in outcome.seen]
        asked = sum(each.measure == "yield rate" for each in mine)
        delays = sorted(each.value for each in mine if each.measure == "yield latency")
        if delays:
            share = np.arange(1, len(delays) + 1) / asked
            axes.step(delays, share, where="post", color=COLOURS.get(name), label=name)
    axes.axvline(420, color="grey", lw=0.5, ls=":")
    axes.axvline(600, color="grey", lw=0.5, ls=":")
    axes.set(title="Interruptions: share yielded to by then", xlabel="ms since the true onset", xlim=(0, 2_000))
    axes.set(ylim=(0, 1.02))
    _legend(axes)


def _bars(axes: Axes, figures: Sequence[Figure], names: Sequence[str], measures: Sequence[str], what: str) -> None:
    """Conditions pooled by their weight."""
    width = 0.8 / max(1, len(names))
    shown = [measure for measure in measures if any(figure.measure == measure for figure in figures)]
    for place, name in enumerate(names):
        values = []
        for measure in shown:
            mine = [each for each in figures if each.contestant == name and each.measure == measure]
            weight = sum(each.exposure or each.count for each in mine)
            values.append(sum(each.events for each in mine) / weight if weight else 0.0)
        at = np.arange(len(shown)) + (place - (len(names) - 1) / 2) * width
        bars = axes.bar(at, values, width, color=COLOURS.get(name), label=name)
        axes.bar_label(bars, fmt="%.2f", fontsize=7)
    axes.set_xticks(range(len(shown)), [measure.replace(" ", "\n") for measure in shown], fontsize=8)
    axes.set(title=f"{what}, all conditions together")
    if what == "per minute":
        axes.set_yscale("symlog", linthresh=0.1)
    _legend(axes)


def _legend(axes: Axes) -> None:
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=8)
