"""Viva under load: the product's own server in a process on one core, with probes beside it.

The probes are this file's: a ticker that measures how late the loop is, the writer's commits,
collector pauses, and what the kernel says about the process. Nothing of the product is replaced.
"""

import asyncio
import gc
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from time import monotonic, perf_counter, process_time, thread_time
from typing import Any, cast

from adapters.gemini.link import GeminiLink
from adapters.postgres.log.writer_stats import WriterStats
from api import logs
from api.cli.loop import run as run_on_loop
from api.serve import serve
from api.services import Services
from api.settings import Settings
from domain.ports import Append, Outcome

TICK_S = 0.01
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def waited_s() -> float:
    """How long this thread was ready to run and somebody else had the core."""
    return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9


@dataclass(slots=True)
class Probe:
    """What was seen since "begin"; times in ms unless the name says otherwise."""

    lags_ms: list[float] = field(default_factory=list)
    commits_ms: list[float] = field(default_factory=list)
    durable_ms: list[float] = field(default_factory=list)
    """From an append's submission to its outcome."""
    gc_ms: list[float] = field(default_factory=list)
    events: int = 0
    batches: int = 0
    began_s: float = field(default_factory=monotonic)
    cpu_s: float = field(default_factory=process_time)
    loop_cpu_s: float = field(default_factory=thread_time)
    waited_s: float = field(default_factory=waited_s)


probe = Probe()


class WatchedStats(WriterStats):
    """Passes on each commit's duration."""

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "last_commit_ms" and value:
            probe.commits_ms.append(value)


async def tick() -> None:
    """Note how late each wake-up is. The loop's timers count whole milliseconds, so up to 1 ms is
    no lag."""
    due = monotonic() + TICK_S
    while True:
        await asyncio.sleep(max(0.0, due - monotonic()))
        now = monotonic()
        probe.lags_ms.append(max(0.0, now - due) * 1000)
        due = now + TICK_S


def run(pipe: Connection, core: int, settings: Settings) -> None:
    """A process's whole life: send the address, then answer "begin", "end" and "stop"."""
    os.sched_setaffinity(0, {core})
    logs.configure("json", level=40)
    gc.callbacks.append(_collector_watch())
    run_on_loop(_serve(pipe, settings))


async def _serve(pipe: Connection, settings: Settings) -> None:
    ticker: list[asyncio.Task[None]] = []

    def ready(url: str, services: Services) -> None:
        _watch(services)
        ticker.append(asyncio.get_running_loop().create_task(tick(), name="ticker"))
        asyncio.get_running_loop().add_reader(pipe.fileno(), _obey, pipe, services)
        pipe.send((url, os.getpid()))

    await serve(settings, ready)
    for task in ticker:
        task.cancel()


def _watch(services: Services) -> None:
    writer = services.store.writer
    writer.stats = WatchedStats()
    submit = writer.submit

    def timed(append: Append, then: Callable[[Outcome], None] | None = None) -> None:
        began = perf_counter()

        def settled(outcome: Outcome) -> None:
            probe.durable_ms.append((perf_counter() - began) * 1000)
            if then is not None:
                then(outcome)

        submit(append, settled)

    writer.submit = timed  # type: ignore[method-assign]


def _obey(pipe: Connection, services: Services) -> None:
    global probe  # noqa: PLW0603  (one server a process)
    match pipe.recv():
        case "begin":
            stats = services.store.writer.stats
            probe = Probe(events=stats.committed, batches=stats.batches)
        case "end":
            pipe.send(_report(services))
        case _:
            os.kill(os.getpid(), signal.SIGTERM)


def _report(services: Services) -> dict[str, Any]:
    links = [cast("GeminiLink", live.model.link) for live in services.registry.calls]
    stats = services.store.writer.stats
    return {
        "seconds": monotonic() - probe.began_s,
        "cpu_s": process_time() - probe.cpu_s,
        "loop_cpu_s": thread_time() - probe.loop_cpu_s,
        "waited_s": waited_s() - probe.waited_s,
        "lags_ms": probe.lags_ms,
        "commits_ms": probe.commits_ms,
        "durable_ms": probe.durable_ms,
        "gc_ms": probe.gc_ms,
        "resident_bytes": _resident_bytes(),
        "calls": len(links),
        "events_now": stats.committed - probe.events,
        "batches_now": stats.batches - probe.batches,
        "writer_refused": stats.refused + stats.lost + stats.conflicts + stats.retries,
        "unsent_to_model": sum(link.counts.unsent for link in links),
        "dials": sum(link.counts.dials for link in links),
    }


def _collector_watch() -> Callable[[str, dict[str, int]], None]:
    began = 0.0

    def watch(phase: str, _: dict[str, int]) -> None:
        nonlocal began
        if phase == "start":
            began = perf_counter()
        else:
            probe.gc_ms.append((perf_counter() - began) * 1000)

    return watch


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_BYTES
