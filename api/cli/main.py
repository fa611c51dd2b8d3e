"""`viva`: one command, and how its errors look: a sentence that says what to do, and exit code 1."""

import sys
from typing import NoReturn

import click

from adapters.gemini.rehearsal.command import main as rehearsal
from api.cli.call import call
from api.cli.database import db
from api.cli.demo import demo
from api.cli.rebuild import rebuild
from api.cli.replay import replay
from api.cli.serve import serve
from domain.errors import VivaError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="viva")
def viva() -> None:
    """The backend of an AI voice interviewer.

    Settings come from environment variables; docs/operations.md lists them all. Without DATABASE_URL an embedded
    Postgres in the data folder is used; without GEMINI_API_KEY, a rehearsal interviewer.
    """


for command in (serve, demo, call, replay, rehearsal, db, rebuild):
    viva.add_command(command)


def main() -> None:
    """The console script."""
    try:
        viva(prog_name="viva")
    except VivaError as error:
        _fail(str(error))
    except OSError as error:
        if error.filename is None:  # no file that somebody could mend
            raise
        _fail(f"{error.filename}: {error.strerror}. Mend that, or choose another place (VIVA_DATA_DIR for the data).")


def _fail(sentence: str) -> NoReturn:
    click.secho(f"viva: {sentence}", fg="red", err=True)
    sys.exit(1)
