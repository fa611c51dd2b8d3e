"""What a takeover costs late in a call: `python -m bench.takeover`.

A call of so many minutes is written to an embedded Postgres, without a client or a model. Then it
is taken over as the product does it: recovered from its newest snapshot, the takeover committed,
and the conversation read from the log for a fresh Gemini session. Once it is recovered with every
snapshot refused, from its first event on. Times are wall time, on a server that holds no other
call; how long it takes to see that the owner has died is not in them.
"""

import argparse
import asyncio
import json
import logging
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from time import perf_counter

import msgspec

from adapters.loop_clock import LoopClock
from adapters.postgres.embedded.server import EmbeddedPostgres
from adapters.postgres.leases import Leases
from adapters.postgres.migrate import upgrade
from adapters.postgres.store import open_store
from api import logs
from api.live.call_ports import CallPorts
from api.ownership.recovery import recover_call
from api.ownership.takeover import Takeovers
from bench.long_call import LongCall, write_call
from bench.report import Section, console, spread
from domain.effects import DialModel
from domain.event import Event
from domain.events import CallOpened, SnapshotTaken
from domain.ports import EventCodec, StoredEvent
from domain.ports.model_link import LinkSink
from domain.record.conversation import Turn
from tests.fakes.call_ports import fake_ports
from tests.fakes.model_link import FakeModelLink
from tests.fakes.store import InMemoryStore

COMMAND = "python -m bench.takeover"
MINUTES, QUICK_MINUTES = (5, 30, 60), (1, 3)
ROUNDS = 7
LIMIT_S = 1.0
"""A takeover takes no longer, however long the call has been going on."""


@dataclass(slots=True)
class Measured:
    """Milliseconds from the first read: until the call is recovered, its takeover is committed, and
    the conversation is there."""

    call: LongCall
    recovered_ms: list[float] = field(default_factory=list)
    committed_ms: list[float] = field(default_factory=list)
    seeded_ms: list[float] = field(default_factory=list)
    from_start_ms: float = 0.0
    """Recovery with every snapshot refused."""
    turns: int = 0
    """Of the conversation, as a new session is given it."""


class SeededLink(FakeModelLink):
    """Asks for the conversation when it dials, as the product's link does before it sets a session up."""

    def __init__(self, opened: CallOpened, sink: LinkSink) -> None:
        super().__init__(opened, sink)
        self.seeded: asyncio.Future[Sequence[Turn]] = asyncio.get_running_loop().create_future()
        self._call = sink

    def dial(self, effect: DialModel) -> None:
        assert effect.seed is not None, "a fresh session of a call under way is given the conversation"
        self._asking = asyncio.ensure_future(self._call.conversation(effect.seed))
        self._asking.add_done_callback(lambda done: self.seeded.set_result(done.result()))


class RefusedSnapshots(EventCodec):
    """Reads every snapshot as one of an older schema."""

    def __init__(self, codec: EventCodec) -> None:
        self._codec = codec

    def to_stored_event(self, domain_event: Event) -> StoredEvent:
        return self._codec.to_stored_event(domain_event)

    def to_event(self, stored_event: StoredEvent) -> Event:
        event = self._codec.to_event(stored_event)
        if isinstance(event, SnapshotTaken):
            return msgspec.structs.replace(event, snapshot=event.snapshot | {"schema": 0})
        return event


async def run(minutes: Sequence[int] = MINUTES, rounds: int = ROUNDS) -> list[Measured]:
    """Write a call of each length, and take it over so many times."""
    found = []
    async with _database() as (ports, leases):
        for length in minutes:
            measured = Measured(await write_call(ports, length))
            began = perf_counter()
            await recover_call(replace(ports, codec=RefusedSnapshots(ports.codec)), measured.call.call_id)
            measured.from_start_ms = _since_ms(began)
            for _ in range(rounds):
                await _take_over(ports, leases, measured)
            found.append(measured)
    return found


async def _take_over(ports: CallPorts, leases: Leases, measured: Measured) -> None:
    """Once more: by a process that knows nothing of the call."""
    call_id = measured.call.call_id
    began = perf_counter()
    await recover_call(ports, call_id)
    measured.recovered_ms.append(_since_ms(began))
    began = perf_counter()
    live = await Takeovers(ports, leases).try_once(call_id)
    measured.committed_ms.append(_since_ms(began))
    assert live is not None, "nobody else writes this call"
    living = asyncio.create_task(live.run())
    link = live.model.link
    assert isinstance(link, SeededLink)
    measured.turns = len(await link.seeded)
    measured.seeded_ms.append(_since_ms(began))
    live.stop()
    await living
    await ports.writer.flush()


@asynccontextmanager
async def _database() -> AsyncIterator[tuple[CallPorts, Leases]]:
    with tempfile.TemporaryDirectory(prefix="viva-bench-") as folder:
        server = await asyncio.to_thread(EmbeddedPostgres.start, Path(folder))
        try:
            await asyncio.to_thread(upgrade, server.dsn)
            async with open_store(server.dsn) as store, Leases(server.dsn) as leases:
                yield (
                    fake_ports(
                        InMemoryStore(),
                        writer=store.writer,
                        reader=store.reader,
                        audio=store.audio,
                        codec=store.mapper,
                        clock=LoopClock(),
                        make_link=SeededLink,
                    ),
                    leases,
                )
        finally:
            await asyncio.to_thread(server.stop)


def _since_ms(began: float) -> float:
    return (perf_counter() - began) * 1000


def sections(*, quick: bool = False) -> list[Section]:
    """Measure everything."""
    logs.configure("console", logging.ERROR)  # the product says of every takeover that it took place
    rounds = 3 if quick else ROUNDS
    columns = ("minutes", "events", "snapshot bytes", "recovered", "committed", "seeded", "without a snapshot")
    section = Section("takeover", f"Taking a call over: ms, median of {rounds} (lowest-highest)", COMMAND, columns)
    for each in asyncio.run(run(QUICK_MINUTES if quick else MINUTES, rounds)):
        call, sizes = each.call, each.call.snapshots
        section.rows.append(
            (
                f"{call.minutes}",
                f"{call.events:,}",
                f"{sizes[-1]:,} of {len(sizes)}",
                spread(each.recovered_ms, 0),
                spread(each.committed_ms, 0),
                spread(each.seeded_ms, 0),
                f"{each.from_start_ms:,.0f}",
            )
        )
        met = max(each.seeded_ms) <= LIMIT_S * 1000
        section.notes.append(
            f"minute {call.minutes}: {each.turns} turns of conversation read; {'met' if met else 'NOT MET'}: "
            f"at most {LIMIT_S:.0f} s until the new session has them ({median(each.seeded_ms):.0f} ms)"
        )
        section.facts[str(call.minutes)] = {
            "events": call.events,
            "snapshot_bytes": [*sizes],
            "turns": each.turns,
            "recovered_ms": each.recovered_ms,
            "committed_ms": each.committed_ms,
            "seeded_ms": each.seeded_ms,
            "from_start_ms": each.from_start_ms,
        }
    return [section]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short calls, taken over three times")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    for section in sections(quick=options.quick):
        if options.json:
            print(json.dumps(section.as_dict()))
        else:
            section.print(console())


if __name__ == "__main__":
    main()
