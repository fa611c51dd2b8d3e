"""The connection ends somewhere inside a transaction, and nobody tells the writer whether it was
committed."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from adapters.postgres.log.writer import GroupCommitWriter
from adapters.postgres.store import PostgresStore, open_store
from domain.ports import Outcome
from tests.adapters.postgres.log.producer import Producer, recorded_versions
from tests.contracts.calls import Outcomes, append, new_call, segment
from tests.fixtures.postgres import short_folder
from tests.fixtures.postgres_proxy import PostgresProxy, postgres_proxy

DURABLE = Outcome.DURABLE


@pytest.fixture
async def proxy(dsn: str) -> AsyncIterator[PostgresProxy]:
    """A way to the database that can be cut."""
    with short_folder() as folder:
        async with postgres_proxy(dsn, folder) as opened:
            yield opened


@pytest.fixture
async def store(dsn: str, proxy: PostgresProxy) -> AsyncIterator[PostgresStore]:
    """A store whose writer, and nothing else of it, goes through the proxy."""
    async with open_store(dsn) as opened, GroupCommitWriter(proxy.dsn) as writer:
        yield replace(opened, writer=writer)


async def test_a_commit_whose_answer_never_came_is_recognised(proxy: PostgresProxy, store: PostgresStore) -> None:
    """Given a commit that Postgres has made and a connection that ends before it says so: durable,
    and there once."""
    call = new_call()
    outcomes = Outcomes(store.writer)
    await outcomes.of(append(call, 1))
    proxy.answers.hold()
    outcomes.submit(append(call, 2, 3))
    async with asyncio.timeout(10):
        while len(await store.reader.select_events(call)) < 4:  # noqa: ASYNC110  (nothing announces it)
            await asyncio.sleep(0.01)
    assert len(outcomes.seen) == 1, "nothing is acknowledged before the answer"
    proxy.cut()
    proxy.answers.release()
    assert await outcomes.of(append(call, 5)) == [DURABLE]
    assert [outcome for _, outcome in outcomes.seen] == [DURABLE] * 3
    assert await recorded_versions(store) == {call: 5}


@pytest.mark.parametrize("way", ["requests", "answers"])
async def test_a_connection_cut_at_any_byte_of_a_transaction(
    proxy: PostgresProxy, store: PostgresStore, way: str
) -> None:
    """Given the same append again and again, cut a little later every time, until it goes through
    without a cut."""
    outcomes = Outcomes(store.writer)
    await outcomes.of(append(new_call(), 1))
    direction, calls, limit = getattr(proxy, way), [new_call()], 1
    while direction.limit is None:
        direction.limit = limit
        appends = append(calls[-1], 1, 2, audio=[segment(calls[-1], samples=200)]), append(calls[-1], 3)
        assert await outcomes.of(*appends) == [DURABLE, DURABLE]
        calls.append(new_call())
        limit = int(limit * 1.3) + 1
    assert len(calls) > 8
    recorded = await recorded_versions(store)
    assert all(recorded[call] == 3 for call in calls[:-1])
    assert store.writer.stats.conflicts == store.writer.stats.lost == 0


async def test_a_transaction_that_arrives_late_changes_nothing(
    dsn: str, proxy: PostgresProxy, store: PostgresStore
) -> None:
    """Given a statement on its way when its connection ends, it reaches Postgres after it was
    offered again."""
    call = new_call()
    outcomes = Outcomes(store.writer)
    await outcomes.of(append(call, 1))
    proxy.requests.hold()
    outcomes.submit(append(call, 2, note="late"))
    await asyncio.wait_for(proxy.requests.held.wait(), 5)
    proxy.cut_clients()
    async with GroupCommitWriter(dsn) as direct:
        assert await Outcomes(direct).of(append(call, 2, note="late"), append(call, 3)) == [DURABLE, DURABLE]
    proxy.requests.release()
    assert await outcomes.of(append(call, 4)) == [DURABLE]
    assert [outcome for _, outcome in outcomes.seen] == [DURABLE] * 3
    assert await recorded_versions(store) == {call: 4}


async def test_cut_again_and_again_while_calls_are_recorded(proxy: PostgresProxy, store: PostgresStore) -> None:
    """Given twenty calls, and answers held back before every cut, every batch in flight is in
    doubt."""
    producer = Producer(store)
    for _ in range(8):
        await producer.acknowledge(60)
        proxy.answers.hold()
        await asyncio.wait_for(proxy.answers.held.wait(), 5)
        proxy.cut()
        proxy.answers.release()
    await producer.acknowledge(60)
    await producer.stop()
    assert producer.outcomes == {DURABLE}
    assert await recorded_versions(store) == producer.acknowledged
    assert store.writer.stats.retries >= 8
