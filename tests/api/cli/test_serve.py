"""`viva serve` as an operator runs it: stopped in order, killed, and started again."""

import asyncio
import json
import signal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from adapters.postgres.store import open_store
from api.client import VivaClient, open_call
from api.database import open_database
from api.settings import Settings
from domain.events import CandidateAudioRecorded
from domain.ports import Side
from tests.api.candidate import in_call, recording
from tests.api.cli.process import CALL, embedded_postgres, gone, serving, viva, viva_here

pytestmark = pytest.mark.timeout(150)


async def test_a_server_that_is_stopped_and_one_that_is_killed(server_folder: Path) -> None:
    """Given SIGTERM, the client is told to move and nothing runs on; given SIGKILL, no acknowledged
    audio is lost."""
    await _stopped(server_folder)
    await _killed(server_folder)


async def _stopped(data_dir: Path) -> None:
    secret = "hush-" * 10
    async with serving(data_dir, VIVA_SECRET=secret) as server:
        family = [*server.family, embedded_postgres(data_dir)]
        assert len(family) >= 2  # the rehearsal interviewer among them
        opened = await open_call(server.url, **CALL)
        async with in_call(opened) as candidate:
            await candidate.hears(ms=100)
            server.process.send_signal(signal.SIGTERM)
            await candidate.until(lambda: bool(candidate.of("go_away")))
            assert candidate.of("go_away")[0]["reason"] == "moving"
            code, errors = await server.stopped()
            assert not candidate.of("closed")
    assert code == 0
    assert await gone(family) == []
    words = [message["text"] for message in candidate.of("transcript")]
    assert words
    lines = [json.loads(line) for line in errors.splitlines() if line.startswith("{")]
    assert {"call_entered", "call_left"} <= {line["event"] for line in lines}
    for hidden in (secret, opened.token, candidate.client.ready["token"], "Secretname", *words):
        assert hidden.strip() not in errors


async def _killed(data_dir: Path) -> None:
    async with serving(data_dir) as server:
        rehearsal = [child for child in server.family if "rehearsal" in " ".join(child.cmdline())]
        assert rehearsal
        opened = await open_call(server.url, **CALL)
        client = VivaClient(opened)
        await client.__aenter__()
        client.microphone.say(recording("answer_3", 2.5))
        await client.until("ack")
        await client.microphone.spoken()
        await client.until("ack")
        acknowledged = client.microphone.next_seq - client.microphone.unacknowledged - 1
        sent = client.microphone.next_seq
        server.process.kill()
        await server.process.wait()
        client.hangup()
        await client.__aexit__(RuntimeError, None, None)
        assert await gone(rehearsal) == []
    assert 0 < acknowledged < sent
    async with serving(data_dir) as again:
        assert again.url
    stored = await _recorded_up_to(data_dir, opened.call_id)
    assert stored >= acknowledged


async def _recorded_up_to(data_dir: Path, call_id: str) -> int:
    """The newest of the client's messages whose audio the log holds."""
    async with open_database(Settings(data_dir=data_dir)) as dsn, open_store(dsn) as store:
        events = [store.mapper.to_event(event) for event in await store.reader.select_events(UUID(call_id))]
        pcm = sum(len(each.pcm) for each in await store.audio.select_audio(UUID(call_id), Side.CANDIDATE))
    seqs = [event.client_seq for event in events if isinstance(event, CandidateAudioRecorded)]
    assert pcm >= (seqs[-1] + 1) * 640
    return seqs[-1]


async def test_a_port_that_is_taken(server_folder: Path) -> None:
    """Given a port that something listens on, the command fails with a sentence, and nothing is
    left behind."""
    taken = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    async with taken:
        port = taken.sockets[0].getsockname()[1]
        code, _, errors = await viva(server_folder, "serve", "--port", str(port))
    assert code == 1
    assert str(port) in errors
    assert "Traceback" not in errors
    (library, ours) = errors.splitlines()
    assert json.loads(library)["logger"] == "uvicorn.error"
    assert ours.startswith("viva: ")


@pytest.mark.parametrize(
    ("name", "value"), [("VIVA_PORT", "many"), ("VIVA_AGENTS", "none.json"), ("VIVA_SECRET", "short")]
)
def test_a_setting_that_cannot_work(server_folder: Path, name: str, value: str) -> None:
    """Given a wrong variable, the server does not start: one sentence names it, and there is no
    traceback."""
    variables: dict[str, Any] = {name: value}
    code, _, errors = viva_here(server_folder, "serve", **variables)
    assert code == 1
    assert name in errors
    assert "Traceback" not in errors
