"""What `make run` serves, held by a real browser whose microphone is a recorded human voice."""

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.api.web.chromium import Chromium, chromium_path
from tests.e2e.visitor import CANDIDATE, MICROPHONE_HZ, ROOT, said, silence, until_state

START_S, STOP_S = 60.0, 30.0

pytestmark = [
    pytest.mark.alone,
    pytest.mark.browser,
    pytest.mark.timeout(180),
    pytest.mark.skipif(chromium_path() is None, reason="no Chromium is installed: no interview is held in a browser"),
]


@pytest.fixture
async def url(server_folder: Path) -> AsyncIterator[str]:
    """The address of a `viva serve` process with nothing configured: embedded Postgres, rehearsal
    interviewer."""
    command = [sys.executable, "-m", "api.cli", "serve", "--port", "0", "--data-dir", str(server_folder)]
    process = await asyncio.create_subprocess_exec(
        *command, "--recordings", str(CANDIDATE), stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(START_S):
            while not (found := re.search(rb"interview +(http://\S+)", await process.stdout.readline())):
                assert process.returncode is None
        yield found[1].decode()
    finally:
        process.terminate()
        assert await asyncio.wait_for(process.wait(), STOP_S) == 0


def microphone(path: Path) -> Path:
    """What the candidate says, and when: an answer after the first question, and an interruption of
    the second."""
    parts = [silence(10.0), said("answer_2"), silence(3.6), said("interruption"), silence(20.0)]
    soundfile.write(path, np.concatenate(parts), MICROPHONE_HZ, subtype="PCM_16")
    return path


async def replayed(call_id: str, data_dir: Path) -> dict[str, Any]:
    """The call from the log, while the server still runs."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "api.cli", "replay", call_id, "--json"),
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env={"VIVA_DATA_DIR": str(data_dir), "PATH": "/usr/bin:/bin", "PYTHONWARNINGS": "default"},
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    call: dict[str, Any] = json.loads(out)
    return call


async def test_a_call_in_chromium_is_heard_answered_and_interrupted(
    url: str, server_folder: Path, tmp_path: Path
) -> None:
    """Button, question, spoken answer, transcript, latency; then the interviewer is interrupted and
    stops."""
    async with Chromium.started(tmp_path / "profile", microphone(tmp_path / "candidate.wav")) as browser:
        page = await browser.open(url)
        await page.look(1280, 860)
        await page.until("document.querySelector('#agent').options.length > 0")
        await page.click("#begin")
        await until_state(page, "model_speaking")
        await until_state(page, "candidate_speaking")
        await until_state(page, "model_speaking")
        await page.until("document.querySelector('.mark[data-kind=flush]')", within_s=25)
        mark = await page.text(".mark[data-kind=flush]")
        assert re.match(r"held [\d.]+ m?s, then stopped", mark), mark
        assert int(await page.text("#holds")) >= int(await page.text("#flushes")) >= 1
        await page.until("document.querySelectorAll('.turn.candidate').length === 2", within_s=25)
        await page.screenshot(tmp_path / "call.png")
        assert "talking really slow" in await page.text(".turn.candidate p")
        assert await page.run("return document.querySelectorAll('#latency tr').length") >= 2
        await page.click("#hangup")
        await page.until("!document.querySelector('#end').hidden", within_s=10)
        assert await page.text("#end-reason") == "hangup_by_candidate"
        call_id = await page.run("return (await (await fetch('/calls')).json()).calls[0].call_id")
        assert page.complaints == []
    log = await replayed(call_id, server_folder)
    assert log["differences"] == []
    assert log["state"] == "closed"
    topics = [event["topic"] for event in log["events"]]
    cut = log["events"][topics.index("call.reply_cut.v1")]
    assert 0 < cut["heard_ms"] <= cut["sent_ms"] <= cut["received_ms"]
