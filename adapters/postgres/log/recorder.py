"""The SQL of appending, over one asyncpg connection. Every call here is one transaction, done or
not done.

The names are eventsourcing's, where it has one. The lock and the order of things are in the SQL
function, see migration 0001.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg

from adapters.postgres.log.audio_rows import AudioRow
from adapters.postgres.log.event_ids import IdentifiedEvent, event_id_of

_APPEND_EVENTS = "SELECT * FROM call_append_events($1, $2, $3, $4, $5, $6)"
_APPEND_AUDIO = "SELECT call_append_audio($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
_RECORDED = """
    SELECT c.originator_id, c.originator_version, c.event_id,
           CASE WHEN c.event_id IS NULL THEN c.topic END AS topic,
           CASE WHEN c.event_id IS NULL THEN c.state END AS state
    FROM unnest($1::uuid[], $2::bigint[]) AS asked (id, version)
    JOIN call_events AS c ON c.originator_id = asked.id AND c.originator_version = asked.version
"""


async def insert_events(
    connection: Any, events: Sequence[tuple[str, IdentifiedEvent]], audio: Sequence[AudioRow] = ()
) -> list[int]:
    """Record `events` (each with its tenant) and `audio`, all or nothing; the notification ids, in
    the same order.

    The audio is written first, so that the lock that serialises appends is not held for it. Raises
    `asyncpg.IntegrityConstraintViolationError` if a version is taken or would leave a gap.
    """
    if not audio:
        return await _append_events(connection, events)
    async with connection.transaction():
        columns = [[getattr(row, name) for row in audio] for name in AudioRow.__slots__]
        await connection.execute(_APPEND_AUDIO, *columns)
        return await _append_events(connection, events) if events else []


async def _append_events(connection: Any, events: Sequence[tuple[str, IdentifiedEvent]]) -> list[int]:
    rows = await connection.fetch(
        _APPEND_EVENTS,
        [event.stored.originator_id for _, event in events],
        [event.stored.originator_version for _, event in events],
        [event.stored.topic for _, event in events],
        [event.stored.state for _, event in events],
        [event.event_id for _, event in events],
        [tenant for tenant, _ in events],
    )
    return [row[0] for row in rows]


async def select_recorded(connection: Any, versions: set[tuple[UUID, int]]) -> dict[tuple[UUID, int], UUID]:
    """The event ids of those `versions` (by call) that are recorded.

    Rows of a writer that gives no ids, such as eventsourcing's own, get the id that ours would have
    given.
    """
    asked = sorted(versions)
    rows = await connection.fetch(_RECORDED, [call_id for call_id, _ in asked], [version for _, version in asked])
    return {_key(row): row["event_id"] or event_id_of(*_key(row), row["topic"], row["state"]) for row in rows}


def _key(row: asyncpg.Record) -> tuple[UUID, int]:
    return UUID(int=row["originator_id"].int), row["originator_version"]
