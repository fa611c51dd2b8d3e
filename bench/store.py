"""What recording costs: `python -m bench.store`.

Our group-committing writer and eventsourcing's own recorder, one after the other in each round, on
the same embedded server with `synchronous_commit` on. The library is synchronous: it is called from
ten threads over ten connections, as an asyncio program would have to. Figures are medians of the
rounds with their extremes; the ratio is taken within each round, so that a slow machine slows both.
"""

import argparse
import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter
from uuid import UUID, uuid4

from eventsourcing.postgres import PostgresFactory
from eventsourcing.utils import Environment
from psycopg.conninfo import conninfo_to_dict
from rich.console import Console
from rich.table import Table

from adapters.postgres.embedded.server import EmbeddedPostgres
from adapters.postgres.migrate import upgrade
from adapters.postgres.store import open_store
from domain.ports import Append, Outcome, StoredEvent

ROUNDS = 5
CALLS = 100
SECONDS = 2.0
PACE_HZ = 10
LIBRARY_THREADS = 10
STATE = b'{"at_us":1234567,"seq":42,"generation":3,"evidence":{"voiced_ms":240,"onset_sample":19200,"level":-31}}'

Record = Callable[[UUID, tuple[StoredEvent, ...]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Load:
    """So many `calls`, each appending `batch` events at a time: as fast as it can, or at `pace_hz`
    appends a second."""

    name: str
    calls: int
    batch: int
    pace_hz: int | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """One round of one load: throughput in events a second, latencies of appends in milliseconds."""

    events_per_s: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Compared:
    """All rounds of one load, ours beside the library's."""

    load: Load
    ours: list[Measured]
    library: list[Measured]

    def throughput_ratios(self) -> list[float]:
        """Our throughput as a multiple of the library's, round by round."""
        return [mine.events_per_s / theirs.events_per_s for mine, theirs in zip(self.ours, self.library, strict=True)]

    def p99_ratios(self) -> list[float]:
        """Our 99th percentile as a fraction of the library's, round by round."""
        return [mine.p99_ms / theirs.p99_ms for mine, theirs in zip(self.ours, self.library, strict=True)]


LOADS = (
    Load("1 call, 1 event at a time", 1, 1),
    Load("1 call, 10 at a time", 1, 10),
    Load("1 call, 100 at a time", 1, 100),
    Load(f"{CALLS} calls, 1 at a time", CALLS, 1),
    Load(f"{CALLS} calls, 10 at a time", CALLS, 10),
    Load(f"{CALLS} calls, {PACE_HZ} a second each", CALLS, 1, PACE_HZ),
)


async def run(rounds: int = ROUNDS, seconds: float = SECONDS) -> list[Compared]:
    """Measure every load `rounds` times, `seconds` each for both contenders."""
    results = [Compared(load, [], []) for load in LOADS]
    with tempfile.TemporaryDirectory(prefix="viva-bench-") as folder:
        server = await asyncio.to_thread(EmbeddedPostgres.start, Path(folder))
        try:
            await asyncio.to_thread(upgrade, server.dsn)
            for _ in range(rounds):
                for result in results:
                    async with _ours(server.dsn) as record:
                        result.ours.append(await _measure(result.load, record, seconds))
                    async with _library(server.dsn) as record:
                        result.library.append(await _measure(result.load, record, seconds))
        finally:
            await asyncio.to_thread(server.stop)
    return results


@asynccontextmanager
async def _ours(dsn: str) -> AsyncIterator[Record]:
    async with open_store(dsn) as store:

        async def record(call: UUID, events: tuple[StoredEvent, ...]) -> None:
            settled: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
            store.writer.submit(Append(call, "bench", events), settled.set_result)
            assert await settled is Outcome.DURABLE

        yield record


@asynccontextmanager
async def _library(dsn: str) -> AsyncIterator[Record]:
    parts = conninfo_to_dict(dsn)
    environment = {
        "POSTGRES_DBNAME": str(parts["dbname"]),
        "POSTGRES_HOST": str(parts["host"]),
        "POSTGRES_USER": str(parts["user"]),
        "POSTGRES_PASSWORD": "",
        "POSTGRES_POOL_SIZE": str(LIBRARY_THREADS),
        "CREATE_TABLE": "no",
    }
    with PostgresFactory(Environment("call", environment)) as factory, ThreadPoolExecutor(LIBRARY_THREADS) as threads:
        recorder = factory.application_recorder()
        loop = asyncio.get_running_loop()

        async def record(_: UUID, events: tuple[StoredEvent, ...]) -> None:
            await loop.run_in_executor(threads, recorder.insert_events, events)

        yield record


async def _measure(load: Load, record: Record, seconds: float) -> Measured:
    latencies_ms: list[float] = []
    began = perf_counter()
    await asyncio.gather(*(_call(load, record, began, began + seconds, latencies_ms) for _ in range(load.calls)))
    elapsed_s = perf_counter() - began
    percentiles = quantiles(latencies_ms, n=100)
    return Measured(len(latencies_ms) * load.batch / elapsed_s, percentiles[49], percentiles[98])


async def _call(load: Load, record: Record, began: float, until: float, latencies_ms: list[float]) -> None:
    call, version = uuid4(), 1
    due = began + (call.int % 1000) / 1000 / load.pace_hz if load.pace_hz else began
    while (now := perf_counter()) < until:
        if load.pace_hz:
            await asyncio.sleep(max(0.0, due - now))
            due += 1 / load.pace_hz
        events = tuple(StoredEvent(call, version + i, "bench.noted.v1", STATE) for i in range(load.batch))
        version += load.batch
        started = perf_counter()
        await record(call, events)
        latencies_ms.append((perf_counter() - started) * 1000)


def _spread(values: list[float], digits: int = 0) -> str:
    return f"{median(values):,.{digits}f} ({min(values):,.{digits}f}-{max(values):,.{digits}f})"


def main() -> None:
    """Print the comparison as a table."""
    argparse.ArgumentParser(prog="python -m bench.store", description=__doc__).parse_args()
    table = Table(title=f"Appending events: median of {ROUNDS} rounds (lowest-highest)")
    table.add_column("load")
    for column in ("events/s", "library", "ratio", "p99 ms", "library", "ratio"):
        table.add_column(column, justify="right")
    for result in asyncio.run(run()):
        table.add_row(
            result.load.name,
            _spread([item.events_per_s for item in result.ours]),
            _spread([item.events_per_s for item in result.library]),
            _spread(result.throughput_ratios(), 1),
            _spread([item.p99_ms for item in result.ours], 1),
            _spread([item.p99_ms for item in result.library], 1),
            _spread(result.p99_ratios(), 2),
        )
    Console().print(table)


if __name__ == "__main__":
    main()
