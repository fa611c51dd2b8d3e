"""`python -m bench.turns`: play scenes of recorded people to the real server path, and report every measure."""

import argparse
import json
import os
import shlex
import sys
from pathlib import Path
from typing import get_args

from bench.report import Section, console
from bench.turns.compose import compose
from bench.turns.contestants import CONTESTANTS, TIMER
from bench.turns.corpus import Corpus, Split, read_corpus
from bench.turns.curve import curves
from bench.turns.figures import figures
from bench.turns.report import curve_section, sections
from bench.turns.run import Progress, Task, run_all
from bench.turns.scenes import Kind
from domain.errors import VivaError

ROOT = Path(__file__).parents[2]
SCENES = ROOT / "tests" / "data" / "turns"
RESULTS = ROOT / "bench" / "results"
KINDS: tuple[str, ...] = get_args(Kind)
LIMIT, QUICK_LIMIT = 60, 8


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    made = argparse.ArgumentParser(prog="python -m bench.turns", description=__doc__)
    made.add_argument("--scenes", type=Path, default=SCENES, help="a folder of labelled recordings (bench/README.md)")
    made.add_argument("--split", choices=get_args(Split), default="test", help="which part of it (default: test)")
    made.add_argument("--seed", type=int, default=1, help="another seed composes other scenes")
    made.add_argument("--contestant", nargs="+", choices=list(CONTESTANTS), default=list(CONTESTANTS), metavar="NAME")
    made.add_argument(
        "--only", nargs="+", choices=[*KINDS, "curve"], metavar="KIND", help=f"of {', '.join(KINDS)} and curve"
    )
    made.add_argument("--limit", type=int, help=f"scenes per condition (default {LIMIT}; {QUICK_LIMIT} if quick)")
    made.add_argument("--quick", action="store_true", help="few scenes, no sweep unless asked for")
    made.add_argument("--client-rate", type=int, choices=(16_000, 48_000), default=48_000, help="Hz, of the microphone")
    made.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: one per core)")
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


def main() -> int:
    """Measure, print, keep."""
    options = parser().parse_args()
    command = f"python -m bench.turns {shlex.join(sys.argv[1:])}".strip()
    try:
        corpus = read_corpus(options.scenes, options.split)
    except VivaError as error:
        print(error, file=sys.stderr)
        return 2
    tasks = tasks_of(corpus, options)
    if not tasks:
        print("No scene can be made of these recordings: see bench/README.md for the labels.", file=sys.stderr)
        return 2
    outcomes = run_all(tasks, options.jobs, Progress())
    found = figures(outcomes)
    made: list[Section] = sections(found, options.contestant, command)
    drawn = curves(outcomes)
    if drawn:
        made.append(curve_section(drawn, TIMER, command))
    for section in made:
        section.notes += corpus.notes if section is made[0] else ()
    if options.json:
        print(json.dumps({"figures": [each.as_dict() for each in found], "curves": [each.as_dict() for each in drawn]}))
    else:
        for section in made:
            section.print(console())
    return 0


if __name__ == "__main__":
    sys.exit(main())
