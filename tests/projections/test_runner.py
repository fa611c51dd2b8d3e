"""Runners: exactly once, whichever process runs, whatever breaks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from adapters.pacing import Backoff
from adapters.postgres.store import PostgresStore
from domain.event import Event
from domain.ports import Notification
from projections.batch import project
from projections.calls import Calls
from projections.catalogue import READ_MODELS
from projections.checkpoint import RewoundError, read_checkpoint
from projections.connection import Connection
from projections.latency import Latency
from projections.runner import Phase, ProjectionRunner, Status
from projections.transcript import Transcript
from tests.projections.conftest import Dump, catch_up, newest, runner, running
from tests.projections.story import Story, append, interview


class PausingTranscript(Transcript):
    """Stops in the middle of a batch until it is released, so that a test can end it there."""

    def __init__(self, before: int) -> None:
        self._before = before
        self.paused, self.go_on = asyncio.Event(), asyncio.Event()

    async def apply(self, connection: Connection, notification: Notification, event: Event) -> None:
        if notification.id >= self._before:
            self.paused.set()
            await self.go_on.wait()
        await super().apply(connection, notification, event)


async def test_a_runner_follows_the_log(store: PostgresStore, dump: Dump) -> None:
    """Given running projections, what is appended is read back as soon as they reached it."""
    runners = [runner(store, model) for model in READ_MODELS.values()]
    async with running(*runners):
        for _ in range(3):
            await interview().record(store)
        for each in runners:
            await each.reached(await newest(store))
        assert all(each.status.phase is Phase.FOLLOWING for each in runners)
        rows = await dump()
    assert len(rows["calls"]) == 3
    assert len(rows["transcript_lines"]) == 15
    assert len(rows["latency_barge_ins"]) == 6
    assert runners[0].status.phase is Phase.STOPPED


class CountingConnections:
    """Counts how often a connection was asked for."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self.acquired = 0

    def acquire(self) -> Any:
        self.acquired += 1
        return self._pool.acquire()


async def test_a_busy_log_is_projected_in_few_batches(store: PostgresStore) -> None:
    """Given a runner that gathers, what is appended one by one meanwhile is applied together."""
    connections = CountingConnections(store.pool)
    gathering = ProjectionRunner(
        Transcript(), store.reader, connections, store.mapper.to_event, backoff=Backoff(), gather_s=1.0
    )
    async with running(gathering):
        await interview().record(store)
        await gathering.reached(await newest(store))
        before = connections.acquired
        for _ in range(12):
            await interview().record(store)
        await gathering.reached(await newest(store))
    assert 1 <= connections.acquired - before <= 4


async def test_two_runners_at_once_apply_everything_once(store: PostgresStore, dump: Dump) -> None:
    """Given two runners of each projection, counters and texts are as with one."""
    stories = [interview() for _ in range(10)]
    runners = [runner(store, model) for model in READ_MODELS.values() for _ in range(2)]
    async with running(*runners):
        for story in stories:
            await story.record(store)
        for each in runners:
            await each.reached(await newest(store))
        twice = await dump()
    await _start_over(store)
    await catch_up(store)
    assert twice == await dump()


async def test_a_batch_delivered_again_changes_nothing(store: PostgresStore, dump: Dump) -> None:
    """Given a batch that was projected, offering it again, whole or in part, leaves every row as it
    is."""
    await interview().record(store)
    await catch_up(store)
    before = await dump()
    batch = await store.reader.select_notifications(None, 1_000)
    async with store.pool.acquire() as connection:
        for model in READ_MODELS.values():
            for part in (batch, batch[5:20]):
                assert await project(connection, model, store.mapper.to_event, 0, part) == batch[-1].id
    assert await dump() == before


async def test_a_batch_that_would_leave_a_gap_is_refused(store: PostgresStore, dump: Dump) -> None:
    """Given notifications read from further on than the checkpoint, none of them is projected."""
    await interview().record(store)
    batch = await store.reader.select_notifications(None, 1_000)
    async with store.pool.acquire() as connection:
        with pytest.raises(RewoundError):
            await project(connection, Calls(), store.mapper.to_event, batch[4].id, batch[5:])
    assert not any((await dump()).values())


async def test_a_runner_killed_in_mid_batch_leaves_nothing_half_done(store: PostgresStore, dump: Dump) -> None:
    """Given a runner ended inside a batch, another one projects the whole batch once."""
    await interview().record(store)
    last = await newest(store)
    model = PausingTranscript(before=last - 10)
    async with running(runner(store, model)):
        await model.paused.wait()
    assert not (await dump())["transcript_lines"]
    async with running(second := runner(store, Transcript())):
        await second.reached(last)
    projected = await dump()
    await _start_over(store)
    await catch_up(store, [Transcript()])
    assert projected == await dump()


async def test_a_connection_lost_in_mid_batch_is_survived(store: PostgresStore, dump: Dump) -> None:
    """Given a backend that is terminated inside a batch, the runner says so, tries again, and
    applies it once."""
    await interview().record(store)
    last = await newest(store)
    model = PausingTranscript(before=last - 10)
    following = runner(store, model)
    async with running(following):
        await model.paused.wait()
        terminated = await store.pool.fetchval(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND state = 'idle in transaction'"
        )
        failed = asyncio.create_task(following.failed())
        model.go_on.set()
        status = await failed
        await following.reached(last)
    assert terminated == 1
    assert (status.failures, bool(status.last_error)) == (1, True)
    assert (following.status.failures, following.status.last_error) == (0, "")
    projected = await dump()
    assert len(projected["transcript_lines"]) == 5
    await _start_over(store)
    await catch_up(store, [Transcript()])
    assert projected == await dump()


class AwayConnections:
    """A pool whose database is away for the first few times."""

    def __init__(self, pool: Any, failures: int) -> None:
        self._pool, self.left = pool, failures

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Any]:
        if self.left:
            self.left -= 1
            raise ConnectionRefusedError("nobody listens there")
        async with self._pool.acquire() as connection:
            yield connection


async def test_a_database_that_is_away_is_waited_for(store: PostgresStore) -> None:
    """Given a database that refuses many connections, the runner never gives up and shows what is
    wrong."""
    await interview().record(store)
    following = runner(store, Latency(), connections=AwayConnections(store.pool, 8))
    async with running(following):
        status = await following.failed()
        assert status.last_error == "ConnectionRefusedError: nobody listens there"
        await following.reached(await newest(store))
    assert await store.pool.fetchval("SELECT count(*) FROM latency_replies") == 3


async def test_a_failure_of_which_nothing_is_left_is_forgotten(store: PostgresStore) -> None:
    """Given an outage after which there is nothing to project, or another runner has done it, all
    is well again."""
    await interview().record(store)
    await catch_up(store)
    following = runner(store, Latency(), connections=AwayConnections(store.pool, 3))
    async with running(following):
        assert (await following.failed()).failures == 1
        await following.reached(await newest(store))
        assert following.status == Status("latency", Phase.FOLLOWING, await newest(store))


async def test_a_missing_table_parks_nothing(store: PostgresStore) -> None:
    """Given a database that lacks a table, the runner waits: the events are not to blame."""
    await store.pool.execute("ALTER TABLE latency_replies RENAME TO hidden")
    await interview().record(store)
    following = runner(store, Latency())
    async with running(following):
        status = await following.failed()
        assert "latency_replies" in status.last_error
        await store.pool.execute("ALTER TABLE hidden RENAME TO latency_replies")
        await following.reached(await newest(store))
    assert await store.pool.fetchval("SELECT count(*) FROM dead_letters") == 0
    assert await store.pool.fetchval("SELECT count(*) FROM latency_replies") == 3


async def test_lag_is_what_is_still_to_come(store: PostgresStore) -> None:
    """Given a projection that stands still, its lag counts the notifications and grows older;
    afterwards it is zero."""
    following = runner(store, Calls())
    assert (await following.lag()).notifications == 0
    story = await interview().record(store)
    behind = await following.lag()
    assert behind.notifications == len(story.events)
    assert 0 < behind.seconds < 60
    await catch_up(store, [Calls()])
    caught_up = await following.lag()
    assert (caught_up.notifications, caught_up.seconds) == (0, 0)


async def test_other_applications_events_move_the_checkpoint_only(store: PostgresStore) -> None:
    """Given events of another application in the same log, they are passed by."""
    story = Story()
    stored = store.mapper.to_stored_event(story.opened().events[0])
    foreign = type(stored)(story.call_id, 1, "billing.noted.v1", b"{}")
    await append(store, story.call_id, "acme", [foreign])
    await catch_up(store)
    async with store.pool.acquire() as connection:
        assert await read_checkpoint(connection, "calls") == await newest(store)
    assert await store.pool.fetchval("SELECT count(*) FROM dead_letters") == 0


async def _start_over(store: PostgresStore) -> None:
    """Forget everything that was projected."""
    tables = [table for model in READ_MODELS.values() for table in model.tables]
    await store.pool.execute(f"TRUNCATE projection_checkpoints, dead_letters, {', '.join(tables)}")


def test_asyncpg_is_what_the_protocol_asks_for() -> None:
    """The connection's protocol has no method that asyncpg's lacks."""
    methods = [name for name in vars(Connection) if not name.startswith("_")]
    assert methods
    assert all(callable(getattr(asyncpg.Connection, name)) for name in methods)
