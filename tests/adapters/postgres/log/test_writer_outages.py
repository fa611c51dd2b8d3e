"""The writer when Postgres goes away: nothing acknowledged is lost, nothing is doubled, nothing
grows for ever."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

import asyncpg
import pytest

from adapters.postgres import leases
from adapters.postgres.embedded.server import EmbeddedPostgres
from adapters.postgres.lease_watch import LeaseTimes
from adapters.postgres.leases import Leases
from adapters.postgres.log import writer
from adapters.postgres.log.append_queue import QueueLimits
from adapters.postgres.log.writer import GroupCommitWriter
from adapters.postgres.migrate import upgrade
from adapters.postgres.store import PostgresStore, open_store
from domain.errors import StoreError, StoreUnavailableError, WriterFullError
from domain.ports import Outcome
from tests.adapters.postgres.log.producer import Producer, recorded_versions
from tests.contracts.calls import Outcomes, append, new_call, segment
from tests.fixtures.own_postgres import own_postgres

DURABLE, CONFLICT, LOST = Outcome.DURABLE, Outcome.CONFLICT, Outcome.LOST


async def _end_session(store: PostgresStore, application: str) -> None:
    query = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = $1 AND datname = $2"
    database = await store.pool.fetchval("SELECT current_database()")
    assert await store.pool.fetchval(query, application, database) > 0


@asynccontextmanager
async def _server(folder: Path) -> AsyncIterator[EmbeddedPostgres]:
    server = await asyncio.to_thread(EmbeddedPostgres.start, folder)
    try:
        await asyncio.to_thread(upgrade, server.dsn)
        yield server
    finally:
        await asyncio.to_thread(server.stop)


async def test_a_terminated_connection_loses_and_doubles_nothing(dsn: str) -> None:
    """The writer's session is ended ten times in the middle of writing."""
    async with open_store(dsn) as store:
        producer = Producer(store)
        for _ in range(10):
            await producer.acknowledge(50)
            await _end_session(store, "viva-writer")
        await producer.acknowledge(50)
        await producer.stop()
        assert await recorded_versions(store) == producer.acknowledged
        assert producer.outcomes == {DURABLE}
        assert store.writer.stats.retries >= 1


async def test_a_killed_server_loses_and_doubles_nothing(server_folder: Path) -> None:
    """`kill -9` of Postgres in the middle of writing; it recovers, the writer finds it again."""
    async with _server(server_folder) as server, open_store(server.dsn) as store:
        producer = Producer(store)
        await producer.acknowledge(500)
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        async with _server(server_folder):
            await producer.acknowledge(500)
            await producer.stop()
            assert await recorded_versions(store) == producer.acknowledged
            assert producer.outcomes == {DURABLE}


async def test_what_was_committed_without_an_acknowledgement_is_not_written_twice(dsn: str) -> None:
    """The commit went through, its answer did not: the retry finds its own events and succeeds."""
    call, other = new_call(), new_call()
    async with open_store(dsn) as first:
        await Outcomes(first.writer).of(append(call, 1, 2, audio=[segment(call)]))
    async with open_store(dsn) as store:
        outcomes = Outcomes(store.writer)
        retried = [append(call, 1, 2, audio=[segment(call)]), append(other, 1), append(call, 3)]
        assert await outcomes.of(*retried) == [DURABLE] * 3
        assert await recorded_versions(store) == {call: 3, other: 1}


async def test_the_queue_is_bounded_in_bytes_while_postgres_is_away(dsn: str) -> None:
    """It takes what fits, refuses the rest, and writes what it took once Postgres is back."""
    call = new_call()
    async with open_store(dsn, limits=QueueLimits(max_bytes=100_000)) as store, _locked(store) as unlock:
        outcomes = Outcomes(store.writer)
        taken = 0
        with pytest.raises(WriterFullError):
            for number in range(10):
                outcomes.submit(append(call, number + 1, audio=[segment(call, number * 16_000)]))
                taken += 1
        assert taken == 3
        assert store.writer.stats.refused == 1
        await unlock()
        await store.writer.flush()
        assert [outcome for _, outcome in outcomes.seen] == [DURABLE] * 3


async def test_how_long_the_log_has_been_behind_is_known(dsn: str) -> None:
    """From the submission of the oldest append that has no outcome, written or queued, until it has
    one."""
    async with open_store(dsn, limits=QueueLimits(batch_events=1)) as store:
        assert store.writer.behind_s == 0
        outcomes = Outcomes(store.writer)
        async with _locked(store) as unlock:
            outcomes.submit(append(new_call(), 1))
            await asyncio.sleep(0.2)
            outcomes.submit(append(new_call(), 1))
            assert 0.2 <= store.writer.behind_s < 5
            await unlock()
            await store.writer.flush()
        assert store.writer.behind_s == 0
        assert len(outcomes.seen) == 2


async def test_a_postgres_that_hangs_longer_than_anybody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given statements and new connections that time out again and again: written once; no lease is
    lost."""
    for module, name in ((writer, "_COMMIT_TIMEOUT_S"), (writer, "_CONNECT_TIMEOUT_S"), (leases, "_TIMEOUT_S")):
        monkeypatch.setattr(module, name, 0.2)
    times, call = LeaseTimes(lease_s=1, renew_s=0.1, grace_s=1), new_call()
    async with (
        own_postgres() as postgres,
        open_store(postgres.dsn) as store,
        Leases(postgres.dsn, times=times) as one,
        Leases(postgres.dsn, times=times) as two,
    ):
        outcomes = Outcomes(store.writer)
        async with postgres.hung():
            outcomes.submit(append(call, 1))
            await asyncio.sleep(1.5)
            assert not one.healthy
        assert await outcomes.of(append(call, 2)) == [DURABLE]
        assert await recorded_versions(store) == {call: 2}
        assert store.writer.stats.retries >= 2
        await asyncio.sleep(0.8)
        assert one.healthy
        assert one._watch.gone() == two._watch.gone() == []


async def test_closing_while_postgres_does_not_answer_reports_what_is_lost(dsn: str) -> None:
    """The deadline is kept; what waits is LOST, and everybody who waits for a flush is released."""
    async with open_store(dsn) as store, _locked(store):
        outcomes = Outcomes(store.writer)
        outcomes.submit(append(new_call(), 1), append(new_call(), 1, 3))
        flushing = asyncio.create_task(store.writer.flush())
        began = monotonic()
        assert await store.writer.aclose(deadline_s=0.2) == 2
        assert monotonic() - began < 5
        await flushing
        assert [outcome for _, outcome in outcomes.seen] == [LOST, LOST]
        assert store.writer.queued == 0
        with pytest.raises(StoreUnavailableError):
            store.writer.submit(append(new_call(), 1))


async def test_a_writer_cannot_start_without_postgres(tmp_path: Path) -> None:
    """The error names what to check."""
    unconnected = GroupCommitWriter(f"postgresql://nobody@/nothing?host={tmp_path}")
    with pytest.raises(StoreUnavailableError, match="DATABASE_URL"):
        await unconnected.start()


async def test_a_database_without_tables_is_refused_with_advice(empty_dsn: str) -> None:
    """The message names the command that makes them."""
    with pytest.raises(StoreError, match="viva db upgrade"):
        async with open_store(empty_dsn):
            pass


@asynccontextmanager
async def _locked(store: PostgresStore) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Another session holds the log's lock, as a forgotten `psql` would; yields how to let it go."""
    connection = await asyncpg.connect(store.dsn)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("LOCK TABLE call_events IN EXCLUSIVE MODE")
    try:
        yield transaction.rollback
    finally:
        await connection.close()
