"""`python -m bench.chaos`: calls under faults, and whether every law held (also `make chaos`)."""

import argparse
import json
import os
import platform
import random
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from api.cli.loop import run as run_on_loop
from bench.chaos import timeline
from bench.chaos.report.report import sections
from bench.chaos.run import Run, planned, run
from bench.chaos.scenarios import QUICK, SCENARIOS, Scenario, chosen
from bench.load.run import take_precedence
from bench.report import Section, console

RESULTS = Path(__file__).parents[1] / "results"


def main() -> None:
    """Play, print, keep; the exit code is 1 where a law was broken."""
    parser = _parser()
    options = parser.parse_args()
    if options.keep and options.keep.exists():
        parser.error(f"{options.keep} is there already: name a folder that is not")
    seed = random.SystemRandom().randrange(1_000_000) if options.seed is None else options.seed
    scenarios = [_sized(each, options) for each in ((QUICK,) if options.quick else chosen(options.scenario))]
    if options.plan:
        _print_plan(scenarios, seed)
        return
    if options.nice:
        take_precedence(options.nice, os.getpid())
    began = monotonic()
    show = _Progress(began)
    runs = []
    for scenario in scenarios:
        folder = options.keep and options.keep / scenario.name
        runs.append(run_on_loop(run(scenario, seed, show, folder)))
        if folder:
            timeline.keep(folder, runs[-1])
    found = sections(runs)
    if options.json:
        print(json.dumps(_everything(found, seed)))
    else:
        for section in found:
            section.print(console())
    if not (options.quick or options.no_save):
        print(f"kept in {_save(found, seed)}", file=sys.stderr)
    sys.exit(any(each.violations or _held_badly(each) for each in runs))


def _parser() -> argparse.ArgumentParser:
    lines = [f"  {each.name:<10} {each.minutes:4.1f} min  {each.says}" for each in SCENARIOS]
    parser = argparse.ArgumentParser(
        prog="python -m bench.chaos",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join(["scenarios, and how long they take on two cores:", *lines]),
    )
    names = sorted({"all", *(each.group for each in SCENARIOS), *(each.name for each in SCENARIOS)})
    parser.add_argument("--scenario", default="all", choices=names, metavar="NAME", help="one of them, a group, or all")
    parser.add_argument("--quick", action="store_true", help="a little of everything, in less than half a minute")
    parser.add_argument("--seed", type=int, help="of the schedule of faults and of the candidates; drawn if not given")
    parser.add_argument("--calls", type=int, help="how many calls, instead of the scenario's own number")
    parser.add_argument("--faults", type=int, help="how many faults, instead of the scenario's own number")
    parser.add_argument("--nice", type=int, default=0, help="run before others on a shared machine, such as -10")
    parser.add_argument("--plan", action="store_true", help="print the schedule of faults and do nothing")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    parser.add_argument("--keep", type=Path, help="folder in which logs and session files stay after the run")
    parser.add_argument("--no-save", action="store_true", help="do not keep the report in bench/results")
    return parser


def _sized(scenario: Scenario, options: argparse.Namespace) -> Scenario:
    calls, faults = options.calls or scenario.calls, options.faults or scenario.faults
    return replace(scenario, calls=calls, faults=faults)


def _print_plan(scenarios: Sequence[Scenario], seed: int) -> None:
    for scenario in scenarios:
        print(f"{scenario.name}, seed {seed}")
        for strike in planned(scenario, seed):
            lasting = f"  {strike.for_s:.2f} s" if strike.for_s else ""
            print(f"  {strike.at_s:8.2f} s  {strike.kind:<20} at {strike.aim:.3f}{lasting}")


class _Progress:
    """One line for each thing that happens, on standard error."""

    def __init__(self, began: float) -> None:
        self._began = began

    def __call__(self, what: str) -> None:
        print(f"{monotonic() - self._began:6.1f} s  {what}", file=sys.stderr, flush=True)


def _held_badly(each: Run) -> bool:
    """Calls that could not be held at all."""
    return not each.calls


def _everything(found: Sequence[Section], seed: int) -> dict[str, object]:
    machine = {"python": platform.python_version(), "system": platform.platform(), "cores": os.cpu_count()}
    load = {"load_now": os.getloadavg()}
    return {"machine": machine | load, "seed": seed, "sections": [section.as_dict() for section in found]}


def _save(found: Sequence[Section], seed: int) -> Path:
    RESULTS.mkdir(exist_ok=True)
    stem = RESULTS / datetime.now(UTC).strftime("chaos-%Y%m%dT%H%M%SZ")
    stem.with_suffix(".json").write_text(json.dumps(_everything(found, seed), indent=1))
    with stem.with_suffix(".txt").open("w") as file:
        for section in found:
            section.print(console(file))
    return stem.with_suffix(".txt")


if __name__ == "__main__":
    main()
