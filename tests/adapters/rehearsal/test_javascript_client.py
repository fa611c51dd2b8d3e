"""A client that is not written in Python: Google's JavaScript SDK."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from adapters.rehearsal import RehearsalServer
from tests.adapters.rehearsal.dialogue import CANDIDATE, quick, recording

SCRIPTS = Path(__file__).parents[2] / "js"
INSTALL_TIMEOUT_S = 240

pytestmark = [
    pytest.mark.node,
    pytest.mark.skipif(not (shutil.which("node") and shutil.which("npm")), reason="node and npm are not installed"),
    pytest.mark.timeout(INSTALL_TIMEOUT_S + 60),
]


async def run(*command: str) -> str:
    """Run a command in tests/js and return what it printed. Fails with its output when it fails."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=SCRIPTS, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, err.decode()
    return out.decode()


async def installed() -> None:
    """Install what package-lock.json pins, unless exactly that is installed already."""
    lock, mark = SCRIPTS / "package-lock.json", SCRIPTS / "node_modules" / ".installed-lock.json"
    if not mark.exists() or mark.read_bytes() != lock.read_bytes():
        await run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
        mark.write_bytes(lock.read_bytes())


async def test_the_javascript_sdk_holds_a_conversation(tmp_path: Path) -> None:
    """Given Google's JavaScript SDK, when it talks to the server, then it sees what Gemini would
    show it."""
    await installed()
    (tmp_path / "answer.pcm").write_bytes(recording("answer_1"))
    async with RehearsalServer(quick(tls_port=None, recordings=(CANDIDATE,))) as server:
        base_url = server.ws_url.replace("ws://", "http://")
        seen = json.loads(await run("node", "gemini_conversation.mjs", base_url, str(tmp_path / "answer.pcm")))
        heard = server.sessions[-1].windows[-1].pcm

    turn = ["audio", "generationComplete", "turnComplete", "handle"]
    assert seen["course"][:7] == [*turn, *turn[:3]]
    assert seen["words"]["input"] == (CANDIDATE / "answer_1.txt").read_text().strip()
    assert seen["words"]["output"].endswith("What do you do?")
    assert seen["audioBytes"] > 48_000
    assert seen["close"]["code"] == 1007
    assert heard == recording("answer_1")
