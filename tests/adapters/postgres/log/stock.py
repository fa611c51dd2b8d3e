"""eventsourcing's own Postgres module, pointed at our tables."""

from collections.abc import Iterator
from contextlib import contextmanager

from eventsourcing.postgres import PostgresFactory
from eventsourcing.utils import Environment
from psycopg.conninfo import conninfo_to_dict


@contextmanager
def stock_factory(dsn: str, *, create_table: bool = False) -> Iterator[PostgresFactory]:
    """The library's factory for an application named `call`."""
    parts = conninfo_to_dict(dsn)
    environment = Environment(
        "call",
        {
            "POSTGRES_DBNAME": str(parts["dbname"]),
            "POSTGRES_HOST": str(parts["host"]),
            "POSTGRES_PORT": str(parts.get("port", 5432)),
            "POSTGRES_USER": str(parts["user"]),
            "POSTGRES_PASSWORD": str(parts.get("password", "")),
            "CREATE_TABLE": "yes" if create_table else "no",
        },
    )
    with PostgresFactory(environment) as factory:
        yield factory
