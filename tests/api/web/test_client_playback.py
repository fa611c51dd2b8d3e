"""The interviewer's voice from the server to the loudspeaker, and the truth about what was heard."""

from collections.abc import Awaitable, Callable

import numpy as np
import pytest

from tests.api.web.placed_call import PlacedCall
from tests.api.web.sound import RATE_HZ, find, tone

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
Place = Callable[..., Awaitable[PlacedCall]]


async def test_a_reply_is_played_sample_for_sample(place: Place) -> None:
    """What reaches the loudspeaker is exactly what was sent, back to back, and reported as such."""
    call = await place()
    voice = np.random.default_rng(7).integers(-9000, 9000, RATE_HZ // 2).astype(np.int16)
    end = await call.wire.play(1, 1000, voice)
    report = await call.wire.played(end)
    assert report == {"type": "playback", "played_sample": end, "held": False}
    assert find(voice, await call.output()) >= 0


async def test_reports_come_with_the_first_sample_and_every_report_ms(place: Place) -> None:
    """The server can pace itself: positions only grow, about ten a second, the last is the end."""
    call = await place()
    end = await call.wire.play(1, 0, tone(1.0))
    first = await call.wire.expect("playback")
    assert 0 < first["played_sample"] < 3000
    await call.wire.played(end)
    positions = [m["played_sample"] for m in call.wire.history if m["type"] == "playback"]
    assert positions == sorted(positions)
    assert 9 <= len(positions) <= 13


async def test_a_jump_in_the_stream_is_counted_as_a_jump(place: Place) -> None:
    """Positions that were never sent are passed over, and the reports follow the stream."""
    call = await place()
    await call.wire.play(1, 0, tone(0.2))
    end = await call.wire.play(1, 100_000, tone(0.2))
    await call.wire.played(end)
    positions = [m["played_sample"] for m in call.wire.history if m["type"] == "playback"]
    assert all(position <= 4800 or position > 100_000 for position in positions)


async def test_a_hold_stops_and_a_release_plays_on_from_the_same_sample(place: Place) -> None:
    """Silence within a frame, no click, and after the release the held position's own samples."""
    call = await place()
    voice = tone(2.0, 311.0)
    end = await call.wire.play(1, 0, voice)
    await call.wire.played(6000)
    await call.wire.send("hold")
    held = (await call.wire.expect("playback", held=True))["played_sample"]
    await call.run("await new Promise((resolve) => setTimeout(resolve, 300))")
    rest = [m["played_sample"] for m in call.wire.history if m["type"] == "playback" and m["held"]][-1]
    before = await call.output()
    assert rest - held < 0.3 * RATE_HZ
    start = find(voice[:480], before)
    stop = start + rest
    fade = before[stop : stop + 240].astype(int)
    np.testing.assert_array_equal(before[start:stop], voice[:rest])
    assert np.abs(fade[-100:]).max() == 0, "not silent 10 ms after the held sample"
    assert np.abs(np.diff(fade)).max() < 2500, "the fade clicks"
    assert np.abs(before[stop + 240 :]).max() == 0

    await call.wire.send("release")
    await call.wire.expect("playback", held=False)
    await call.wire.played(end)
    after = (await call.output())[len(before) :]
    np.testing.assert_array_equal(
        after[find(voice[rest + 240 : rest + 720], after) :][:2000], voice[rest + 240 :][:2000]
    )
    assert [detail["type"] for kind in ("hold", "release") for detail in await call.events(kind)] == ["hold", "release"]


async def test_a_flush_throws_the_rest_away(place: Place) -> None:
    """What was buffered is never heard; the next reply is, and the report says how far the first
    one came."""
    call = await place()
    await call.wire.play(1, 0, tone(2.0))
    await call.wire.played(6000)
    await call.wire.send("hold")
    await call.wire.expect("playback", held=True)
    await call.wire.send("flush")
    flushed = await call.wire.expect("playback", held=False)
    assert 6000 <= flushed["played_sample"] < 20_000
    reply = tone(0.3, 600.0)
    end = await call.wire.play(2, 60_000, reply)
    await call.wire.played(end)
    output = await call.output()
    assert find(reply, output) >= 0
    assert np.count_nonzero(output) < 6000 + 20_000 + len(reply)


async def test_a_buffer_that_overflows_is_counted_and_shown(place: Place) -> None:
    """A server that sends far ahead loses the newest audio; the candidate sees it, the call goes
    on."""
    call = await place()
    await call.wire.play(1, 0, tone(12.0), chunk=24_000)
    error = await call.event("error")
    assert (error["code"], error["fatal"]) == ("playback_overflow", False)
    assert await call.run("return call.statistics.skipped_ms") > 1500


async def test_levels_show_both_voices(place: Place) -> None:
    """The meter has the interviewer's loudness while a tone plays."""
    call = await place()
    await call.run(
        "placed.peak = 0; const higher = ({ detail }) => (placed.peak = Math.max(placed.peak, detail.interviewer));"
        " call.addEventListener('level', higher);"
    )
    await call.wire.play(1, 0, tone(0.5))
    await call.page.until(f"window.{call.name}.peak > 0.3")


async def test_paused_sound_is_reported_and_woken(place: Place) -> None:
    """A context that the browser suspends is said in a sentence, resumed, and plays on where it
    was."""
    call = await place()
    end = await call.wire.play(1, 0, tone(0.6))
    await call.wire.played(2400)
    await call.run("await call.output.context.suspend()")
    assert (await call.event("error"))["code"] == "playback_suspended"
    await call.event("sound", 2)
    assert await call.events("sound") == [{"running": False}, {"running": True}]
    await call.wire.played(end)
