"""Plays every scene to every contestant, in as many processes as asked for; the order of results is
the scenes'."""

import multiprocessing
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from time import perf_counter

from bench.turns.contestants import CONTESTANTS
from bench.turns.report.measures import seen_in
from bench.turns.report.seen import Seen
from bench.turns.scenes.scene import Scene
from bench.turns.stage.stage import Known, play

_SAID_EVERY_S = 15
SWEPT = frozenset({"endpoint delay", "cut-off rate", "answers never ended", "answers missed"})


@dataclass(frozen=True, slots=True)
class Task:
    """One scene for several contestants. `sweep`: at every value of their endpoint parameter, too."""

    scene: Scene
    contestants: tuple[str, ...]
    rate_hz: int
    sweep: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one contestant did in one scene; `value` of its endpoint parameter, None for its own
    policy."""

    contestant: str
    value: int | None
    scene: Scene
    seen: tuple[Seen, ...]
    simulated_s: float


def work(task: Task) -> list[Outcome]:
    """Play one scene to everybody."""
    known = Known()
    found = []
    for name in task.contestants:
        contestant = CONTESTANTS[name]
        trace = play(task.scene, contestant.policy, task.rate_hz, known)
        found.append(Outcome(name, None, task.scene, tuple(seen_in(trace)), trace.length_us / 1e6))
        for value in contestant.values if task.sweep else ():
            trace = play(task.scene, contestant.sweep(value), task.rate_hz, known)
            seen = tuple(each for each in seen_in(trace) if each.measure in SWEPT)
            found.append(Outcome(name, value, task.scene, seen, trace.length_us / 1e6))
    return found


def run_all(tasks: Sequence[Task], jobs: int, progress: Callable[[int, int, float], None]) -> list[Outcome]:
    """Everything. `progress(done, of, simulated seconds)` is called after each scene."""
    found: dict[int, list[Outcome]] = {}
    simulated_s = 0.0
    for number, outcomes in _results(tasks, jobs):
        found[number] = outcomes
        simulated_s += sum(each.simulated_s for each in outcomes)
        progress(len(found), len(tasks), simulated_s)
    return [outcome for number in sorted(found) for outcome in found[number]]


def _results(tasks: Sequence[Task], jobs: int) -> Iterator[tuple[int, list[Outcome]]]:
    if jobs == 1:
        for number, task in enumerate(tasks):
            yield number, work(task)
        return
    context = multiprocessing.get_context("spawn")
    order = sorted(range(len(tasks)), key=lambda number: not tasks[number].sweep)  # the longest first
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        waiting = {pool.submit(work, tasks[number]): number for number in order}
        for done in as_completed(waiting):
            yield waiting[done], done.result()


class Progress:
    """Says on stderr how far it is, and how many times faster than real time: on a terminal always,
    else at times."""

    def __init__(self) -> None:
        self._began = self._said = perf_counter()
        self._terminal = sys.stderr.isatty()

    def __call__(self, done: int, of: int, simulated_s: float) -> None:
        now = perf_counter()
        if not self._terminal and done < of and now - self._said < _SAID_EVERY_S:
            return
        self._said = now
        speed = simulated_s / (now - self._began)
        line = f"{done}/{of} scenes, {simulated_s / 60:.1f} simulated minutes, {speed:.0f} x real time"
        print(
            f"\r{line}" if self._terminal else line,
            end="" if self._terminal and done < of else "\n",
            file=sys.stderr,
            flush=True,
        )
