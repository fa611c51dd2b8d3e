"""Which failures of Postgres pass by themselves, and which come back with the same data."""

import asyncpg

UNREACHABLE = (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""Raised by asyncpg when there is no connection, or no more."""

UNAVAILABLE = (*UNREACHABLE, asyncpg.PostgresError)
"""Everything that may pass: the server is away, full, read-only, not migrated yet."""

CONFLICT_STATES = frozenset({"23000", "23505"})
"""SQLSTATEs of an append that does not continue its call, and of one whose version is taken."""

UNFIT = (
    asyncpg.DataError,
    asyncpg.CheckViolationError,
    asyncpg.NotNullViolationError,
    asyncpg.ProgramLimitExceededError,
    UnicodeEncodeError,
)
"""The data itself cannot be stored; trying again would fail again. Catch it before `UNAVAILABLE`."""
