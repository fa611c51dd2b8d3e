"""What the log says was heard of an interrupted reply is what a real browser played."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bench.heard_call import cuts_of, interrupted_call, make_long_winded, write_script
from bench.heard_tap import tap_recorded, tapped
from tests.api.web.chromium import Chromium, chromium_path
from tests.fixtures.server import Desk, running_desk

INTERRUPTIONS = 2
MARK_MS = 60
SETTLE_S = 10.0
GAPS_S = (4.3, 4.9)
"""The remark sounds unfinished, so its end is waited for some 2 s: after these a second of the reply was heard."""
LATE = "Object.defineProperty(AudioContext.prototype, 'outputLatency', { get: () => 0.3 })"
"""A loudspeaker such as a wireless headset's: when it is told to hold, 300 ms of sound are still on their way."""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(120),
    pytest.mark.skipif(chromium_path() is None, reason="no Chromium is installed: nothing is played that can be heard"),
]


@pytest.fixture
async def desk(dsn: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """A server whose interviewer talks on until it is interrupted, in a voice that can be found again."""
    async with running_desk(dsn, tmp_path) as desk:
        make_long_winded(desk.rehearsal)
        yield desk
        await desk.check()


async def test_what_was_heard_of_a_cut_reply_is_what_was_played(desk: Desk, tmp_path: Path):
    """Two interruptions, sound 300 ms late: each reply's last sample is where client and log say it stopped."""
    script = write_script(tmp_path / "candidate.wav", INTERRUPTIONS, 1, GAPS_S, ("interruption",))
    async with Chromium.started(tmp_path / "profile", script.path) as browser:
        page = await browser.open("about:blank")
        await tapped(page)
        await page.call("Page.addScriptToEvaluateOnNewDocument", source=LATE)
        async with interrupted_call(desk, page, script, "interviewer") as session:
            recording = await tap_recorded(page)
        assert page.complaints == []
    async with asyncio.timeout(SETTLE_S):
        await session.settled.wait()
        await session.logbook.written()
    cuts = await cuts_of(desk, session, script, recording)
    assert len(cuts) == INTERRUPTIONS
    assert all(cut.sure for cut in cuts)
    assert [cut for cut in cuts if abs(cut.error_ms) > MARK_MS] == []
    assert [cut for cut in cuts if cut.held_ms is None or abs(cut.held_ms - cut.played_ms) > MARK_MS] == []
