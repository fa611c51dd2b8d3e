"""The configured database, or the embedded one, ready to be used."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from adapters.postgres.embedded.server import EmbeddedPostgres
from adapters.postgres.migrate import upgrade
from api.background import running
from api.settings import Settings
from domain.errors import StoreError

_log = structlog.get_logger(__name__)
_TEND_EVERY_S = 1.0


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[str]:
    """The DSN of the configured database, or of the embedded one, migrated to the newest schema."""
    if settings.database_url:
        await asyncio.to_thread(upgrade, settings.database_url)
        yield settings.database_url
        return
    starting = asyncio.create_task(asyncio.to_thread(EmbeddedPostgres.start, settings.data_dir / "postgres"))
    try:
        embedded = await asyncio.shield(starting)
        await asyncio.to_thread(upgrade, embedded.dsn)
        async with running({"embedded Postgres": _tend(embedded)}):
            yield embedded.dsn
    finally:  # also when the stop comes while it starts: nothing else would stop it
        await asyncio.to_thread((await starting).stop)


async def _tend(embedded: EmbeddedPostgres) -> None:
    """Start our own database again whenever it has died: nobody else would."""
    while True:
        await asyncio.sleep(_TEND_EVERY_S)
        try:
            if await asyncio.to_thread(embedded.revive):
                _log.warning("embedded_postgres_restarted")
        except StoreError as error:
            _log.error("embedded_postgres_does_not_start", error=str(error))
