"""The database as projections see it: a connection handed in from outside, in asyncpg's words.

Projections know SQL but no driver, and neither adapters nor api: their caller hands in connections
that satisfy these.
"""

from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol


class Connection(Protocol):
    """One connection to Postgres. Every method may raise what its driver raises."""

    async def execute(self, query: str, *args: Any) -> str:
        """Run `query` and return its command tag, such as "UPDATE 1"."""

    async def fetch(self, query: str, *args: Any) -> list[Any]:
        """All rows; a row is read by column name."""

    async def fetchrow(self, query: str, *args: Any) -> Any:
        """The first row, or None."""

    async def fetchval(self, query: str, *args: Any) -> Any:
        """The first column of the first row, or None."""

    def transaction(self) -> AbstractAsyncContextManager[object]:
        """A transaction, or a savepoint inside one: committed at the end, rolled back by an
        exception."""


class Connections(Protocol):
    """A pool of them."""

    def acquire(self) -> AbstractAsyncContextManager[Connection]:
        """One of the pool's connections, given back at the end."""
