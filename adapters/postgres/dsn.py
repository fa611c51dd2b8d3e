"""One spelling of a connection string, whatever tool it was written for.

`DATABASE_URL` is often written for SQLAlchemy (`postgresql+asyncpg://`) or in the short form
(`postgres://`). asyncpg and libpq take `postgresql://` only, so everything in this package passes
through here once.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from adapters.postgres.embedded.server import EmbeddedPostgres
from domain.errors import StoreError

_SCHEME = re.compile(r"^postgres(ql)?(\+\w+)?://")


def normalise(dsn: str) -> str:
    """`dsn` as a plain `postgresql://` URL. Raises `StoreError` if it is something else."""
    if not _SCHEME.match(dsn):
        raise StoreError("DATABASE_URL must look like postgresql://user:password@host:5432/database")
    return _SCHEME.sub("postgresql://", dsn)


def with_database(dsn: str, database: str) -> str:
    """The same server as `dsn`, another database."""
    return urlunsplit(urlsplit(normalise(dsn))._replace(path=f"/{database}"))


@contextmanager
def postgres_dsn(database_url: str | None, folder: Path) -> Iterator[str]:
    """The DSN to use: `database_url` if one is set, else that of an embedded server with its data
    in `folder`.

    Blocks while the embedded server starts and stops (up to a few seconds), so enter it before the
    event loop runs or in a thread.
    """
    if database_url:
        yield normalise(database_url)
        return
    server = EmbeddedPostgres.start(folder)
    try:
        yield server.dsn
    finally:
        server.stop()
