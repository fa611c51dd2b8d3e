"""Migrations: from nothing, twice, by several at once, and back."""

import asyncio
import sys
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from psycopg import sql

from adapters.postgres.migrate import UnreleasedDatabaseError, pending, upgrade
from domain.errors import StoreError, StoreUnavailableError

ROOT = Path(__file__).parents[3]


def _relations(dsn: str) -> set[str]:
    with psycopg.connect(dsn) as connection:
        rows = connection.execute("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace")
        return {row[0] for row in rows}


def test_upgrading_an_empty_database_makes_the_tables_and_leaves_nothing_pending(empty_dsn: str) -> None:
    """Every revision is pending on an empty database and none after the upgrade."""
    assert pending(empty_dsn) == ["event_store_1", "projections_1", "leases_1"]
    upgrade(empty_dsn)
    assert pending(empty_dsn) == []
    assert {"call_events", "call_events_notification_id_idx", "call_audio", "call_tracking"} <= _relations(empty_dsn)


def test_upgrading_twice_changes_nothing(dsn: str) -> None:
    """The second upgrade of a database is a no-op."""
    before = _relations(dsn)
    upgrade(dsn)
    assert _relations(dsn) == before


async def test_several_processes_at_once_migrate_once(empty_dsn: str) -> None:
    """Processes that start together wait for the first one instead of failing on tables that
    exist."""
    code = "import sys; from adapters.postgres.migrate import upgrade; upgrade(sys.argv[1])"
    starters = [await asyncio.create_subprocess_exec(sys.executable, "-c", code, empty_dsn, cwd=ROOT) for _ in range(3)]
    assert await asyncio.gather(*(starter.wait() for starter in starters)) == [0, 0, 0]
    assert pending(empty_dsn) == []


async def test_threads_of_one_process_take_turns(empty_dsn: str) -> None:
    """Alembic is not safe for threads; `upgrade` is."""
    await asyncio.gather(*(asyncio.to_thread(upgrade, empty_dsn) for _ in range(3)))
    assert pending(empty_dsn) == []


def test_the_alembic_command_reads_database_url(empty_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`alembic upgrade` from the root of the repository does what `viva db upgrade` does, and can
    go back."""
    monkeypatch.setenv("DATABASE_URL", empty_dsn.replace("postgresql://", "postgresql+asyncpg://"))
    config = Config(str(ROOT / "alembic.ini"))
    command.upgrade(config, "head")
    assert "call_events" in _relations(empty_dsn)
    command.downgrade(config, "base")
    assert _relations(empty_dsn) <= {"alembic_version", "alembic_version_pkc"}


@pytest.mark.parametrize("dsn", ["postgresql://viva@127.0.0.1:9/viva", "postgresql://viva@127.0.0.1:nine/viva"])
def test_a_database_that_is_not_there_is_said_in_a_sentence(dsn: str) -> None:
    """Given nobody who listens, or no port at all, the error names the setting and holds no
    statement."""
    with pytest.raises(StoreUnavailableError, match=r"^Postgres cannot be reached: .*correct DATABASE_URL\.$"):
        upgrade(dsn)


def test_a_user_who_may_not_create_tables_learns_what_is_missing(empty_dsn: str) -> None:
    """Given a database that refuses to be written, the error says so and what to do."""
    with psycopg.connect(empty_dsn, autocommit=True) as connection:
        connection.execute(
            sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(
                sql.Identifier(connection.info.dbname)
            )
        )
    with pytest.raises(StoreError, match=r"cannot be migrated: .*read-only transaction.*viva db upgrade"):
        upgrade(empty_dsn)


@pytest.mark.parametrize("revision", ["0001_event_store", "0002_projections", "0003_leases"])
def test_a_database_of_an_unreleased_version_is_refused(dsn: str, revision: str) -> None:
    """Given a database that a development version made, nothing in it is touched, and the error says
    what to do."""
    with psycopg.connect(dsn) as connection:
        connection.execute("UPDATE alembic_version SET version_num = %s", (revision,))
    for act in (upgrade, pending):
        with pytest.raises(
            UnreleasedDatabaseError, match=r"unreleased Viva \(0\.3\.0-dev or older\).*set DATABASE_URL to an empty"
        ):
            act(dsn)
    with psycopg.connect(dsn) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(revision,)]


def test_a_database_of_a_newer_version_is_left_alone(dsn: str) -> None:
    """Given a revision that this version does not know, the error says which version to run."""
    with psycopg.connect(dsn) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999_later'")
    with pytest.raises(StoreError, match=r"9999_later.*newer version"):
        upgrade(dsn)
