"""`viva call`: hold a call with recorded answers against any running server."""

import asyncio
import json
from pathlib import Path

import click
import numpy as np
import soundfile

from api.cli.loop import run
from api.cli.screenplay import RecordingError, Stage, check_output, read_recording
from api.client import CallEndedError, OpenedCall, VivaClient, open_call

_REPLY_WAIT_S = 60.0
_IN_ORDER = ("completed", "hangup_by_candidate")
_QUESTIONS = ("Tell me about yourself.", "What was your hardest problem?", "What do you want to learn next?")


@click.command()
@click.argument("audio", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--server", default="http://127.0.0.1:8000", show_default=True, help="Base URL of a running server.")
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write what was heard here (WAV, FLAC)."
)
@click.option("--agent", default="interviewer", show_default=True, help="The interviewer.")
@click.option("--name", default="Ada Example", show_default=True, help="The candidate's name.")
@click.option("--role", default="Software engineer", show_default=True, help="The position.")
@click.option("--question", "questions", multiple=True, help="A question; may be repeated. Three are asked otherwise.")
@click.option("--language", default="en-US", show_default=True, help="BCP 47 tag.")
@click.option("--json", "as_json", is_flag=True, help="Print every message of the server as a JSON line.")
def call(
    audio: tuple[Path, ...],
    server: str,
    output: Path | None,
    agent: str,
    name: str,
    role: str,
    questions: tuple[str, ...],
    language: str,
    as_json: bool,
) -> None:
    """Place a call: each AUDIO file answers one question, in real time. Hangs up after the last
    reply."""
    if output is not None:
        check_output(output)
    recordings = [read_recording(path) for path in audio]
    rates = {rate_hz for _, rate_hz in recordings}
    if len(rates) > 1:
        raise RecordingError(f"The files have different rates ({sorted(rates)} Hz): convert them to one.")
    context = {"role": role, "questions": questions or _QUESTIONS, "language": language}

    async def work() -> None:
        opened = await open_call(server, agent=agent, candidate={"name": name}, context=context)
        heard, ending = await _hold(opened, [pcm for pcm, _ in recordings], rates.pop(), as_json)
        if output is not None:
            soundfile.write(output, np.frombuffer(heard, "<i2"), 24_000)
        if not as_json:
            click.echo(f"call {opened.call_id}; replay it with: viva replay {opened.call_id}")
        if ending not in _IN_ORDER:
            raise CallEndedError("ended", f"The call was not held to its end ({ending}): replay it to see why.")

    run(work())


async def _hold(opened: OpenedCall, answers: list[bytes], rate_hz: int, as_json: bool) -> tuple[bytes, str]:
    """Answer question after question; what was heard, as PCM16 at 24 kHz, and why the call ended."""
    async with VivaClient(opened, rate_hz=rate_hz, name="viva call") as client:
        stage = Stage(client, lambda head, text: None if as_json else click.echo(f"{head} {text}"))
        follower = asyncio.create_task(_print_json(client, stage) if as_json else stage.follow())
        for number, answer in enumerate(answers, start=1):
            if not await stage.question_heard(number, _REPLY_WAIT_S):
                break
            client.microphone.say(answer)
            await client.microphone.spoken()
        await stage.question_heard(len(answers) + 1, _REPLY_WAIT_S)
        client.hangup("no more recordings")
        await follower
    ending = client.closed["reason"] if client.closed else (client.error or {}).get("code", "connection lost")
    return bytes(client.loudspeaker.heard), ending


async def _print_json(client: VivaClient, stage: Stage) -> None:
    async for message in client.messages():
        stage.take(message)
        if message["type"] == "lost":
            break
        click.echo(json.dumps({name: value for name, value in message.items() if name != "token"}))
    stage.over()
