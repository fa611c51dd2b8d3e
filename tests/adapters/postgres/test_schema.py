"""The tables themselves: append-only, readable in SQL, safe whatever the server's settings are."""

from typing import Any
from uuid import UUID

import asyncpg
import psycopg
import pytest

from adapters.postgres.log.mapper import EventMapper
from adapters.postgres.store import open_store
from domain.events import CallClosed
from domain.ports import Append, Outcome
from tests.contracts.calls import Outcomes, append, event, new_call, segment


@pytest.fixture
async def filled(dsn: str) -> str:
    """A database with one call of one event and one segment of audio."""
    call = new_call()
    async with open_store(dsn) as store:
        assert await Outcomes(store.writer).of(append(call, 1, audio=[segment(call)])) == [Outcome.DURABLE]
    return dsn


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE call_events SET topic = 'other'",
        "DELETE FROM call_events",
        "TRUNCATE call_events",
        "UPDATE call_audio SET data = ''",
    ],
)
def test_facts_cannot_be_changed(filled: str, statement: str) -> None:
    """Not even by a superuser's slip."""
    with psycopg.connect(filled) as connection, pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
        connection.execute(statement)


def test_audio_can_be_deleted_to_keep_a_retention_period(filled: str) -> None:
    """The events stay, with the hash of what was removed."""
    with psycopg.connect(filled) as connection:
        assert connection.execute("DELETE FROM call_audio").rowcount == 1


def test_flac_is_not_compressed_again(dsn: str) -> None:
    """`data` is stored EXTERNAL."""
    with psycopg.connect(dsn) as connection:
        storage = connection.execute(
            "SELECT attstorage FROM pg_attribute WHERE attrelid = 'call_audio'::regclass AND attname = 'data'"
        ).fetchone()
    assert storage == ("e",)


async def test_the_view_shows_the_state_as_json(dsn: str) -> None:
    """Analysts select fields by name; a NUL in a text, legal in JSON, does not make the view
    unreadable."""
    call = new_call()
    closed = CallClosed(originator_id=call, originator_version=1, reason="hangup", detail="a\x00b", ignored={"x": 2})
    async with open_store(dsn) as store:
        await Outcomes(store.writer).of(Append(call, "acme", (EventMapper().to_stored_event(closed),)))
    with psycopg.connect(dsn) as connection:
        row = connection.execute(
            "SELECT id, call_id, version, topic, tenant, state->>'reason', state->>'detail',"
            " (state->'ignored'->>'x')::int, recorded_at <= now() FROM call_events_json"
        ).fetchone()
    assert row == (1, call, 1, "call.closed.v1", "acme", "hangup", "a\ufffdb", 2, True)


async def test_the_append_function_refuses_gaps_and_repetitions(dsn: str) -> None:
    """Given any caller, the log of a call has no holes."""
    call = new_call()
    connection = await asyncpg.connect(dsn)
    try:
        for versions in ([2], [1, 3], [1, 1], [1, 2, 4, 5]):
            with pytest.raises(asyncpg.IntegrityConstraintViolationError):
                await _append(connection, call, versions)
        assert [row[0] for row in await _append(connection, call, [1, 2])] == sorted(
            row[0] for row in await connection.fetch("SELECT notification_id FROM call_events")
        )
        await _append(connection, call, [3])
    finally:
        await connection.close()


async def test_an_append_is_flushed_to_disk_even_where_the_server_would_not(dsn: str) -> None:
    """`synchronous_commit = off` is overruled for the transaction that appends: acknowledged means
    durable."""
    connection = await asyncpg.connect(dsn, server_settings={"synchronous_commit": "off"})
    try:
        async with connection.transaction():
            await _append(connection, new_call(), [1])
            assert await connection.fetchval("SHOW synchronous_commit") == "on"
        assert await connection.fetchval("SHOW synchronous_commit") == "off"
    finally:
        await connection.close()


async def _append(connection: Any, call: UUID, versions: list[int]) -> Any:
    events = [event(call, version) for version in versions]
    return await connection.fetch(
        "SELECT * FROM call_append_events($1, $2, $3, $4, $5, $6)",
        [call] * len(events), versions, [item.topic for item in events], [item.state for item in events],
        [new_call() for _ in events], ["acme"] * len(events),
    )  # fmt: skip
