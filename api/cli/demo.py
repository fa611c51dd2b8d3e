"""`viva demo`: a whole interview with a recorded human candidate, without a browser or a
microphone."""

import asyncio
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import httpx
from rich.console import Console
from rich.table import Table

from api import logs
from api.cli.loop import run, settings_and_logs
from api.cli.screenplay import RecordingError, Stage, read_recording
from api.client import VivaClient, open_call
from api.serve import serve
from api.services import Services
from api.settings import Settings
from domain.errors import VivaError

RECORDINGS = Path(__file__).parents[2] / "tests" / "data" / "candidate"
_CONTEXT = {
    "role": "Field recordist",
    "questions": [
        "Could you tell me what you are recording here?",
        "What is different about your voice today, and what would you do about it in a long recording session?",
        "What would you say to somebody who records for the first time?",
    ],
}
_INTO_THE_QUESTION_S = 1.2
_THINKING_S = 0.6
_GOODBYE_WAIT_S = 30.0


class DemoError(VivaError):
    """The demo could not show what it promises."""


@click.command()
@click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Data folder (VIVA_DATA_DIR; data).")
def demo(data_dir: Path | None) -> None:
    """Place a call with a recorded candidate, who interrupts once and says "uh-huh" once; print
    what happens.

    Starts the server, the database and the rehearsal interviewer for as long as the call lasts. The
    call stays in the database.
    """
    settings = settings_and_logs()
    logs.configure(settings.log_format, level=30)
    if not RECORDINGS.is_dir():
        raise RecordingError("The demo's recordings are not here: run it in a checkout of the project (make demo).")
    settings = replace(
        settings, port=0, data_dir=data_dir or settings.data_dir, recordings=(RECORDINGS, *settings.recordings)
    )
    run(_demo(settings))


async def _demo(settings: Settings) -> None:
    click.echo("Starting the database, the interviewer and the server ...")
    ready: asyncio.Future[tuple[str, Services]] = asyncio.get_running_loop().create_future()
    server = asyncio.create_task(serve(settings, lambda url, services: ready.set_result((url, services))))
    either: list[asyncio.Future[Any]] = [server, ready]
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    if server.done():
        if await server:
            raise DemoError("The server did not start: its log above says why.")
        return
    url, services = ready.result()
    try:
        await show(url, services)
    finally:
        os.kill(os.getpid(), signal.SIGTERM)  # the server's own way of stopping: drain, then close
        await server


async def show(url: str, services: Services) -> None:
    """Hold the interview at a server, and print what happens and how long it took."""
    call_id, ending = await _interview(url)
    await services.store.writer.flush()
    newest = await services.store.reader.max_notification_id() or 0
    for runner in services.runners:
        await runner.reached(newest)
    await _print_table(url, call_id)
    data_dir = services.settings.data_dir
    folder = "" if str(data_dir) == "data" else f"VIVA_DATA_DIR={data_dir} "
    click.echo(f"\nThe call is in the database. Replay it with:\n  {folder}{_viva()} replay {call_id}")
    if ending != "completed":
        raise DemoError(f"The interview did not come to its end ({ending}): replay it to see why.")


def _viva() -> str:
    return ".venv/bin/viva" if Path(".venv/bin/viva").exists() else "viva"


async def _interview(url: str) -> tuple[str, str]:
    """The whole call: three questions, an interruption over the second, and an "uh-huh" while it is
    asked again.

    Returns its id, and why it ended.
    """
    said = {path.stem: read_recording(path)[0] for path in RECORDINGS.glob("*.flac")}
    opened = await open_call(url, agent="interviewer", candidate={"name": "Michael"}, context=_CONTEXT)
    click.echo(f"Call {opened.call_id} on {url}\n")
    async with VivaClient(opened, name="viva demo") as client:
        stage = Stage(client, lambda head, text: click.echo(f"{head} {text}"))
        follower = asyncio.create_task(stage.follow())
        if await stage.question_heard(1):
            await _say(client, said["answer_1"])
        if await stage.interviewer_speaks(2, _INTO_THE_QUESTION_S):
            click.echo("            (the candidate interrupts)")
            await _say(client, said["interruption"], after_s=0)
        if await stage.interviewer_speaks(3, _INTO_THE_QUESTION_S):
            click.echo('            (the candidate says "uh-huh")')
            await _say(client, said["uh_huh"], after_s=0)
        if await stage.question_heard(3):
            await _say(client, said["answer_2"])
        if await stage.question_heard(4):
            await _say(client, said["answer_3"])
        await stage.until(lambda: client.closed is not None, _GOODBYE_WAIT_S)
        await follower
    return opened.call_id, str((client.closed or client.error or {}).get("reason", "the connection was lost"))


async def _say(client: VivaClient, pcm: bytes, after_s: float = _THINKING_S) -> None:
    await asyncio.sleep(after_s)
    client.microphone.say(pcm)
    await client.microphone.spoken()


async def _print_table(url: str, call_id: str) -> None:
    async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
        latency: dict[str, Any] = (await http.get(f"/calls/{call_id}/latency")).json()
    table = Table(title="\nReplies, in ms", title_justify="left")
    columns = {
        "reply": "generation",
        "turn": "turn",
        "cause": "cause",
        "endpoint delay": "endpoint_delay_ms",
        "model first audio": "model_first_audio_ms",
        "playout": "playout_ms",
        "response latency": "response_latency_ms",
    }
    _fill(table, columns, latency["replies"])
    barge_ins = Table(title="\nBarge-ins, in ms", title_justify="left")
    columns = {
        "reply": "generation",
        "outcome": "outcome",
        "reason": "reason",
        "hold latency": "hold_latency_ms",
        "yield latency": "yield_latency_ms",
        "held time": "held_time_ms",
    }
    _fill(barge_ins, columns, latency["barge_ins"])
    console = Console(width=110)
    console.print(table, barge_ins)


def _fill(table: Table, columns: dict[str, str], rows: list[dict[str, Any]]) -> None:
    for title in columns:
        table.add_column(title, justify="right")
    for row in rows:
        table.add_row(*(_cell(row[name]) for name in columns.values()))


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.0f}" if isinstance(value, float) else str(value)
