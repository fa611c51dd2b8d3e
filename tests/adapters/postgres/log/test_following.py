"""Following the log live: by notification, and without it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from time import monotonic

import asyncpg

from adapters.postgres.listener import Listener
from adapters.postgres.log.reader import PostgresReader
from adapters.postgres.store import PostgresStore, open_store
from domain.ports import Notification, Outcome
from tests.contracts.calls import Outcomes, append, new_call


async def _next(pages: AsyncIterator[Sequence[Notification]]) -> list[int]:
    async with asyncio.timeout(20):
        return [row.originator_version for row in await anext(pages)]


async def _end_sessions(store: PostgresStore, pattern: str) -> None:
    query = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE application_name LIKE $1 AND datname = current_database() AND pid <> pg_backend_pid()"
    )
    await store.pool.fetchval(query, pattern)


async def test_a_follower_is_woken_by_the_append_and_not_by_its_poll(dsn: str) -> None:
    """With a poll every ten minutes, an event still arrives at once."""
    call = new_call()
    async with open_store(dsn) as store:
        pages = PostgresReader(store.pool, store.listener, poll_s=600).follow()
        await store.listener.ready()
        waiting = asyncio.create_task(_next(pages))
        assert await Outcomes(store.writer).of(append(call, 1)) == [Outcome.DURABLE]
        began = monotonic()
        assert await waiting == [1]
        assert monotonic() - began < 10


async def test_a_follower_without_notifications_polls(dsn: str) -> None:
    """A listener that never gets a connection, as behind a pooler in transaction mode, costs time
    and nothing else."""
    call = new_call()
    async with open_store(dsn) as store:
        pages = PostgresReader(store.pool, Listener(dsn), poll_s=0.05).follow()
        waiting = asyncio.create_task(_next(pages))
        await Outcomes(store.writer).of(append(call, 1))
        assert await waiting == [1]


async def test_a_follower_goes_on_after_every_connection_was_lost(dsn: str) -> None:
    """Listener and pool reconnect; nothing that was appended meanwhile is missed or seen twice."""
    call = new_call()
    async with open_store(dsn) as store:
        outcomes, pages = Outcomes(store.writer), store.reader.follow()
        seen: list[int] = []
        for version in range(1, 6):
            await _end_sessions(store, "viva-%")
            outcomes.submit(append(call, version))
            seen += await _next(pages)
        assert seen == [1, 2, 3, 4, 5]


async def test_the_listener_reconnects_and_wakes_everybody(dsn: str) -> None:
    """What was notified while it was away cannot be known, so every reader looks."""
    control = await asyncpg.connect(dsn)
    try:
        async with Listener(dsn) as listener, asyncio.timeout(20):
            await listener.ready()
            with listener.wakes() as wake:
                wake.clear()
                await control.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name = 'viva-listener' AND datname = current_database()"
                )
                await wake.wait()
            assert listener.reconnects >= 1
    finally:
        await control.close()
