"""The page in a real browser while its servers are killed, stopped and away for too long: the
interview goes on."""

import signal
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
import soundfile

from adapters.postgres.store import open_store
from api.database import open_database
from api.settings import Settings
from domain import inputs as inp
from domain.effects import TellTranscript
from domain.event import Event
from domain.policy import LinkPolicy
from domain.ports import Side
from domain.record.client_messages import messages_in
from domain.recovery.replay import differences, fold_all
from domain.sound.rates import FRAME_SAMPLES
from tests.api.cli.process import Serving, serving
from tests.api.web.chromium import Chromium, Page, chromium_path
from tests.e2e.sent_audio import SentAudio, overheard, sent_audio
from tests.e2e.visitor import MICROPHONE_HZ, said, silence, until_state

BACK_S = 25.0
"""A server has started already; its client tries once a second."""

pytestmark = [
    pytest.mark.alone,
    pytest.mark.browser,
    pytest.mark.timeout(180),
    pytest.mark.skipif(chromium_path() is None, reason="no Chromium is installed: no server is restarted under a page"),
]


@dataclass(slots=True)
class Servers:
    """One server after the other, on the same data and at the same address."""

    data_dir: Path
    stack: AsyncExitStack
    now: Serving = field(init=False)
    port: int = 0

    async def start(self) -> str:
        self.now = await self.stack.enter_async_context(serving(self.data_dir, self.port))
        self.port = int(self.now.url.rsplit(":", 1)[1])
        return self.now.url

    async def stop(self, how: signal.Signals) -> None:
        self.now.process.send_signal(how)
        await self.now.stopped()


async def test_an_interview_outlives_its_servers(server_folder: Path, tmp_path: Path) -> None:
    """Given SIGKILL, SIGTERM and a line that was given up, the page is back, and every sample of it
    stored once."""
    parts = [silence(7.0), said("answer_2"), silence(80.0)]
    microphone = tmp_path / "microphone.wav"
    soundfile.write(microphone, np.concatenate(parts), MICROPHONE_HZ, subtype="PCM_16")
    async with AsyncExitStack() as stack:
        servers = Servers(server_folder, stack)
        url = await servers.start()
        browser = await stack.enter_async_context(Chromium.started(tmp_path / "profile", microphone))
        page = await browser.open("about:blank")
        await overheard(page)
        await page.go(url)
        await page.until("document.querySelector('#agent').options.length > 0")
        await page.click("#begin")
        await until_state(page, "candidate_speaking")
        await _killed(page, servers)
        await _stopped(page, servers)
        await _given_up(page, servers)
        call_id = await page.run("return (await (await fetch('/calls')).json()).calls[0].call_id")
        await page.click("#hangup")
        await page.until("!document.querySelector('#end').hidden", within_s=15)
        assert await page.text("#end-reason") == "hangup_by_candidate"
        assert "· stored" in await page.text("#end-durable")
        shown, sent = await _texts(page), await sent_audio(page)
        assert [text for text in page.complaints if not _is_of_a_lost_line(text)] == []
    events, stored = await _log(server_folder, call_id)
    assert sum(isinstance(event, inp.CallTakenOver) for event in events) == 3
    assert shown == _transcript(events)
    _is_stored_once(sent, stored)


def _is_of_a_lost_line(complaint: str) -> bool:
    """Whether the browser itself says that a server which is away, or goes away in the middle of a
    handshake, cannot be reached."""
    return "net::ERR_" in complaint or complaint.startswith("WebSocket connection to ")


async def _killed(page: Page, servers: Servers) -> None:
    """The answer goes on as if nothing had been."""
    before = await _texts(page)
    await servers.stop(signal.SIGKILL)
    await _until_connection(page, "reconnecting")
    await servers.start()
    await _until_connection(page, "connected", BACK_S)
    await until_state(page, "model_speaking")
    await _is_continued(page, before)


async def _stopped(page: Page, servers: Servers) -> None:
    """Nobody on the page hears of it but as a pause."""
    before = await _texts(page)
    await servers.stop(signal.SIGTERM)
    await _until_connection(page, "reconnecting")
    await servers.start()
    await _until_connection(page, "connected", BACK_S)
    await _is_continued(page, before)


async def _given_up(page: Page, servers: Servers) -> None:
    """After the resuming wait the page tries no more; its button does."""
    before = await _texts(page)
    await servers.stop(signal.SIGKILL)
    await _until_connection(page, "reconnecting")
    await page.put_clock_on(LinkPolicy().resume_wait_ms / 1000)
    await page.until("!document.querySelector('#lost').hidden")
    assert await page.text("#state-words") == "The connection is lost"
    await servers.start()
    await page.click("#retry")
    await _until_connection(page, "connected", BACK_S)
    await page.until("document.querySelector('#lost').hidden")
    await page.until("!document.querySelector('#state-name').textContent.startsWith('resuming')", within_s=BACK_S)
    await _is_continued(page, before)


async def _until_connection(page: Page, status: str, within_s: float = 10.0) -> None:
    await page.until(f"document.querySelector('#connection').dataset.status === '{status}'", within_s)


async def _is_continued(page: Page, before: list[str]) -> None:
    """What was shown is still shown, in its place; only of the last turn more, or less, may be
    known now."""
    after = await _texts(page)
    assert after[: len(before) - 1] == before[:-1]


async def _texts(page: Page) -> list[str]:
    """What the page shows as the transcript, turn by turn, without what may still change."""
    said = "[...document.querySelectorAll('#transcript .turn p > :first-child')].map((span) => span.textContent)"
    texts: list[str] = await page.run(f"return {said}")
    return [text for text in texts if text]


async def _log(data_dir: Path, call_id: str) -> tuple[list[Event], bytes]:
    """The call's events, which re-run to the same decisions, and the candidate's voice in it."""
    async with open_database(Settings(data_dir=data_dir)) as dsn, open_store(dsn) as store:
        events = [store.mapper.to_event(event) for event in await store.reader.select_events(UUID(call_id))]
        audio = {side: await store.audio.select_audio(UUID(call_id), side) for side in Side}
    assert list(differences(events, [segment for side in Side for segment in audio[side]])) == []
    assert fold_all(events).record.settled
    return events, b"".join(segment.pcm for segment in audio[Side.CANDIDATE])


def _transcript(events: list[Event]) -> list[str]:
    """The transcript that follows from the log alone, turn by turn: an answer before the replies to
    it."""
    turns: dict[tuple[int, bool, int], str] = {}
    for message in messages_in(events):
        if isinstance(message, TellTranscript) and not message.interim:
            key = message.turn, message.side is Side.INTERVIEWER, message.number
            turns[key] = turns.get(key, "") + message.text
    return [turns[key] for key in sorted(turns)]


def _is_stored_once(sent: SentAudio, stored: bytes) -> None:
    """From the first sample to the last, which silence fills up to a whole frame."""
    assert sent.altered == 0
    assert sent.again > 0
    frames = -(-len(sent.pcm) // (2 * FRAME_SAMPLES))
    assert len(stored) == frames * 2 * FRAME_SAMPLES
    assert stored == sent.pcm.ljust(len(stored), b"\0")
