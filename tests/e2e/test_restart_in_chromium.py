"""The page in a real browser while its server is killed and started again: the interview goes on."""

import asyncio
import json
import re
import signal
import sys
from asyncio.subprocess import Process
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.api.web.chromium import Chromium, Page, chromium_path
from tests.e2e.test_interview_in_chromium import CANDIDATE, MICROPHONE_HZ, ROOT, START_S, said, silence, until_state

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(180),
    pytest.mark.skipif(chromium_path() is None, reason="no Chromium is installed: no server is restarted under a page"),
]


async def serve(data_dir: Path, port: int) -> tuple[Process, str]:
    command = [sys.executable, "-m", "api.cli", "serve", "--port", str(port), "--data-dir", str(data_dir)]
    process = await asyncio.create_subprocess_exec(
        *command, "--recordings", str(CANDIDATE), stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    assert process.stdout is not None
    async with asyncio.timeout(START_S):
        while not (found := re.search(rb"interview +(http://\S+)", await process.stdout.readline())):
            assert process.returncode is None
    return process, found[1].decode()


async def texts(page: Page) -> list[str]:
    """What the page shows as the transcript, turn by turn."""
    return json.loads(
        await page.run(
            "return JSON.stringify([...document.querySelectorAll('#transcript .turn p')].map((p) => p.textContent))"
        )
    )


@pytest.mark.parametrize("stop", [signal.SIGKILL], ids=["killed"])
async def test_the_interview_survives_a_restart_of_its_server(
    server_folder: Path, tmp_path: Path, stop: signal.Signals
) -> None:
    """Given an answer under way, when the server goes and comes back, the page does too, and nothing is missing."""
    parts = [silence(7.0), said("answer_2"), silence(40.0)]
    microphone = tmp_path / "microphone.wav"
    soundfile.write(microphone, np.concatenate(parts), MICROPHONE_HZ, subtype="PCM_16")
    process, url = await serve(server_folder, 0)
    try:
        async with Chromium.started(tmp_path / "profile", microphone) as browser:
            page = await browser.open(url)
            await page.look(1280, 860)
            await page.until("document.querySelector('#agent').options.length > 0")
            await page.click("#begin")
            await until_state(page, "candidate_speaking")
            before = await texts(page)
            await page.screenshot(tmp_path / "before.png")
            process.send_signal(stop)
            await asyncio.wait_for(process.wait(), 30)
            await page.until("document.querySelector('#connection').dataset.status === 'reconnecting'")
            await page.screenshot(tmp_path / "during.png")
            process, _ = await serve(server_folder, int(url.rsplit(":", 1)[1].rstrip("/")))
            await page.until("document.querySelector('#connection').dataset.status === 'connected'", within_s=25)
            await until_state(page, "model_speaking")
            await page.screenshot(tmp_path / "after.png")
            after = await texts(page)
            assert after[: len(before)] == before
            assert len(set(after)) == len(after)
            await page.click("#hangup")
            await page.until("!document.querySelector('#end').hidden", within_s=15)
            assert await page.text("#end-reason") == "hangup_by_candidate"
            assert "· stored" in await page.text("#end-durable")
    finally:
        if process.returncode is None:
            process.terminate()
            await asyncio.wait_for(process.wait(), 30)
