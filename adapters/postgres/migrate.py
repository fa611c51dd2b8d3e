"""Bring a database's tables up to date. Synchronous: called by the command line before anything
serves.

Safe under concurrent starters: the second one waits for a session lock in Postgres, then
finds nothing to do.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, create_engine, pool, text
from sqlalchemy.exc import DBAPIError

from adapters.postgres.dsn import normalise
from domain.errors import StoreError, StoreUnavailableError

_SCRIPTS = Path(__file__).parent / "migrations"
_LOCK = {"space": 0x76697661, "purpose": 2}
"""The advisory lock of migrations; the space spells "viva", purpose 1 is the append."""

_UNRELEASED = frozenset({"0001_event_store", "0002_projections", "0003_leases"})
"""Revisions that were never part of a release."""

_ONE_AT_A_TIME = Lock()
"""Alembic keeps its environment in module globals: threads of one process take turns."""


class UnreleasedDatabaseError(StoreError):
    """The database holds calls of a version that was never released, which nothing can read."""

    def __init__(self) -> None:
        super().__init__(
            "This database was made by an unreleased Viva (0.3.0-dev or older), whose events have other names: "
            "set DATABASE_URL to an empty database or, where it is unset, remove `postgres` from the data folder."
        )


def upgrade(dsn: str, revision: str = "head") -> None:
    """Migrate the database at `dsn` up to `revision`; does nothing if it is there already.

    Raises `StoreUnavailableError` if the database cannot be reached, `StoreError` if it refuses
    what a migration does or was migrated by a newer version of Viva, and its subclass
    `UnreleasedDatabaseError`.
    """
    with _ONE_AT_A_TIME, connected(dsn) as connection:
        _current_heads(connection)
        try:
            command.upgrade(alembic_config(connection), revision)
        except DBAPIError as error:
            raise StoreError(
                f"The database cannot be migrated: {_first_line(error)}. Give the user of DATABASE_URL the right "
                "to create tables there, or run `viva db upgrade` as one who has it."
            ) from error
        except CommandError as error:
            raise StoreError(
                f"The database cannot be migrated: {error}. If a newer version of Viva was here, run that one."
            ) from error


def pending(dsn: str) -> list[str]:
    """The revisions that `upgrade` would apply, oldest first. Raises `UnreleasedDatabaseError`."""
    scripts = ScriptDirectory(str(_SCRIPTS))
    with connected(dsn) as connection:
        current = _current_heads(connection)
    revisions = [script.revision for script in scripts.iterate_revisions("head", "base")]
    done = {ancestor.revision for head in current for ancestor in scripts.iterate_revisions(head, "base")}
    return [revision for revision in reversed(revisions) if revision not in done]


def _current_heads(connection: Connection) -> tuple[str, ...]:
    """The revisions that the database has. Raises `UnreleasedDatabaseError`."""
    heads = MigrationContext.configure(connection).get_current_heads()
    connection.rollback()  # ends the transaction that the question has begun
    if _UNRELEASED.intersection(heads):
        raise UnreleasedDatabaseError
    return heads


@contextmanager
def connected(dsn: str) -> Iterator[Connection]:
    """A SQLAlchemy connection through psycopg, closed afterwards."""
    conninfo = normalise(dsn)
    engine = create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(conninfo, connect_timeout=10, application_name="viva-migrate"),
        poolclass=pool.NullPool,
    )
    try:
        connection = engine.connect()
    except DBAPIError as error:  # SQLAlchemy wraps what the driver raises
        raise StoreUnavailableError(
            f"Postgres cannot be reached: {_first_line(error)}. Start it, create the database, or correct DATABASE_URL."
        ) from error
    with connection:
        yield connection


@contextmanager
def exclusively(connection: Connection) -> Iterator[None]:
    """Hold the migrations' lock: of the session, because a migration may commit in between."""
    connection.execute(text("SELECT pg_advisory_lock(:space, :purpose)"), _LOCK)
    connection.commit()
    try:
        yield
    finally:
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_unlock(:space, :purpose)"), _LOCK)
        connection.commit()


def _first_line(error: DBAPIError) -> str:
    """What the driver said, without SQLAlchemy's prefix, the statement and the hints."""
    return str(error.orig).partition("\n")[0].rstrip(".")


def alembic_config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
