"""The classic bug of event stores on Postgres: a lower id that becomes visible after a higher one
was read."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from adapters.postgres.store import PostgresStore, open_store
from domain.ports import Outcome, StoredEvent
from tests.adapters.postgres.log.stock import stock_factory
from tests.contracts.calls import Outcomes, append, event

APPENDS = 250


async def _our_writer(store: PostgresStore) -> None:
    """One event at a time, so that there are as many commits to get wrong as possible."""
    outcomes = Outcomes(store.writer)
    for _ in range(APPENDS):
        assert await outcomes.of(append(uuid4(), 1)) == [Outcome.DURABLE]


def _stock_writer(dsn: str) -> None:
    with stock_factory(dsn) as factory:
        recorder = factory.application_recorder()
        for _ in range(APPENDS):
            call = uuid4()
            recorder.insert_events([event(call, version) for version in range(1, 4)])


async def _tail(store: PostgresStore, until: asyncio.Event) -> Sequence[int]:
    """Read on from the last id that was seen, as every projection does, until a look after the end
    finds nothing."""
    seen: list[int] = []
    while True:
        ended = until.is_set()
        page = await store.reader.select_notifications(seen[-1] if seen else 0, 1000, inclusive_of_start=False)
        if not page and ended:
            return seen
        seen += [row.id for row in page]


async def test_a_tailing_reader_misses_nothing_while_both_kinds_of_writers_append(dsn: str) -> None:
    """Two of our writers and two of the library's, at once: a reader that follows by id sees every
    event."""
    written = asyncio.Event()
    async with open_store(dsn) as one, open_store(dsn) as two:
        tails = [asyncio.create_task(_tail(store, written)) for store in (one, two)]
        await asyncio.gather(
            _our_writer(one), _our_writer(two),
            asyncio.to_thread(_stock_writer, dsn), asyncio.to_thread(_stock_writer, dsn),
        )  # fmt: skip
        written.set()
        recorded = [row[0] for row in await one.pool.fetch("SELECT notification_id FROM call_events ORDER BY 1")]
        assert len(recorded) == 2 * APPENDS + 2 * APPENDS * 3
        assert [await tail for tail in tails] == [recorded, recorded]


async def test_an_append_waits_for_a_writer_that_holds_the_tables_lock(dsn: str) -> None:
    """The library's lock keeps ours out before an id is drawn, so our id is the higher one."""
    stock_call, our_call = uuid4(), uuid4()
    async with open_store(dsn) as store:
        outcomes = Outcomes(store.writer)
        async with store.pool.acquire() as other:
            transaction = other.transaction()
            await transaction.start()
            await other.execute("LOCK TABLE call_events IN EXCLUSIVE MODE")
            outcomes.submit(append(our_call, 1))
            await _until_blocked(store)
            await _insert_bare(other, event(stock_call, 1))
            assert outcomes.seen == []
            await transaction.commit()
        await store.writer.flush()
        rows = await store.reader.select_notifications(None, 10)
    assert [row.originator_id for row in rows] == [stock_call, our_call]


async def test_a_stock_writer_waits_for_our_append(dsn: str) -> None:
    """And the other way round: while our transaction is open, the library's cannot draw an id."""
    our_call, stock_call = uuid4(), uuid4()

    def insert() -> None:
        with stock_factory(dsn) as factory:
            factory.application_recorder().insert_events([event(stock_call, 1)])

    async with open_store(dsn) as store:
        async with store.pool.acquire() as ours:
            transaction = ours.transaction()
            await transaction.start()
            await _append_bare(ours, our_call)
            stock = asyncio.create_task(asyncio.to_thread(insert))
            await _until_blocked(store)
            assert not stock.done()
            await transaction.commit()
        await stock
        rows = await store.reader.select_notifications(None, 10)
    assert [row.originator_id for row in rows] == [our_call, stock_call]


async def _until_blocked(store: PostgresStore) -> None:
    """Wait until some session waits for a lock on the log."""
    query = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'call_events'::regclass"
    async with asyncio.timeout(20):
        while not await store.pool.fetchval(query):
            continue


async def _insert_bare(connection: Any, stored: StoredEvent) -> None:
    await connection.execute(
        "INSERT INTO call_events (originator_id, originator_version, topic, state) VALUES ($1, $2, $3, $4)",
        stored.originator_id, stored.originator_version, stored.topic, stored.state,
    )  # fmt: skip


async def _append_bare(connection: Any, call: UUID) -> None:
    await connection.execute(
        "SELECT call_append_events($1, $2, $3, $4, $5, $6)",
        [call], [1], ["test.noted.v1"], [b"{}"], [uuid4()], ["acme"],
    )  # fmt: skip
