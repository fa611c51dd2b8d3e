"""Run by Alembic: find the database, take the lock that keeps concurrent starters apart, migrate.

The connection comes from `adapters.postgres.migrate`, or, under the `alembic` command, from
`DATABASE_URL`.
"""

import os

from alembic import context
from sqlalchemy import Connection

from adapters.postgres.migrate import connected, exclusively


def _run(connection: Connection) -> None:
    with exclusively(connection):
        context.configure(connection=connection, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()


def _main() -> None:
    given = context.config.attributes.get("connection")
    if given is not None:
        _run(given)
        return
    dsn = os.environ.get("DATABASE_URL")
    if not dsn:
        raise SystemExit("set DATABASE_URL to the database to migrate, or use `viva db upgrade`")
    with connected(dsn) as connection:
        _run(connection)


if context.is_offline_mode():
    raise SystemExit("offline migrations are not supported: run `alembic upgrade head` against the database")
_main()
