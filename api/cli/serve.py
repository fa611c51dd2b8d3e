"""`viva serve`: the server, with what it needs started for it."""

import sys
from dataclasses import replace
from pathlib import Path

import click

from api.cli.loop import run, settings_and_logs
from api.serve import serve as serve_until_stopped
from api.services import Services
from domain.errors import VivaError


@click.command()
@click.option("--host", help="Address to listen on (VIVA_HOST; 127.0.0.1).")
@click.option("--port", type=click.IntRange(0, 65_535), help="Port (VIVA_PORT; 8000); 0 takes a free one.")
@click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Data folder (VIVA_DATA_DIR; data).")
@click.option(
    "--recordings",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    multiple=True,
    help="Folder of recordings that the rehearsal interviewer knows the words of (VIVA_RECORDINGS); may be repeated.",
)
def serve(host: str | None, port: int | None, data_dir: Path | None, recordings: tuple[Path, ...]) -> None:
    """Serve interviews until asked to stop."""
    settings = settings_and_logs()
    chosen = {"host": host, "port": port, "data_dir": data_dir, "recordings": recordings or None}
    settings = replace(settings, **{name: value for name, value in chosen.items() if value is not None})  # type: ignore[arg-type]
    click.echo("Viva is starting ...")
    code = run(serve_until_stopped(settings, _say_ready))
    if code:
        raise VivaError(f"The server did not start on {settings.host}:{settings.port}: see above, or choose --port.")
    click.echo("Viva has stopped.")
    sys.exit(code)


def _say_ready(url: str, services: Services) -> None:
    settings = services.settings
    database = "DATABASE_URL" if settings.database_url else f"embedded Postgres in {settings.data_dir / 'postgres'}"
    interviewer = (
        "rehearsal interviewer (set GEMINI_API_KEY for the real Gemini)"
        if services.rehearsing
        else f"Gemini ({services.gemini.base_url or services.gemini.service})"
    )
    click.echo(f"  interview    {url}")
    click.echo(f"  api          {url}/schema")
    click.echo(f"  interviewer  {interviewer}")
    click.echo(f"  database     {database}")
    click.echo("  stop         Ctrl-C")
