"""Events that a projection could not take in, parked with the reason instead of skipped.

Once an event of a call is parked, so is everything the projection would have taken of that call
after it: rows never show a call with a hole in its middle. A rebuild empties the table for its
projection and tries them all again.
"""

from collections.abc import Iterable
from uuid import UUID

from domain.ports import Notification
from projections.connection import Connection

_REASON_LIMIT = 500
_POISON_CLASSES = ("22", "23")
"""Of SQLSTATE: data exceptions and integrity violations, which come back with the same data."""
_POISON_KINDS = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, AssertionError)
"""What code raises about the data before it. A driver's complaint about an argument is a
ValueError."""

_PARKED = "SELECT DISTINCT call_id FROM dead_letters WHERE projection = $1 AND call_id = ANY($2::uuid[])"
_PARK = """
INSERT INTO dead_letters (projection, notification_id, call_id, version, topic, reason)
VALUES ($1, $2, $3, $4, $5, $6)
"""
_FORGET = "DELETE FROM dead_letters WHERE projection = $1"

FOLLOWS = "an earlier event of this call is parked"
"""The reason of every further event of a parked call."""


def is_poison(error: Exception) -> bool:
    """Whether trying again would fail again, because it is about the event and not about the
    database."""
    sqlstate = getattr(error, "sqlstate", None)
    if sqlstate is not None:
        return str(sqlstate)[:2] in _POISON_CLASSES
    return isinstance(error, _POISON_KINDS)


def reason_of(error: Exception) -> str:
    """What to write down about `error`: kind and first line, without the rows that Postgres quotes
    in its details."""
    lines = str(error).splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}"[:_REASON_LIMIT].replace("\x00", "\ufffd")


async def parked_calls(connection: Connection, projection: str, calls: Iterable[UUID | str]) -> set[UUID | str]:
    """Those of `calls` of which `projection` has parked something."""
    rows = await connection.fetch(_PARKED, projection, list(calls))
    return {row["call_id"] for row in rows}


async def park(connection: Connection, projection: str, notification: Notification, reason: str) -> None:
    """Park one event."""
    await connection.execute(
        _PARK,
        projection,
        notification.id,
        notification.originator_id,
        notification.originator_version,
        notification.topic,
        reason,
    )


async def forget(connection: Connection, projection: str) -> None:
    """Empty the table for `projection`, which is about to read everything again."""
    await connection.execute(_FORGET, projection)
