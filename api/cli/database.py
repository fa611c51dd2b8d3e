"""`viva db`: the schema."""

import click

from api.cli.loop import run, settings_and_logs
from api.database import open_database


@click.group()
def db() -> None:
    """Look after the database."""


@db.command()
def upgrade() -> None:
    """Bring the database to the newest schema. Safe to run again, and by several processes at once."""
    settings = settings_and_logs()

    async def work() -> None:
        async with open_database(settings):
            click.echo("The database has the newest schema.")

    run(work())
