"""A store on a fresh database, and ways to bring read models up to date with its log."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from adapters.pacing import Backoff
from adapters.postgres.store import PostgresStore, open_store
from projections.batch import project
from projections.catalogue import READ_MODELS
from projections.checkpoint import read_checkpoint
from projections.connection import Connections
from projections.read_model import Decoder, ReadModel
from projections.runner import ProjectionRunner

Dump = Callable[[], Awaitable[dict[str, list[Any]]]]
TABLES = [table for model in READ_MODELS.values() for table in model.tables]


@pytest.fixture
async def store(dsn: str) -> AsyncIterator[PostgresStore]:
    """The real store."""
    async with open_store(dsn) as opened:
        yield opened


@pytest.fixture
def dump(store: PostgresStore) -> Dump:
    """Everything that the read models hold."""

    async def read() -> dict[str, list[Any]]:
        return {table: sorted(map(repr, await store.pool.fetch(f"SELECT * FROM {table}"))) for table in TABLES}

    return read


async def catch_up(store: PostgresStore, models: Sequence[ReadModel] = tuple(READ_MODELS.values())) -> None:
    """Project everything in the log, in one batch a model."""
    async with store.pool.acquire() as connection:
        for model in models:
            after = await read_checkpoint(connection, model.name)
            batch = await store.reader.select_notifications(after, 100_000, inclusive_of_start=False)
            await project(connection, model, store.mapper.to_event, after, batch)


def runner(
    store: PostgresStore, model: ReadModel, *, connections: Connections | None = None, decode: Decoder | None = None
) -> ProjectionRunner:
    """A runner with short waits, on the store's own pool and mapper unless others are given."""
    return ProjectionRunner(
        model,
        store.reader,
        connections or store.pool,
        decode or store.mapper.to_event,
        backoff=Backoff(first_s=0.01, ceiling_s=0.05),
    )


@asynccontextmanager
async def running(*runners: ProjectionRunner) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Run them until the end of the block."""
    tasks = [asyncio.create_task(each.run()) for each in runners]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def newest(store: PostgresStore) -> int:
    """The last notification id."""
    return await store.reader.max_notification_id() or 0
