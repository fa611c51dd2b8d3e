"""The views: documented, and what they say about the projections themselves."""

import re
from datetime import UTC, datetime
from pathlib import Path

from adapters.postgres.migrate import upgrade
from adapters.postgres.store import PostgresStore
from tests.projections.conftest import catch_up
from tests.projections.story import Story, append, broken, interview

ROOT = Path(__file__).parents[2]

VIEWS = {
    "viva_calls", "viva_transcript", "viva_latency", "viva_barge_ins", "viva_latency_summary", "viva_token_usage",
    "viva_projections",
}  # fmt: skip


async def test_every_view_says_what_it_is(store: PostgresStore) -> None:
    """Each view has a comment, and so has each column whose name is not plain."""
    rows = await store.pool.fetch("""
        SELECT c.relname, obj_description(c.oid) AS about, count(col_description(c.oid, a.attnum)) AS columns
        FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
        WHERE c.relkind = 'v' AND c.relname LIKE 'viva\\_%' GROUP BY c.oid
    """)
    assert {row["relname"] for row in rows} == VIEWS
    assert all(row["about"] and row["columns"] >= 2 for row in rows)


async def test_the_projections_view_counts_dead_letters(store: PostgresStore) -> None:
    """Given a poison event, the projection that parked it shows one, and is not behind."""
    story = await Story().opened().connected().record(store)
    await append(store, story.call_id, "acme", [broken(story)])
    await catch_up(store)
    rows = await store.pool.fetch("SELECT name, lag_notifications, dead_letters FROM viva_projections ORDER BY name")
    assert list(map(tuple, rows)) == [("calls", 0, 1), ("latency", 0, 0), ("transcript", 0, 1)]


def test_the_migration_can_be_reverted(empty_dsn: str) -> None:
    """Given a migrated database, the projections' tables can be removed and made again."""
    from alembic import command

    from adapters.postgres import migrate

    upgrade(empty_dsn)
    with migrate.connected(empty_dsn) as connection:
        command.downgrade(migrate.alembic_config(connection), "event_store_1")
    assert migrate.pending(empty_dsn)[0] == "projections_1"
    upgrade(empty_dsn)
    assert migrate.pending(empty_dsn) == []


async def test_the_documented_queries_answer(store: PostgresStore) -> None:
    """Given an interview of today, every query of docs/projections.md runs, and those about calls
    find it."""
    await interview(opened_at=datetime.now(UTC).isoformat()).record(store)
    await catch_up(store)
    queries = re.findall(r"```sql\n(.*?)```", (ROOT / "docs" / "projections.md").read_text(encoding="utf-8"), re.DOTALL)
    found = [[dict(row) for row in await store.pool.fetch(query)] for query in queries]
    assert [len(rows) for rows in found] == [0, 1, 1, 1]
    assert (found[3][0]["heard_before"], found[3][0]["interrupted_with"]) == ("I see. And", "Nothing.")
