"""Everything the rest needs of Postgres, opened together and closed in the right order."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

from adapters.postgres.dsn import normalise
from adapters.postgres.failures import UNAVAILABLE
from adapters.postgres.listener import Listener
from adapters.postgres.log.append_queue import QueueLimits
from adapters.postgres.log.mapper import EventMapper
from adapters.postgres.log.reader import PostgresReader
from adapters.postgres.log.writer import GroupCommitWriter
from domain.errors import StoreError, StoreUnavailableError
from domain.ports import KeyRing

_POOL_SIZE = 8
_QUERY_TIMEOUT_S = 30.0
_CLOSE_TIMEOUT_S = 1.0


@dataclass(frozen=True, slots=True)
class PostgresStore:
    """The ports of one database. `reader` is the `EventReader` and the `AudioStore`; `pool` is for
    projections."""

    dsn: str
    writer: GroupCommitWriter
    reader: PostgresReader
    audio: PostgresReader
    listener: Listener
    mapper: EventMapper
    pool: Any


@asynccontextmanager
async def open_store(
    dsn: str, *, keys: KeyRing | None = None, limits: QueueLimits | None = None, close_deadline_s: float = 4.0
) -> AsyncIterator[PostgresStore]:
    """Connect to the migrated database at `dsn`.

    On leaving, the writer gets `close_deadline_s` seconds to write what waits. Raises
    `StoreUnavailableError` if the database cannot be reached, `StoreError` if it is not migrated.
    """
    dsn = normalise(dsn)
    writer = GroupCommitWriter(dsn, keys=keys, limits=limits)
    async with _pool(dsn) as pool, Listener(dsn) as listener:
        reader = PostgresReader(pool, listener, keys=keys)
        await writer.start()
        try:
            yield PostgresStore(dsn, writer, reader, reader, listener, EventMapper(keys), pool)
        finally:
            await writer.aclose(close_deadline_s)


@asynccontextmanager
async def _pool(dsn: str) -> AsyncIterator[Any]:
    try:
        pool = await asyncpg.create_pool(
            dsn,
            min_size=0,
            max_size=_POOL_SIZE,
            timeout=5.0,
            command_timeout=_QUERY_TIMEOUT_S,
            server_settings={"application_name": "viva-reader"},
        )
        migrated = await pool.fetchval("SELECT to_regclass('call_events') IS NOT NULL")
    except UNAVAILABLE as error:
        raise StoreUnavailableError(f"cannot reach Postgres: {error}. Check DATABASE_URL") from error
    try:
        if not migrated:
            raise StoreError("the database has no event log yet: run `viva db upgrade`")
        yield pool
    finally:
        try:
            await asyncio.wait_for(pool.close(), _CLOSE_TIMEOUT_S)
        except (TimeoutError, *UNAVAILABLE):
            pool.terminate()  # somebody still holds a connection, or Postgres is away
