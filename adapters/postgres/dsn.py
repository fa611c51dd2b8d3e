"""One spelling of a connection string, whatever tool it was written for.

`DATABASE_URL` is often written for SQLAlchemy (`postgresql+asyncpg://`) or in the short form
(`postgres://`). asyncpg and libpq take `postgresql://` only, so everything in this package passes
through here once.
"""

import re

from domain.errors import StoreError

_SCHEME = re.compile(r"^postgres(ql)?(\+\w+)?://")


def normalise(dsn: str) -> str:
    """`dsn` as a plain `postgresql://` URL. Raises `StoreError` if it is something else."""
    if not _SCHEME.match(dsn):
        raise StoreError("DATABASE_URL must look like postgresql://user:password@host:5432/database")
    return _SCHEME.sub("postgresql://", dsn)
