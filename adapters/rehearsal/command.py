"""The rehearsal interviewer as a process of its own."""

import asyncio
import json
import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

import click

from adapters.rehearsal.config import RehearsalConfig
from adapters.rehearsal.faults import Fault
from adapters.rehearsal.server import RehearsalServer
from domain.errors import PeerError, VivaError

_DEFAULTS = RehearsalConfig()
_FOLDER = click.Path(path_type=Path, file_okay=False)


class _FaultParam(click.ParamType[Fault]):
    name = "fault"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Fault:
        if isinstance(value, Fault):
            return value
        try:
            return Fault.parse(str(value))
        except (PeerError, ValueError) as error:
            self.fail(str(error), param, ctx)


@click.command(name="rehearsal")
@click.option("--host", default=_DEFAULTS.host, show_default=True, help="Address to listen on.")
@click.option("--port", default=0, help="Port for plain websockets; 0 takes a free one.")
@click.option("--tls-port", default=0, help="Port for TLS; 0 takes a free one.")
@click.option("--no-tls", is_flag=True, help="Serve plain websockets only.")
@click.option("--data-dir", type=_FOLDER, default=None, help="Where the certificate authority is kept.")
@click.option("--recordings", type=_FOLDER, multiple=True, help="Folder of recordings to recognise; may be repeated.")
@click.option(
    "--model", "models", multiple=True, help="A model that exists instead of the known ones; may be repeated."
)
@click.option("--thinking-ms", default=_DEFAULTS.thinking_ms, show_default=True, help="Silence before an answer.")
@click.option(
    "--speed", default=_DEFAULTS.speed, show_default=True, help="Audio is sent this much faster than real time."
)
@click.option("--chunk-ms", default=_DEFAULTS.chunk_ms, show_default=True, help="Audio in one message.")
@click.option(
    "--interim-ms", default=_DEFAULTS.interim_ms, show_default=True, help="Delay of words sent during speech; 0: none."
)
@click.option("--lifetime-ms", default=_DEFAULTS.lifetime_ms, show_default=True, help="Life of a connection.")
@click.option("--go-away-ms", default=_DEFAULTS.go_away_ms, show_default=True, help="Its notice before the end.")
@click.option("--words-per-minute", default=_DEFAULTS.words_per_minute, show_default=True, help="Pace of the voice.")
@click.option("--recorded-voice", is_flag=True, help="Use the recorded prompts even where eSpeak NG is installed.")
@click.option("--fault", "faults", type=_FaultParam(), multiple=True, help="A fault to make: 'drop at=reply nth=2'.")
@click.option("--control", is_flag=True, help="Take commands at /control: faults while it runs.")
@click.option("--session-logs", type=_FOLDER, default=None, help="Folder to write each session down in, as it happens.")
@click.option("--json", "as_json", is_flag=True, help="Print the addresses as one JSON line.")
@click.option("--exit-with-parent", is_flag=True, help="End when standard input is closed.")
def main(no_tls: bool, as_json: bool, exit_with_parent: bool, tls_port: int, **options: object) -> None:
    """Serve a local interviewer that speaks Gemini Live's wire protocol."""
    options["recordings"] = tuple(options["recordings"])  # type: ignore[arg-type]
    options["models"] = options["models"] or _DEFAULTS.models
    config = RehearsalConfig(tls_port=None if no_tls else tls_port, keep_bytes=0, **options)  # type: ignore[arg-type]
    try:
        asyncio.run(_serve(config, as_json=as_json, exit_with_parent=exit_with_parent))
    except OSError as error:  # an address in use, a folder that cannot be written
        raise click.ClickException(f"{error}. Choose another --port, --tls-port, --host or --data-dir.") from error
    except VivaError as error:
        raise click.ClickException(str(error)) from error


async def _serve(config: RehearsalConfig, *, as_json: bool, exit_with_parent: bool) -> None:
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, done.set)
    async with RehearsalServer(config) as server:
        _announce(server, as_json=as_json)
        if exit_with_parent:
            threading.Thread(target=_watch_stdin, args=(loop, done), daemon=True).start()
        await done.wait()


def _announce(server: RehearsalServer, *, as_json: bool) -> None:
    addresses = {"ws": server.ws_url, "wss": server.wss_url, "ca_file": str(server.ca_file or "")}
    if as_json:
        click.echo(json.dumps(addresses))
    else:
        click.echo(f"Rehearsal interviewer at {server.ws_url}")
        if server.wss_url:
            click.echo(f"Rehearsal interviewer at {server.wss_url} (trust {server.ca_file})")
    sys.stdout.flush()


def _watch_stdin(loop: asyncio.AbstractEventLoop, done: asyncio.Event) -> None:
    """Set `done` when standard input is at its end, which is how a parent's death shows; blocks a
    thread until then."""
    while os.read(0, 4096):
        pass
    with suppress(RuntimeError):  # the loop may have ended by itself
        loop.call_soon_threadsafe(done.set)
