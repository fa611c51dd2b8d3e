"""The marks of a call that survives everything, each with its measured value."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from bench.chaos.evidence.evidence import CallEvidence
from bench.chaos.report.recovery import audible_gap_s, gaps_elsewhere, lost_samples, recoveries, rotations_s
from bench.chaos.run import Run
from bench.chaos.schedule import Kind
from bench.report import percentile
from domain.events import CallClosed

AUDIBLE_S = 0.05
_LOSSES = frozenset(
    {
        "versions_are_gapless",
        "segments_follow_each_other",
        "acknowledged_audio_is_stored",
        "client_ends_are_in_the_log",
    }
)
"""The laws that a lost acknowledgement breaks."""


class Mark(NamedTuple):
    """`met` is None where the run was too small to tell."""

    name: str
    wanted: str
    measured: str
    met: bool | None


def marks(runs: Sequence[Run]) -> list[Mark]:
    """Every mark that these runs speak about."""
    by_name = {run.scenario.name: run for run in runs}
    found: list[Mark] = []
    for name, check in _CHECKS.items():
        if name in by_name:
            found += check(by_name[name])
    if runs:
        broken = sum(len(run.violations) for run in runs)
        calls = sum(len(run.calls) + len(run.others) for run in runs)
        found.append(Mark("laws", "no violation", f"{broken} in {calls} calls", not broken))
    return found


def recovery_s(run: Run) -> dict[Kind, list[float]]:
    """Per kind of fault, how long each call that felt it took."""
    found: dict[Kind, list[float]] = defaultdict(list)
    for kind, took_s in recoveries(run.injected, run.calls):
        found[kind].append(took_s)
    return found


def ended_as(seen: CallEvidence) -> str:
    """The reason of the call's close; "none" for a call that has none."""
    return next((event.reason for event in seen.events if isinstance(event, CallClosed)), "none")


def _lost(run: Run) -> Iterator[Mark]:
    moments = sum(len(made.hit) for made in run.injected)
    broken = sum(found.invariant in _LOSSES for found in run.violations)
    where = f"{len(run.injected)} kills, {moments} live calls hit"
    yield Mark(f"{run.scenario.name}: acknowledged and lost", "0", f"{broken} ({where})", not broken)
    lost = sum(lost_samples(seen) for seen in run.calls.values())
    yield Mark(f"{run.scenario.name}: candidate samples lost", "0", f"{lost} ({where})", not lost)


def _within(run: Run, kinds: Sequence[Kind], limit_s: float, what: str) -> Mark:
    found = recovery_s(run)
    took = [took_s for kind in kinds for took_s in found.get(kind, [])]
    hit = sum(len(made.hit) for made in run.injected if made.kind in kinds and not made.failed)
    p95 = percentile(took, 0.95)
    measured = f"{p95:.2f} s p95 of {len(took)}; {hit - len(took)} more did not feel it or were over"
    return Mark(what, f"≤ {limit_s:g} s p95", measured, p95 <= limit_s if took else None)


def _kill_one(run: Run) -> Iterator[Mark]:
    yield from _lost(run)
    yield _within(run, [Kind.KILL], 2.0, "kill-1: call resumed, once the process is back")


def _kill_two(run: Run) -> Iterator[Mark]:
    yield from _lost(run)
    yield _within(run, [Kind.KILL], 1.0, "kill-2: call resumed at the other process")


def _gemini(run: Run) -> Iterator[Mark]:
    kinds = [Kind.GEMINI_DROP, Kind.GEMINI_ABORT, Kind.GEMINI_REFUSE]
    yield _within(run, kinds, 1.0, "gemini: audio flows again")


def _goaway(run: Run) -> Iterator[Mark]:
    gaps, elsewhere = [], 0
    for seen in run.calls.values():
        moments = rotations_s(seen)
        gaps += [audible_gap_s(seen.client, at_s) for at_s in moments]
        elsewhere += gaps_elsewhere(seen.client, moments, AUDIBLE_S)
    inaudible = sum(gap <= AUDIBLE_S for gap in gaps)
    measured = f"{inaudible} of {len(gaps)}, worst {max(gaps, default=0.0) * 1000:.0f} ms; elsewhere {elsewhere} gaps"
    met = inaudible == len(gaps) if gaps else None
    yield Mark("goaway: rotations without an audible gap", "all, ≤ 50 ms", measured, met)


def _postgres(run: Run) -> Iterator[Mark]:
    lost = sum(lost_samples(seen) for seen in run.calls.values())
    yield Mark(
        "postgres: lost",
        "nothing",
        f"{len(run.violations)} violations, {lost} samples",
        not lost and not run.violations,
    )
    stalls, before = run.stalls, run.stalls_before
    measured = f"{stalls.stalled} of {stalls.looks} looks; before: {before.stalled} of {before.looks}"
    measured += f"; with what the machine withheld: {stalls.late}; before: {before.late}"
    met = not stalls.stalled if stalls.looks else None
    yield Mark("postgres: loop stalled for 50 ms", "never", measured, met)


def _rolling(run: Run) -> Iterator[Mark]:
    wanted = frozenset({"completed", "hangup_by_candidate"})
    reasons = [ended_as(seen) for seen in run.calls.values()]
    lost = sum(reason not in wanted for reason in reasons)
    yield Mark("rolling: calls lost", "0", f"{lost} of {len(reasons)}", not lost)


_CHECKS: dict[str, Callable[[Run], Iterator[Mark]]] = {
    "kill-1": _kill_one,
    "kill-2": _kill_two,
    "gemini": _gemini,
    "goaway": _goaway,
    "postgres": _postgres,
    "rolling": _rolling,
}
