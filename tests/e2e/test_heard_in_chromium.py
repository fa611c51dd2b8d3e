"""What the log says was heard of an interrupted reply is what a real browser played."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bench.heard.call import Cut, Script, cuts_of, interrupted_call, make_long_winded, write_script
from bench.heard.tap import tap_recorded, tapped
from tests.api.web.chromium import Chromium, chromium_path
from tests.e2e.starved import Waits
from tests.fixtures.server import Desk, running_desk

INTERRUPTIONS = 2
MOST_CALLS = 3
MARK_MS = 60
SETTLE_S = 10.0
GAPS_S = (4.3, 4.9)
"""The remark sounds unfinished, so its end is waited for some 2 s: after these a second of the
reply was heard."""
LATE = "Object.defineProperty(AudioContext.prototype, 'outputLatency', { get: () => 0.3 })"
"""A loudspeaker such as a wireless headset's: at a hold, 300 ms of sound are still on
their way."""
MOMENT_S = 1.0
"""So long before the decision to cut, everything happens that it rests on."""
WAIT_S = 0.4
"""A suspected barge-in lasts 200 ms of voice: if the answer to a hold takes longer, the cut is decided without
it.

Measured: in moments in which that happened a thread had waited for 0.9 s and more; on a machine
that has the time, for 0.05 to 0.3 s.
"""

pytestmark = [
    pytest.mark.alone,
    pytest.mark.browser,
    pytest.mark.timeout(200),
    pytest.mark.skipif(chromium_path() is None, reason="no Chromium is installed: nothing is played that can be heard"),
]


@pytest.fixture
async def desk(dsn: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """A server whose interviewer talks on until it is interrupted, in a voice that can be found
    again."""
    async with running_desk(dsn, tmp_path) as desk:
        make_long_winded(desk.rehearsal)
        yield desk
        await desk.check()


async def test_what_was_heard_of_a_cut_reply_is_what_was_played(desk: Desk, tmp_path: Path) -> None:
    """Two interruptions, sound 300 ms late: each reply's last sample is where client and log say it
    stopped.

    On a machine that is short of time a hold is obeyed too late whatever the client does: such a
    moment says nothing, and the call is held again.
    """
    script = write_script(tmp_path / "candidate.wav", INTERRUPTIONS, 1, GAPS_S, ("interruption",))
    exact = 0
    for number in range(MOST_CALLS):
        cuts, waits = await _held_call(desk, script, tmp_path / f"profile-{number}")
        off = [cut for cut in cuts if not _is_exact(cut)]
        assert [cut for cut in off if waits.longest_s(cut.at_s - MOMENT_S, cut.at_s) < WAIT_S] == []
        assert len(cuts) == INTERRUPTIONS or waits.worst_s(MOMENT_S) >= WAIT_S
        exact += len(cuts) - len(off)
        if exact >= INTERRUPTIONS:
            return
    pytest.fail(
        f"the machine was short of time in {MOST_CALLS} calls: {exact} cuts of {INTERRUPTIONS} could be predicted"
    )


async def _held_call(desk: Desk, script: Script, profile: Path) -> tuple[list[Cut], Waits]:
    """Hold the call: its cuts, and how long threads had to wait meanwhile."""
    async with Chromium.started(profile, script.path) as browser:
        page = await browser.open("about:blank")
        await tapped(page)
        await page.call("Page.addScriptToEvaluateOnNewDocument", source=LATE)
        async with Waits.watched() as waits, interrupted_call(desk, page, script, "interviewer") as live:
            recording = await tap_recorded(page)
        assert page.complaints == []
    async with asyncio.timeout(SETTLE_S):
        await live.loop.over.wait()
        await live.loop.appender.written()
    return await cuts_of(desk, live, script, recording), waits


def _is_exact(cut: Cut) -> bool:
    """What the log says, and what the client reported at the hold, is what was played."""
    reported = cut.held_ms is not None and abs(cut.held_ms - cut.played_ms) <= MARK_MS
    return cut.sure and reported and abs(cut.error_ms) <= MARK_MS
