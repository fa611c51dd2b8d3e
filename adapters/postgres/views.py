"""Reading the views for whoever asks over HTTP: a bounded wait, and our own error when the database is away."""

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

from adapters.postgres.failures import UNAVAILABLE
from domain.errors import StoreUnavailableError

_LONGEST_WAIT_S = 5.0
_Answer = TypeVar("_Answer")


class Views:
    """Over an asyncpg pool. Raises `StoreUnavailableError`, at the latest after five seconds."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    async def fetch(self, query: str, *args: Any) -> list[Any]:
        """All rows."""
        return await _bounded(self._pool.fetch(query, *args))

    async def fetchrow(self, query: str, *args: Any) -> Any:
        """The first row, or None."""
        return await _bounded(self._pool.fetchrow(query, *args))


async def _bounded(answer: Awaitable[_Answer]) -> _Answer:
    try:
        async with asyncio.timeout(_LONGEST_WAIT_S):
            return await answer
    except UNAVAILABLE as error:
        raise StoreUnavailableError(f"the database cannot be read now: {error!r}") from error
