"""`viva`: one command, and how its errors look: a sentence that says what to do, and exit code 1.

A subcommand's module is imported when it is asked for: the server's libraries take seconds, and
`viva call` needs none.
"""

import sys
from importlib import import_module
from typing import NoReturn

import click

from domain.errors import VivaError

_COMMANDS = {
    "serve": "api.cli.serve:serve",
    "demo": "api.cli.demo:demo",
    "call": "api.cli.call:call",
    "replay": "api.cli.replay:replay",
    "rehearsal": "adapters.rehearsal.command:main",
    "db": "api.cli.database:db",
    "rebuild": "api.cli.rebuild:rebuild",
}


class _Commands(click.Group):
    """Finds each subcommand in the module it is defined in."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, name = _COMMANDS[cmd_name].split(":")
        command: click.Command = getattr(import_module(module), name)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="viva")
def viva() -> None:
    """The backend of an AI voice interviewer.

    Settings come from environment variables; docs/operations.md lists them all. Without
    DATABASE_URL an embedded Postgres in the data folder is used; without GEMINI_API_KEY, a
    rehearsal interviewer.
    """


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
