"""One scenario, from opening the rig to what was found."""

import asyncio
import random
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic
from typing import Any

from bench.chaos.checker import Violation, check
from bench.chaos.evidence.evidence import CallEvidence
from bench.chaos.injection import Injected, Injector
from bench.chaos.laboratory import Laboratory, laboratory
from bench.chaos.report.lag import Stalls, looks, since
from bench.chaos.scenarios import Scenario
from bench.chaos.schedule import Strike, schedule

_STAGGER_S = 0.15
_LOSSES_TO_GIVE_UP = 2
Show = Callable[[str], None]


@dataclass(slots=True)
class Run:
    """What came of a scenario. `calls` are by the number of their candidate; `others` were held by
    nobody."""

    scenario: Scenario
    seed: int
    strikes: tuple[Strike, ...]
    injected: list[Injected] = field(default_factory=list)
    calls: dict[int, CallEvidence] = field(default_factory=dict)
    others: list[CallEvidence] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    complaints: dict[str, int] = field(default_factory=dict)
    stalls: Stalls = field(default_factory=Stalls)
    stalls_before: Stalls = field(default_factory=Stalls)
    """While the calls settled in, before any fault."""
    seconds: float = 0.0

    @property
    def command(self) -> str:
        """Repeats it."""
        scenario = self.scenario
        which = "--quick" if scenario.name == "quick" else f"--scenario {scenario.name}"
        return f"python -m bench.chaos {which} --seed {self.seed} --calls {scenario.calls} --faults {scenario.faults}"


def planned(scenario: Scenario, seed: int) -> tuple[Strike, ...]:
    """The scenario's faults."""
    return schedule(seed, scenario.mix, faults=scenario.faults, every_s=scenario.every_s)


async def run(scenario: Scenario, seed: int, show: Show, keep: Path | None = None) -> Run:
    """Play it. With `keep` the rig's folder stays there for inspection."""
    began = monotonic()
    made = Run(scenario, seed, planned(scenario, seed))
    async with _folder(keep) as folder, laboratory(folder, seed, scenario.layout) as lab:
        show(f"{scenario.name}: {len(lab.servers)} servers up after {monotonic() - began:.0f} s")
        await _play(scenario, lab, made, show)
        show(f"{scenario.name}: calls are over, reading what they left")
        gathered = await lab.gather(show)
        made.complaints = lab.complaints()
        numbers = {each.call_id: each.number for each in lab.candidates if each.call_id}
        made.troubles = [f"{each.name}: {trouble}" for each in lab.candidates for trouble in each.trouble]
    for seen in gathered:
        number = numbers.get(str(seen.call_id))
        if number is None:
            made.others.append(seen)
        else:
            made.calls[number] = _allowed_to_give_up(seen, number, made.injected)
    made.violations = [found for seen in (*made.calls.values(), *made.others) for found in check(seen)]
    made.seconds = monotonic() - began
    return made


@asynccontextmanager
async def _folder(keep: Path | None) -> AsyncIterator[Path]:
    if keep is not None:
        await asyncio.to_thread(keep.mkdir, parents=True, exist_ok=True)
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="viva-chaos-") as folder:
        yield Path(folder)


async def _play(scenario: Scenario, lab: Laboratory, made: Run, show: Show) -> None:
    over = asyncio.Event()
    calls = asyncio.create_task(_hold_all(scenario, lab, over))
    try:
        begun = await looks(lab.servers)
        await asyncio.sleep(scenario.settle_in_s)
        settled_in = await looks(lab.servers)
        made.stalls_before = since(begun, settled_in)
        injector = Injector(
            lab.servers, lab.database, lab.interviewer, lambda: lab.live, _with_progress(scenario, made, show)
        )
        made.injected = injector.injected
        await injector.run(made.strikes)
        await asyncio.sleep(scenario.settle_s)
        made.stalls = since(settled_in, await looks(lab.servers))
        over.set()
        made.troubles += await calls
    finally:
        calls.cancel()
        await asyncio.gather(calls, return_exceptions=True)


def _with_progress(scenario: Scenario, made: Run, show: Show) -> Show:
    total = len(made.strikes)
    return lambda what: show(f"{scenario.name} {len(made.injected)}/{total}: {what}")


async def _hold_all(scenario: Scenario, lab: Laboratory, over: asyncio.Event) -> list[str]:
    """Every call of the scenario; what went wrong in holding them."""
    holding: list[asyncio.Task[Any]] = []
    if scenario.each_s is None:
        for _ in range(scenario.calls):
            holding.append(asyncio.create_task(_stay(scenario, lab, over)))
            await asyncio.sleep(_STAGGER_S)
    else:
        dice, left = random.Random(lab.seed), [scenario.calls]
        seats = range(scenario.at_once)
        holding = [asyncio.create_task(_come_and_go(scenario, lab, dice, left, over)) for _ in seats]
    results = await asyncio.gather(*holding, return_exceptions=True)
    return [repr(result) for result in results if isinstance(result, BaseException)]


async def _stay(scenario: Scenario, lab: Laboratory, over: asyncio.Event) -> None:
    """One seat: an interview that comes to its end before the faults do is followed by another."""
    await lab.hold(over, scenario.manner)
    while not over.is_set():
        await lab.hold(over, scenario.manner)


async def _come_and_go(
    scenario: Scenario, lab: Laboratory, dice: random.Random, left: list[int], over: asyncio.Event
) -> None:
    """One seat: call after call, each for a while, until there were enough and the faults are
    over."""
    assert scenario.each_s is not None
    while left[0] > 0 or not over.is_set():
        left[0] -= 1
        enough = asyncio.Event()
        asyncio.get_running_loop().call_later(dice.uniform(*scenario.each_s), enough.set)
        await lab.hold(enough, scenario.manner)


def _allowed_to_give_up(seen: CallEvidence, number: int, injected: list[Injected]) -> CallEvidence:
    """A call whose sessions were taken away again and again may give up, if they were in a row:
    that is a law."""
    taken = [made for made in injected if number in made.hit and made.kind.startswith(("gemini", "kill", "drain"))]
    if len(taken) < _LOSSES_TO_GIVE_UP:
        return seen
    return replace(seen, may_end_as=seen.may_end_as | {"model_unavailable"})
