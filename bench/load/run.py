"""Many calls at once on one core: `python -m bench.load [--calls 50,25] [--quick]`.

Viva's own server runs pinned to one core; the rehearsal interviewer, Postgres and the clients are
other processes on the other cores. Real sockets, TLS to the interviewer, the real SDK, the real
store. The clients are as in `bench.load.clients`.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil

from adapters.gemini.settings import GeminiSettings
from adapters.postgres.embedded.server import EmbeddedPostgres
from api.settings import Settings
from bench.load.clients import Candidate, Seen, added_ms, fresh, recordings
from bench.load.model import run as run_model
from bench.load.server import run as run_server
from bench.report import Section, cells, console, distribution

RECORDINGS = Path(__file__).parents[2] / "tests" / "data" / "candidate"
CALLS, SECONDS = 50, 60.0
QUICK_CALLS, QUICK_SECONDS = 10, 15.0
SETTLE_S = 12.0
_STAGGER_S = 0.12
_STOP_S = 20.0
_START_S = 60.0


def take_precedence(niceness: int, pid: int) -> None:
    """Give a process, and its session where the kernel groups by session, this niceness: below 0
    needs privileges."""
    os.setpriority(os.PRIO_PROCESS, pid, niceness)
    group = Path(f"/proc/{pid}/autogroup")
    if group.exists():
        group.write_text(str(niceness))


@contextmanager
def process(target: Any, *arguments: Any) -> Iterator[tuple[Connection, Any]]:
    """A child process with a pipe to it; it is told to stop, and ended if it does not."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=target, args=(theirs, *arguments))
    child.start()
    try:
        yield ours, child
    finally:
        if child.is_alive():
            ours.send("stop")
        child.join(_STOP_S)
        if child.is_alive():
            child.kill()
            child.join()


async def answer(pipe: Connection) -> Any:
    """The next thing that a child says."""
    async with asyncio.timeout(_START_S):
        return await asyncio.to_thread(pipe.recv)


def cpu_of_tree(pid: int) -> float:
    """CPU seconds of a process and its children, those that live now."""
    root = psutil.Process(pid)
    total = 0.0
    for each in [root, *root.children(recursive=True)]:
        try:
            times = each.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


def measure(calls: int, seconds: float, core: int, niceness: int = 0) -> dict[str, Any]:
    """Hold so many calls for so long; everything that was seen."""
    if niceness:
        take_precedence(niceness, os.getpid())
    everywhere = os.sched_getaffinity(0)
    others = everywhere - {core} or everywhere
    with tempfile.TemporaryDirectory(prefix="viva-bench-") as folder:
        os.sched_setaffinity(0, others)
        try:
            with EmbeddedPostgres.start(Path(folder, "postgres")) as postgres:
                if niceness and postgres.pid is not None:
                    take_precedence(niceness, postgres.pid)
                return asyncio.run(_measure(calls, seconds, core, others, Path(folder), postgres))
        finally:
            os.sched_setaffinity(0, everywhere)


async def _measure(
    calls: int, seconds: float, core: int, others: set[int], folder: Path, postgres: EmbeddedPostgres
) -> dict[str, Any]:
    with process(run_model, others, RECORDINGS) as (model, _):
        url, ca_file = await answer(model)
        settings = Settings(
            data_dir=folder,
            port=0,
            database_url=postgres.dsn,
            gemini=GeminiSettings(base_url=url, ca_file=ca_file),
            max_calls=calls + 1,
        )
        with process(run_server, core, settings) as (server, _):
            base_url, _ = await answer(server)
            idle = await _window(server, 5.0)
            return {
                "calls_asked": calls,
                "core": core,
                "idle_lags_ms": idle["lags_ms"],
                "idle_bytes": idle["resident_bytes"],
                "idle_core_share": idle["cpu_s"] / idle["seconds"],
            } | await _loaded(base_url, calls, seconds, server, model, postgres)


async def _window(server: Connection, seconds: float) -> dict[str, Any]:
    server.send("begin")
    await asyncio.sleep(seconds)
    server.send("end")
    report: dict[str, Any] = await answer(server)
    return report


async def _loaded(
    base_url: str,
    calls: int,
    seconds: float,
    server: Connection,
    model: Connection,
    postgres: EmbeddedPostgres,
) -> dict[str, Any]:
    seen, over = Seen(), asyncio.Event()
    said = recordings(RECORDINGS)
    candidates = [Candidate(number, seen, said) for number in range(calls)]
    tasks = []
    for candidate in candidates:
        tasks.append(asyncio.create_task(candidate.hold(base_url, over)))
        await asyncio.sleep(_STAGGER_S)
    await asyncio.gather(*(_ready(candidate, task) for candidate, task in zip(candidates, tasks, strict=True)))
    await asyncio.sleep(SETTLE_S)
    fresh(seen)
    assert postgres.pid is not None
    store_cpu_s, own_cpu = cpu_of_tree(postgres.pid), os.times()
    model.send("begin")
    report = await _window(server, seconds)
    model.send("end")
    heard = await answer(model)
    own_after = os.times()
    report |= {
        "postgres_cpu_s": cpu_of_tree(postgres.pid) - store_cpu_s,
        "clients_cpu_s": own_after.user + own_after.system - own_cpu.user - own_cpu.system,
        "model_cpu_s": heard.pop("cpu_s"),
        "added_ms": added_ms(heard.pop("ends"), seen.firsts),
        "heard": heard,
        "speech_share": seen.spoken_s / max(seen.sent_s, 1e-9),
        "replies": seen.replies,
        "interruptions": seen.interruptions,
        "hold_ms": list(seen.hold_ms),
    }
    over.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    report["troubles"] = seen.troubles + [repr(result) for result in results if isinstance(result, BaseException)]
    return report


async def _ready(candidate: Candidate, task: "asyncio.Task[None]") -> None:
    ready = asyncio.create_task(candidate.ready.wait())
    await asyncio.wait([ready, task], return_when=asyncio.FIRST_COMPLETED)
    ready.cancel()


def section(seen: dict[str, Any], command: str) -> Section:
    """One run as a table."""
    calls, seconds, heard = seen["calls"], seen["seconds"], seen["heard"]
    minutes = max(calls, 1) * seconds / 60
    memory_mb = (seen["resident_bytes"] - seen["idle_bytes"]) / max(calls, 1) / 1e6
    drops = heard["missing_frames"] + seen["unsent_to_model"] + seen["writer_refused"]
    found = Section(
        "load",
        f"{calls} calls at once on one core, {seconds:.0f} s",
        command,
        ("ms", "p50", "p99", "max", "count"),
    )
    for title, values in (
        ("loop lag, a tick every 10 ms", seen["lags_ms"]),
        ("  the same without calls", seen["idle_lags_ms"]),
        ("uplink: client to model, newest frame of a message", heard["newest_ms"]),
        ("uplink, every frame (two to a message)", heard["frames_ms"]),
        ("added to a response (way up + way down)", seen["added_ms"]),
        ("interruption to hold, at the client", seen["hold_ms"]),
        ("commit", seen["commits_ms"]),
        ("append to durable", seen["durable_ms"]),
        ("collector pauses", seen["gc_ms"]),
    ):
        found.rows.append((title, *cells(values, 2)))
    cpu = seen["cpu_s"]
    share = {name: 100 * seen[f"{name}_cpu_s"] / seconds for name in ("loop", "clients", "model", "postgres")}
    commits, troubles = max(seen["batches_now"], 1), seen["troubles"]
    found.notes = [
        f"server: {cpu / minutes:.2f} CPU s per call-minute; {100 * cpu / seconds:.0f} % of its core, "
        f"of which the loop's thread {share['loop']:.0f} %; {100 * seen['idle_core_share']:.1f} % without calls",
        f"        ready but not running {100 * seen['waited_s'] / seconds:.1f} % of the time; "
        f"{memory_mb:.2f} MB per call",
        f"drops: {drops} (frames missing at the model {heard['missing_frames']}, unmarked {heard['unmarked_frames']}, "
        f"writer refused or retried {seen['writer_refused']}, unsent {seen['unsent_to_model']})",
        f"calls in trouble: {len(troubles)}; dials {seen['dials']}; "
        f"speech {100 * seen['speech_share']:.0f} % of the time, {seen['replies']} replies, "
        f"{seen['interruptions']} interruptions",
        f"writer: {commits / seconds:.0f} commits a second, {seen['events_now'] / commits:.1f} events each",
        f"others, of their core: clients {share['clients']:.0f} %, interviewer {share['model']:.0f} %, "
        f"Postgres {share['postgres']:.0f} %",
        *troubles[:5],
    ]
    found.facts = {
        "calls": calls,
        "seconds": seconds,
        "cpu_s_per_call_minute": cpu / minutes,
        "core_share": cpu / seconds,
        "loop_core_share": seen["loop_cpu_s"] / seconds,
        "idle_core_share": seen["idle_core_share"],
        "commits_per_s": seen["batches_now"] / seconds,
        "waited_share": seen["waited_s"] / seconds,
        "mb_per_call": memory_mb,
        "drops": drops,
        "troubles": seen["troubles"],
        "speech_share": seen["speech_share"],
        **{name: distribution(seen[name]) for name in ("lags_ms", "idle_lags_ms", "added_ms", "hold_ms")},
        **{name: distribution(seen[name]) for name in ("commits_ms", "durable_ms", "gc_ms")},
        **{f"uplink_{name}": distribution(heard[name]) for name in ("newest_ms", "frames_ms")},
        "others_cpu_s": {name: seen[f"{name}_cpu_s"] for name in ("clients", "model", "postgres")},
    }
    return found


def sections(
    counts: list[int] | None = None, seconds: float | None = None, *, quick: bool = False, niceness: int = 0
) -> Iterator[Section]:
    """One section per number of calls."""
    for calls in counts or [QUICK_CALLS if quick else CALLS]:
        window = seconds or (QUICK_SECONDS if quick else SECONDS)
        command = f"python -m bench.load --calls {calls} --seconds {window:.0f}"
        yield section(measure(calls, window, max(os.sched_getaffinity(0)), niceness), command)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.load", description=__doc__)
    parser.add_argument("--calls", type=lambda text: [int(each) for each in text.split(",")], help="such as 10,25,50")
    parser.add_argument("--seconds", type=float, help="length of the measured window")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_CALLS} calls for {QUICK_SECONDS:.0f} s")
    parser.add_argument("--nice", type=int, default=0, help="run before others on a shared machine, such as -10")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    for found in sections(options.calls, options.seconds, quick=options.quick, niceness=options.nice):
        if options.json:
            print(json.dumps(found.as_dict()))
        else:
            found.print(console())
