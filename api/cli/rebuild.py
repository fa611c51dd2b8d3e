"""`viva rebuild`: the read models, made anew from the log."""

import click
from rich.progress import Progress as Bars

from adapters.postgres.store import open_store
from api.cli.loop import run, settings_and_logs
from api.database import open_database
from projections.catalogue import READ_MODELS
from projections.rebuild import Progress
from projections.rebuild import rebuild as rebuild_from_log


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(sorted(READ_MODELS)))
def rebuild(names: tuple[str, ...]) -> None:
    """Recreate the projections NAMES (all, if none is named) from the event log."""
    settings = settings_and_logs()

    async def work() -> None:
        async with open_database(settings) as dsn, open_store(dsn) as store:
            with Bars(transient=True) as bars:
                tasks = {name: bars.add_task(name, total=None) for name in names or READ_MODELS}

                def show(progress: Progress) -> None:
                    bars.update(tasks[progress.name], completed=progress.checkpoint, total=progress.newest)

                async with store.pool.acquire() as connection:
                    await rebuild_from_log(connection, store.reader, store.mapper.to_event, names, show)
        click.echo(f"Rebuilt: {', '.join(names or READ_MODELS)}.")

    run(work())
