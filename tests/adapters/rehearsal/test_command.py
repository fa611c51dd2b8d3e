"""The rehearsal as a process of its own: what it prints, how it ends, and whom its clients may
trust."""

import asyncio
import base64
import json
import signal
import ssl
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

from adapters.rehearsal.certificates import ca_file, server_context
from tests.adapters.rehearsal.dialogue import CANDIDATE, recording
from tests.adapters.rehearsal.exchange import KEY, STUDIO, exchange, setup

REPOSITORY = Path(__file__).parents[3]


@asynccontextmanager
async def running(*options: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The command as a child process with a pipe for standard input; ended by its id."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "adapters.rehearsal", *options,
        cwd=REPOSITORY, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def first_line(process: asyncio.subprocess.Process) -> str:
    """The first line it prints."""
    assert process.stdout is not None
    return (await process.stdout.readline()).decode()


async def test_it_prints_its_addresses_as_json_and_serves_both(tmp_path: Path) -> None:
    """Given --json, when it listens, then one line says where, and plain and TLS clients are
    answered there."""
    options = ("--json", "--data-dir", str(tmp_path), "--recordings", str(CANDIDATE), "--thinking-ms", "5")
    async with running(*options, "--speed", "1000") as process:
        where = json.loads(await first_line(process))
        trusting = ssl.create_default_context(cafile=where["ca_file"])
        for url, context in ((where["ws"], None), (where["wss"], trusting)):
            async with connect(url + STUDIO, additional_headers=KEY, ssl=context) as socket:
                assert (await exchange(socket, setup(), binary=False))[0].keys() == {"setupComplete"}


async def test_it_recognises_the_recordings_it_was_given(tmp_path: Path) -> None:
    """Given --recordings, when one of them is heard, then its words are transcribed."""
    heard = {"audio": {"data": base64.b64encode(recording("answer_1")).decode(), "mimeType": "audio/pcm;rate=16000"}}
    manual = {"automaticActivityDetection": {"disabled": True}}
    async with running("--json", "--no-tls", "--recordings", str(CANDIDATE)) as process:
        where = json.loads(await first_line(process))
        async with connect(where["ws"] + STUDIO, additional_headers=KEY) as socket:
            await socket.send(json.dumps(setup(inputAudioTranscription={}, realtimeInputConfig=manual)))
            messages: list[dict[str, Any]] = [{"activityStart": {}}, heard, {"activityEnd": {}}]
            for message in messages:
                await socket.send(json.dumps({"realtimeInput": message}))
            words = ""
            while not words:
                words = (
                    json.loads(await socket.recv()).get("serverContent", {}).get("inputTranscription", {}).get("text")
                )

    assert words == (CANDIDATE / "answer_1.txt").read_text().strip()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_ends_cleanly_on_a_signal(number: signal.Signals, tmp_path: Path) -> None:
    """Given it runs, when it gets a signal to end, then it ends without an error."""
    async with running("--data-dir", str(tmp_path)) as process:
        assert "ws://127.0.0.1:" in await first_line(process)
        process.send_signal(number)
        assert await process.wait() == 0


async def test_it_ends_with_its_parent_where_that_was_asked(tmp_path: Path) -> None:
    """Given --exit-with-parent, when standard input closes, then it ends."""
    async with running("--no-tls", "--exit-with-parent") as process:
        await first_line(process)
        assert process.stdin is not None
        process.stdin.close()
        assert await process.wait() == 0


async def test_it_ends_at_once_where_there_is_no_parent_to_wait_for() -> None:
    """Given --exit-with-parent, when standard input is empty from the start, then it listens, says
    so and ends."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "adapters.rehearsal", "--no-tls", "--exit-with-parent",
        cwd=REPOSITORY, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await process.communicate()

    assert (process.returncode, out.decode().startswith("Rehearsal interviewer at ws://")) == (0, True)


def test_the_authority_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    """Given a data folder, when the server starts twice, then the authority is the same and
    private."""
    server_context(tmp_path)
    first = ca_file(tmp_path).read_bytes()
    server_context(tmp_path)

    assert ca_file(tmp_path).read_bytes() == first
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


@pytest.mark.parametrize("options", [("--port", "{taken}"), ("--recordings", "nowhere")])
async def test_what_cannot_start_says_so_in_a_sentence(options: tuple[str, ...]) -> None:
    """Given a port in use or a folder that is not there, the error names it, and the exit code is
    1."""
    taken = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    async with taken:
        port = str(taken.sockets[0].getsockname()[1])
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "adapters.rehearsal", *(option.format(taken=port) for option in options),
            cwd=REPOSITORY, stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _, errors = await process.communicate()
    assert process.returncode == 1
    assert (port if "--port" in options else "nowhere") in errors.decode()
    assert "Traceback" not in errors.decode()
