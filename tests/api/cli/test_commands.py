"""The other commands of `viva`; one of them as a process."""

import asyncio
import json
import os
import re
from pathlib import Path
from uuid import uuid4

import numpy as np
import psycopg
import pytest
import soundfile
from click.testing import CliRunner

from api.cli.main import viva as viva_group
from tests.api.cli.process import serving, viva, viva_here
from tests.fixtures.server import RECORDINGS

pytestmark = pytest.mark.timeout(150)

NAMES = ["serve", "demo", "call", "replay", "rehearsal", "db", "rebuild"]


async def test_the_command_itself(server_folder: Path) -> None:
    """Given --help, the installed command lists the others, and starts nothing."""
    code, out, _ = await viva(server_folder, "--help")
    assert code == 0
    assert all(name in out for name in NAMES)
    assert next(os.scandir(server_folder), None) is None


@pytest.mark.parametrize("name", NAMES)
def test_help(name: str) -> None:
    """Given --help, each command says what it does."""
    result = CliRunner().invoke(viva_group, [name, "--help"], prog_name="viva")
    assert result.exit_code == 0
    assert f"Usage: viva {name}" in result.output


async def test_placing_a_call_and_replaying_it(server_folder: Path) -> None:
    """Given a running server: a call writes what was heard; afterwards the log replays it, and can
    be rebuilt from."""
    heard = server_folder / "heard.wav"
    async with serving(server_folder / "data") as server:
        answer = str(RECORDINGS / "answer_3.flac")
        arguments = ["call", answer, "--server", server.url, "--output", str(heard), "--question", "Why?", "--json"]
        code, out, errors = await asyncio.to_thread(viva_here, server_folder, *arguments)
        assert code == 0, errors
    messages = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    assert messages[0]["type"] == "ready"
    assert messages[-1]["type"] == "closed"
    assert not any("token" in message for message in messages)
    wave, rate_hz = soundfile.read(heard, dtype="int16")
    assert rate_hz == 24_000
    assert np.abs(wave.astype(int)).max() > 1_000
    assert len(wave) > 3 * rate_hz
    data = server_folder / "data"
    code, out, errors = await asyncio.to_thread(viva_here, data, "replay", messages[0]["call_id"])
    assert code == 0, out + errors
    assert "decides the same again" in out
    # the decision, its rule, and last its evidence
    assert re.search(r"candidate_stopped +turn=1 .* reason=silence  rule=\w+  evidence={", out)
    code, out, _ = await asyncio.to_thread(viva_here, data, "replay", messages[0]["call_id"], "--json")
    report = json.loads(out)
    assert (code, report["state"], report["differences"]) == (0, "closed", [])
    code, _, errors = await asyncio.to_thread(viva_here, data, "replay", str(uuid4()))
    assert (code, "no call" in errors, "Traceback" in errors) == (1, True, False)
    code, out, errors = await asyncio.to_thread(viva_here, data, "rebuild")
    assert (code, "Rebuilt" in out) == (0, True), errors
    code, out, _ = await asyncio.to_thread(viva_here, data, "db", "upgrade")
    assert (code, "newest schema" in out) == (0, True)


@pytest.mark.parametrize(
    "command",
    [["serve", "--port", "0"], ["db", "upgrade"], ["rebuild"], ["replay", str(uuid4())]],
    ids=["serve", "db upgrade", "rebuild", "replay"],
)
def test_a_database_of_an_unreleased_version(server_folder: Path, dsn: str, command: list[str]) -> None:
    """Given a database that a development version made, each command that needs it says in one
    sentence what to do, and ends with 1."""
    with psycopg.connect(dsn) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0003_leases'")
    code, _, errors = viva_here(server_folder, *command, DATABASE_URL=dsn)
    (said,) = [line for line in errors.splitlines() if line.startswith("viva: ")]
    assert (code, "Traceback" in errors) == (1, False)
    assert said.startswith("viva: This database was made by an unreleased Viva (0.3.0-dev or older)")


def test_no_server(server_folder: Path) -> None:
    """Given nobody who listens, the call fails with a sentence that says what to start."""
    code, _, errors = viva_here(
        server_folder, "call", str(RECORDINGS / "uh_huh.flac"), "--server", "http://127.0.0.1:9"
    )
    assert code == 1
    assert "viva serve" in errors
    assert "Traceback" not in errors


async def test_another_server(server_folder: Path) -> None:
    """Given something else that listens there, the call fails with a sentence that questions the
    address."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 501 Not Implemented\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as other:
        url = f"http://127.0.0.1:{other.sockets[0].getsockname()[1]}"
        arguments = ["call", str(RECORDINGS / "uh_huh.flac"), "--server", url]
        code, _, errors = await asyncio.to_thread(viva_here, server_folder, *arguments)
    assert code == 1
    assert f"{url} is no Viva" in errors
    assert "Traceback" not in errors


def test_a_recording_that_is_none(server_folder: Path) -> None:
    """Given a file that is no audio, the error names it."""
    path = server_folder / "notes.txt"
    path.write_text("no sound")
    code, _, errors = viva_here(server_folder, "call", str(path))
    assert code == 1
    assert "notes.txt" in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize(("command", "path"), [("serve", "notes.txt"), ("db", "notes.txt/postgres")])
def test_a_data_folder_that_is_none(server_folder: Path, command: str, path: str) -> None:
    """Given a file where the data folder should be, the error names it and the setting."""
    (server_folder / "notes.txt").write_text("no folder")
    arguments = [command, "upgrade"] if command == "db" else [command, "--port", "0"]
    code, _, errors = viva_here(server_folder / "notes.txt", *arguments)
    assert code == 1
    assert str(server_folder / path) in errors
    assert "VIVA_DATA_DIR" in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize("output", ["heard.mp9", "nowhere/heard.wav"])
def test_an_output_that_cannot_be_written_is_refused_before_the_call(server_folder: Path, output: str) -> None:
    """Given no server and a bad --output, the error is about the output: nobody was called."""
    recording = str(RECORDINGS / "uh_huh.flac")
    arguments = ["call", recording, "--output", str(server_folder / output), "--server", "http://127.0.0.1:9"]
    code, _, errors = viva_here(server_folder, *arguments)
    assert code == 1
    assert output in errors
    assert "Traceback" not in errors
