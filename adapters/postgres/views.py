"""Reading from Postgres for HTTP requests: a bounded wait, and our own error when it is
away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from adapters.postgres.failures import UNAVAILABLE
from domain.errors import StoreUnavailableError

_LONGEST_WAIT_S = 2.5


class Views:
    """Over an asyncpg pool. Raises `StoreUnavailableError`, at the latest after twice `wait_s`
    seconds.

    Twice, as a Postgres that hangs does not answer that a query is to be cancelled either: the
    connection is given up.
    """

    def __init__(self, pool: Any, wait_s: float = _LONGEST_WAIT_S) -> None:
        self._pool = pool
        self._wait_s = wait_s

    async def fetch(self, query: str, *args: Any) -> list[Any]:
        """All rows."""
        async with self._connection() as connection:
            rows: list[Any] = await connection.fetch(query, *args)
            return rows

    async def fetchrow(self, query: str, *args: Any) -> Any:
        """The first row, or None."""
        async with self._connection() as connection:
            return await connection.fetchrow(query, *args)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        try:
            async with asyncio.timeout(self._wait_s), self._pool.acquire(timeout=self._wait_s) as connection:
                yield connection
        except UNAVAILABLE as error:
            raise StoreUnavailableError(f"the database cannot be read now: {error!r}") from error
