"""What the laboratory says in the end: faults made and survived, recovery times, marks, violations,
commands."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from bench.chaos.injection import Injected
from bench.chaos.report.marks import ended_as, marks, recovery_s
from bench.chaos.report.recovery import readies
from bench.chaos.run import Run
from bench.chaos.schedule import Kind
from bench.report import Section, percentile

_MOST_SHOWN = 20


def sections(runs: Sequence[Run]) -> list[Section]:
    """One for each run, and the marks."""
    return [*(_of_a_run(run) for run in runs), _of_the_marks(runs)]


def _of_a_run(run: Run) -> Section:
    columns = ("fault", "made", "calls hit", "survived", "felt", "p50 s", "p99 s", "max s")
    title = f"{run.scenario.name}: {run.scenario.says} ({len(run.calls)} calls, {run.seconds:.0f} s, seed {run.seed})"
    section = Section(run.scenario.name, title, run.command, columns)
    took, made = recovery_s(run), _by_kind(run)
    for kind, each in sorted(made.items()):
        hits = [number for one in each for number in one.hit]
        survived = sum(_went_on(run, number) for number in hits)
        section.rows.append((kind, str(len(each)), str(len(hits)), str(survived), *_times(took.get(kind, []))))
    section.notes = _notes(run)
    section.facts = _facts(run, took, made)
    return section


def _by_kind(run: Run) -> dict[Kind, list[Injected]]:
    made: dict[Kind, list[Injected]] = defaultdict(list)
    for each in run.injected:
        if not each.failed:
            made[each.kind].append(each)
    return made


def _went_on(run: Run, number: int) -> bool:
    seen = run.calls.get(number)
    broken = {found.call_id for found in run.violations}
    return seen is not None and str(seen.call_id) not in broken


def _times(took: Sequence[float]) -> tuple[str, ...]:
    if not took:
        return ("0", "", "", "")
    return (str(len(took)), *(f"{percentile(took, share):.2f}" for share in (0.5, 0.99, 1.0)))


def _ends(run: Run) -> Counter[str]:
    return Counter(ended_as(seen) for seen in run.calls.values())


def _notes(run: Run) -> list[str]:
    notes = ["ends: " + ", ".join(f"{reason} {count}" for reason, count in sorted(_ends(run).items()))]
    ready = list(readies(run.injected, run.calls))
    if ready:
        p50, p95 = percentile(ready, 0.5), percentile(ready, 0.95)
        notes.append(f"kills, until the client had ready: {p50:.2f} s p50, {p95:.2f} s p95; the rest is Gemini's")
    unmade = Counter(each.failed for each in run.injected if each.failed)
    notes += [f"not made: {count}, as {why}" for why, count in unmade.items()]
    if run.others:
        notes.append(f"{len(run.others)} calls were opened, and no client learned of it")
    if run.complaints:
        notes.append("servers: " + ", ".join(f"{event} {count}" for event, count in sorted(run.complaints.items())))
    troubles = Counter(trouble.split(": ", 1)[-1] for trouble in run.troubles)
    notes += [f"clients: {trouble} ({count})" for trouble, count in troubles.most_common(5)]
    notes.append(f"violations: {len(run.violations)}")
    notes += [f"  {found}" for found in run.violations[:_MOST_SHOWN]]
    return notes


def _facts(run: Run, took: dict[Kind, list[float]], made: dict[Kind, list[Injected]]) -> dict[str, Any]:
    return {
        "seed": run.seed,
        "command": run.command,
        "seconds": round(run.seconds, 1),
        "calls": len(run.calls),
        "ends": dict(_ends(run)),
        "faults": {
            str(kind): {
                "made": len(each),
                "hit": sum(len(one.hit) for one in each),
                "recovery_s": {
                    name: round(percentile(took[kind], share), 3)
                    for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("max", 1.0))
                }
                if took.get(kind)
                else {},
                "felt": len(took.get(kind, [])),
            }
            for kind, each in sorted(made.items())
        },
        "strikes": [[s.number, round(s.at_s, 3), str(s.kind), round(s.aim, 6), round(s.for_s, 3)] for s in run.strikes],
        "violations": [{"invariant": v.invariant, "call_id": v.call_id, "what": v.what} for v in run.violations],
        "complaints": run.complaints,
        "troubles": run.troubles,
    }


def _of_the_marks(runs: Sequence[Run]) -> Section:
    command = "; ".join(run.command for run in runs)
    section = Section("marks", "Marks", command, ("mark", "wanted", "measured", "met"))
    for mark in marks(runs):
        met = {True: "yes", False: "NO", None: "not shown"}[mark.met]
        section.rows.append((mark.name, mark.wanted, mark.measured, met))
        section.facts[mark.name] = {"wanted": mark.wanted, "measured": mark.measured, "met": mark.met}
    return section
