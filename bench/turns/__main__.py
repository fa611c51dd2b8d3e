"""`python -m bench.turns`: play scenes of recorded people to the real server path, and report every
measure."""

import argparse
import os
import shlex
import sys
from pathlib import Path
from typing import get_args

from bench.turns.contestants import BASELINES, CONTESTANTS, TIMER, USUAL
from bench.turns.cpu import cost_of, cost_section
from bench.turns.report.curve import curves
from bench.turns.report.figures import figures
from bench.turns.report.keep import Run
from bench.turns.report.marks import marks, marks_section
from bench.turns.report.report import curve_section, sections
from bench.turns.run import Progress, Task, run_all
from bench.turns.scenes.compose import compose
from bench.turns.scenes.corpus import Corpus, CorpusError, Split, read_corpus
from bench.turns.scenes.scene import Kind

ROOT = Path(__file__).parents[2]
SCENES = ROOT / "tests" / "data" / "turns"
RESULTS = ROOT / "bench" / "results"
KINDS: tuple[str, ...] = get_args(Kind)
LIMIT, QUICK_LIMIT = 60, 8
CPU_SCENES = 4
NETWORK_NOTE = "Without a network, but where a condition names one."


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    made = argparse.ArgumentParser(prog="python -m bench.turns", description=__doc__)
    made.add_argument("--scenes", type=Path, default=SCENES, help="a folder of labelled recordings (bench/README.md)")
    made.add_argument("--split", choices=get_args(Split), default="test", help="which part of it (default: test)")
    made.add_argument("--seed", type=int, default=1, help="another seed composes other scenes")
    made.add_argument("--contestant", nargs="+", choices=list(CONTESTANTS), default=list(USUAL), metavar="NAME")
    made.add_argument(
        "--only", nargs="+", choices=[*KINDS, "curve"], metavar="KIND", help=f"of {', '.join(KINDS)} and curve"
    )
    made.add_argument("--limit", type=int, help=f"scenes per condition (default {LIMIT}; {QUICK_LIMIT} if quick)")
    made.add_argument("--quick", action="store_true", help="few scenes, no sweep unless asked for")
    made.add_argument("--client-rate", type=int, choices=(16_000, 48_000), default=48_000, help="Hz, of the microphone")
    made.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: one per core)")
    made.add_argument("--cpu", action=argparse.BooleanOptionalAction, default=True, help="measure what it costs")
    made.add_argument("--json", action="store_true", help="print JSON instead of tables")
    made.add_argument("--out", type=Path, default=RESULTS, help="where the run is kept (default bench/results)")
    return made


def tasks_of(corpus: Corpus, options: argparse.Namespace) -> list[Task]:
    """The scenes asked for, each with whether its endpoint parameter is swept."""
    wanted = set(options.only or KINDS)
    sweep = "curve" in wanted or not (options.quick or options.only)
    if "curve" in wanted:
        wanted.add("endpoint")
    limit = options.limit or (QUICK_LIMIT if options.quick else LIMIT)
    scenes = [scene for scene in compose(corpus, options.seed, limit) if scene.kind in wanted]
    names = tuple(options.contestant)
    return [Task(scene, names, options.client_rate, sweep and scene.kind == "endpoint") for scene in scenes]


def report(corpus: Corpus, options: argparse.Namespace, command: str) -> Run:
    """Play everything and sum it up."""
    tasks = tasks_of(corpus, options)
    if not tasks:
        raise CorpusError("No scene can be made of these recordings: see bench/README.md for the labels.")
    outcomes = run_all(tasks, options.jobs, Progress())
    found, drawn = figures(outcomes), curves(outcomes)
    made = sections(found, options.contestant, command)
    for section in made[:1]:
        section.notes += [*corpus.notes, "Delays: median (95 % interval) / ninth of ten / most, ms. " + NETWORK_NOTE]
    if drawn:
        made.append(curve_section(drawn, TIMER, command))
    if options.cpu:
        sample = [task.scene for task in tasks if task.scene.kind in ("interruption", "endpoint")][:CPU_SCENES]
        made.append(cost_section([cost_of(name, sample, options.client_rate) for name in options.contestant], command))
    predicted = {name: marks(name, outcomes, drawn, TIMER) for name in options.contestant}
    made += [marks_section(name, predicted[name], command) for name in options.contestant if name not in BASELINES]
    return Run(command, vars(options), made, found, drawn, predicted, outcomes)


def main() -> int:
    """Measure, print, keep."""
    options = parser().parse_args()
    command = f"python -m bench.turns {shlex.join(sys.argv[1:])}".strip()
    try:
        run = report(read_corpus(options.scenes, options.split), options, command)
    except CorpusError as error:
        print(error, file=sys.stderr)
        return 2
    if options.json:
        print(run.as_json())
    else:
        run.print(None)
    kept = run.keep(options.out)
    print(f"kept in {kept}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
