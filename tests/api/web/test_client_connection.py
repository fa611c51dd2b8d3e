"""Connecting, losing the connection, coming back, and every kind of end."""

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np
import pytest

from tests.api.web.chromium import Page
from tests.api.web.placed_call import PlacedCall
from tests.api.web.protocol_server import ProtocolServer
from tests.api.web.sound import find, tone

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
Place = Callable[..., Awaitable[PlacedCall]]
PLACE = "const { place } = await import('/tests/harness.js');"


async def test_a_dropped_connection_is_resumed_without_losing_audio(server: ProtocolServer, place: Place) -> None:
    """The newest token, the missing audio again from `next_seq`, then live; no number is skipped."""
    call = await place()
    call.wire.acknowledge = False
    await server.hear(30)
    call.wire.drop()
    wire = await call.resumed(next_seq=10)
    assert wire.hello["token"] == "token-1"
    messages = len(server.audio)
    await server.hear(messages + 30)
    assert server.repeated == messages - 10 or server.repeated >= 20
    statuses = [detail["status"] for detail in await call.events("connection")]
    assert statuses[0] == statuses[-1] == "connected"
    assert "reconnecting" in statuses
    statistics = await call.run("return call.statistics")
    assert (statistics["reconnects"], statistics["refused_ms"]) == (1, 0)


async def test_what_is_spoken_while_the_line_is_down_arrives_afterwards(server: ProtocolServer, place: Place) -> None:
    """A second of silence on the line is not a second of silence in the call."""
    call = await place()
    await server.hear(20)
    server.refuse_sockets = True
    call.wire.drop()
    await call.page.until(f"window.{call.name}.seen('connection').some(({{detail}}) => detail.attempt >= 4)")
    samples = len(server.heard)
    server.refuse_sockets = False
    await call.resumed(next_seq=len(server.audio))
    await server.hear(len(server.audio) + 8)
    assert len(server.heard) - samples > 0.6 * call.wire.rate_hz
    waits = [d["retry_in_ms"] for d in await call.events("connection") if d["status"] == "reconnecting"]
    assert all(80 * 2**i <= wait <= 100 * 2**i for i, wait in enumerate(waits[:4])), waits


async def test_a_resume_reports_where_playback_stands_and_drops_the_buffer(place: Place) -> None:
    """Unheard audio comes again from the reported position: nothing is missing, nothing is heard
    twice."""
    call = await place()
    voice = np.random.default_rng(3).integers(-9000, 9000, 24_000).astype(np.int16)
    await call.wire.play(1, 0, voice)
    await call.wire.played(4000)
    call.wire.drop()
    wire = await call.resumed()
    stands = wire.hello["played_sample"]
    assert 4000 <= stands < len(voice)
    end = await wire.play(1, stands, voice[stands:])
    await wire.played(end)
    output = await call.output()
    first, second = find(voice[: stands - 10], output), find(voice[stands + 200 :], output)
    assert 0 <= first < second
    assert find(voice[stands + 200 :], output[second + 1 :]) == -1


async def test_audio_that_was_played_already_is_reported_as_played(place: Place) -> None:
    """Given a server that does not know what was heard and sends it again, it is told, and need not
    wait."""
    call = await place()
    voice = tone(0.3)
    end = await call.wire.play(1, 1000, voice)
    await call.wire.played(end)
    call.wire.drop()
    wire = await call.resumed()
    assert wire.hello["played_sample"] == end
    await wire.play(1, 1000, voice[:4800])
    assert await wire.played(end) == {"type": "playback", "played_sample": end, "held": False}


async def test_a_held_call_stays_held_over_a_resume(place: Place) -> None:
    """`held` of `ready` is obeyed: audio that is sent again waits for the release."""
    call = await place()
    call.wire.drop()
    wire = await call.resumed(held=True)
    end = await wire.play(1, 0, tone(0.2))
    await call.run("await new Promise((resolve) => setTimeout(resolve, 200))")
    assert not np.any(await call.output())
    await wire.send("release")
    await wire.played(end)


async def test_mute_survives_a_resume(server: ProtocolServer, place: Place) -> None:
    """A candidate who muted while the line was down is muted for the server too."""
    call = await place()
    await server.hear(5)
    server.refuse_sockets = True
    call.wire.drop()
    await call.event("connection", 2)
    await call.run("await call.mute()")
    server.refuse_sockets = False
    wire = await call.resumed(next_seq=len(server.audio), muted=False)
    await wire.expect("mute")


async def test_a_line_on_which_nothing_comes_is_replaced(place: Place) -> None:
    """A line that has died silently is noticed after `silence_ms`, whatever else it looks like."""
    call = await place(ping_interval_ms=100, silence_ms=600)
    first = call.wire
    await call.event("roundtrip")
    first.answer_pings = first.acknowledge = False
    await call.resumed(ping_interval_ms=10_000)
    assert first.counts["ping"] >= 4


async def test_the_servers_ping_is_answered_at_once(place: Place) -> None:
    """`pong` carries the ping's id."""
    call = await place()
    await call.wire.send("ping", id=77)
    assert await call.wire.expect("pong") == {"type": "pong", "id": 77}


async def test_after_the_resuming_wait_the_client_tries_again_on_request(server: ProtocolServer, place: Place) -> None:
    """It says so in a sentence and keeps what is said; `retry` takes the call up again, or `hangup`
    gives it up."""
    call = await place(resume_wait_ms=700)
    await server.hear(10)
    server.refuse_sockets = True
    call.wire.drop()
    await call.page.until(f"window.{call.name}.seen('connection').some(({{detail}}) => detail.status === 'lost')")
    lost = (await call.events("connection"))[-1]
    assert "try again" in lost["message"]
    assert await call.events("closed") == []
    server.refuse_sockets = False
    kept = len(server.audio)
    await call.run("call.retry()")
    await call.resumed(next_seq=kept)
    await server.hear(kept + 60)
    after = [detail for detail in await call.events("connection") if detail["status"] == "reconnecting"]
    assert [detail["attempt"] for detail in after if detail["retry_in_ms"] == 0] == [1]


async def test_a_server_that_moves_is_followed_at_once(place: Place) -> None:
    call = await place()
    await call.wire.send("go_away", reason="moving", time_left_ms=0)
    await call.wire.socket.close(1012, "moving")
    await call.resumed(epoch=2)
    away = [detail for detail in await call.events("connection") if detail["status"] == "reconnecting"]
    assert [(detail["moving"], detail["retry_in_ms"]) for detail in away] == [(True, 0)]


async def test_a_refusal_that_means_not_now_is_tried_again(server: ProtocolServer, place: Place) -> None:
    call = await place()
    call.wire.drop()
    for code in ("call_busy", "store_unavailable"):
        wire = await server.accept()
        await wire.send("error", code=code, message="Not now.", fatal=True)
        await wire.socket.close(1013, code)
    await call.resumed()
    assert await call.events("error") == []


async def test_a_replayed_message_is_passed_on_once_and_a_rollback_comes_first(place: Place) -> None:
    """The hello says the newest version that was seen; a rollback comes before the replay."""
    call = await place()
    for version, text in ((3, "Why "), (7, "not?")):
        piece = {"who": "interviewer", "number": 1, "turn": 0, "text": text, "interim": False}
        await call.wire.send("transcript", **piece, version=version)
    await call.page.until(f"window.{call.name}.seen('transcript').length === 2")
    call.wire.drop()
    wire = await call.resumed(epoch=2, kept_version=5)
    assert (wire.hello["seen_version"], wire.hello["seen_epoch"]) == (7, 1)
    await wire.send("transcript", **piece, version=3, again=True)
    await wire.send("transcript", **piece | {"text": "then?"}, version=9, again=True)
    await call.page.until(f"window.{call.name}.seen('transcript').length === 3")
    assert await call.events("rollback") == [{"version": 5}]
    assert [each["text"] for each in await call.events("transcript")] == ["Why ", "not?", "then?"]


@pytest.mark.parametrize(
    ("code", "close_code"), [("call_unknown", 4404), ("replaced", 4409), ("playback_stalled", 4413)]
)
async def test_a_fatal_error_is_shown_and_never_retried(
    server: ProtocolServer, place: Place, code: str, close_code: int
) -> None:
    """The server's own sentence is the error and the reason; nobody reconnects."""
    call = await place()
    await call.wire.send("error", code=code, message="A sentence of the server.", fatal=True)
    await call.wire.socket.close(close_code, code)
    closed = await call.event("closed")
    assert closed == {"reason": code, "detail": "A sentence of the server.", "durable": False}
    assert await call.events("error") == [{"code": code, "message": "A sentence of the server.", "fatal": True}]
    assert [detail["status"] for detail in await call.events("connection")] == ["connected"]
    assert len(server.wires) == 1


async def test_an_error_that_is_not_fatal_is_only_shown(server: ProtocolServer, place: Place) -> None:
    """The call goes on."""
    call = await place()
    await call.wire.send("error", code="later", message="Something small.", fatal=False)
    assert (await call.event("error"))["message"] == "Something small."
    await server.hear(len(server.audio) + 10)


async def test_a_refused_hello_fails_the_start(server: ProtocolServer, page: Page) -> None:
    """`start` throws the server's sentence, and the microphone is released."""
    placing = asyncio.create_task(page.run(PLACE + " try { await place(); } catch (e) { return [e.code, e.message]; }"))
    wire = await server.accept()
    await wire.send("error", code="token_expired", message="Open a call again.", fatal=True)
    await wire.socket.close(4401, "token_expired")
    assert await placing == ["token_expired", "Open a call again."]


async def test_a_refused_call_fails_the_opening(server: ProtocolServer, page: Page) -> None:
    """The HTTP API's sentence comes through."""
    server.refuse_calls = (422, {"code": "questions_missing", "message": "Give 1 to 50 questions."})
    placed = await page.run(PLACE + " try { await place(); } catch (e) { return [e.code, e.message, e.status]; }")
    assert placed == ["questions_missing", "Give 1 to 50 questions.", 422]
    page.complaints.clear()


async def test_a_hangup_sends_the_last_audio_and_waits_for_closed(server: ProtocolServer, place: Place) -> None:
    """`hangup` resolves after `closed`; what was not acknowledged is still confirmed within the
    grace."""
    call = await place()
    call.wire.acknowledge = False
    await server.hear(10)
    leaving = asyncio.create_task(call.run("await call.hangup('candidate'); return call.statistics.unacknowledged_ms"))
    assert (await call.wire.expect("hangup"))["reason"] == "candidate"
    messages = len(server.audio)
    await call.wire.send("closed", reason="hangup", detail="You hung up.", durable=True, grace_ms=5000)
    assert await leaving > 0
    assert await call.event("closed") == {"reason": "hangup", "detail": "You hung up.", "durable": True}
    assert not call.wire.gone.is_set()
    await call.wire.send("ack", seq=messages - 1)
    await asyncio.wait_for(call.wire.gone.wait(), 5)
    assert len(server.audio) == messages


async def away(server: ProtocolServer, call: PlacedCall) -> None:
    """The line breaks, with audio that is not acknowledged, and half a second is spoken without
    one."""
    call.wire.acknowledge = False
    await server.hear(10)
    server.refuse_sockets = True
    call.wire.drop()
    await call.page.until(f"window.{call.name}.seen('connection').some(({{detail}}) => detail.attempt >= 4)")


async def test_a_hangup_while_the_line_is_away_hands_in_what_was_said(server: ProtocolServer, place: Place) -> None:
    """Given a candidate who hangs up while reconnecting, their audio comes first, then the hangup;
    `closed` ends it."""
    call = await place()
    await away(server, call)
    heard = len(server.audio)
    leaving = asyncio.create_task(call.run("await call.hangup('candidate')"))
    await call.event("leaving")
    kept_ms = (await call.run("return call.statistics"))["unacknowledged_ms"]
    assert kept_ms > 500
    assert await call.events("closed") == []
    server.refuse_sockets = False
    wire = await server.accept()
    wire.acknowledge = False
    await wire.ready(resumed=True, next_seq=heard)
    assert (await wire.expect("hangup"))["reason"] == "candidate"
    messages = len(server.audio)
    assert 1000 * len(server.heard) / wire.rate_hz >= kept_ms
    await wire.send("closed", reason="hangup", detail="You hung up.", durable=True, grace_ms=5000)
    await asyncio.wait_for(leaving, 5)
    assert not wire.gone.is_set()
    await wire.send("ack", seq=messages - 1)
    await asyncio.wait_for(wire.gone.wait(), 5)
    assert (len(server.audio), wire.counts["hangup"]) == (messages, 1)
    assert await call.event("closed") == {"reason": "hangup", "detail": "You hung up.", "durable": True}


async def test_a_hangup_whose_line_breaks_is_said_again(server: ProtocolServer, place: Place) -> None:
    """Given no `closed` before the line breaks, the next server hears of it, also over one that is
    muted."""
    call = await place()
    leaving = asyncio.create_task(call.run("await call.hangup('candidate'); await call.unmute()"))
    await call.wire.expect("hangup")
    call.wire.drop()
    wire = await call.resumed(next_seq=len(server.audio), muted=True)
    await wire.expect("hangup")
    await wire.send("closed", reason="hangup", detail="You hung up.", durable=True, grace_ms=100)
    await asyncio.wait_for(leaving, 5)


@pytest.mark.parametrize("way", ["the wait ends", "a second hangup", "the page is closed"])
async def test_a_hangup_does_not_wait_for_ever(server: ProtocolServer, place: Place, way: str) -> None:
    """Without a line it ends all the same, says that something may be missing, and offers no other
    try."""
    call = await place(resume_wait_ms=2_000 if way == "the wait ends" else 60_000)
    await away(server, call)
    leaving = asyncio.create_task(call.run("await call.hangup()"))
    await call.event("leaving")
    if way == "a second hangup":
        await call.run("await call.hangup()")
    elif way == "the page is closed":
        await call.run("call.hangup('page closed', { immediately: true })")
        assert await call.events("closed") != []
    await asyncio.wait_for(leaving, 10)
    [closed] = await call.events("closed")
    assert (closed["reason"], closed["durable"]) == ("hangup", False)
    assert "may be missing" in closed["detail"]
    assert "lost" not in [detail["status"] for detail in await call.events("connection")]


async def test_a_lost_call_is_left_at_once(server: ProtocolServer, place: Place) -> None:
    """Given a client that tries no more, a hangup waits for nothing."""
    call = await place(resume_wait_ms=300)
    server.refuse_sockets = True
    call.wire.drop()
    await call.page.until(f"window.{call.name}.seen('connection').some(({{detail}}) => detail.status === 'lost')")
    await asyncio.wait_for(call.run("await call.hangup()"), 2)
    assert (await call.event("closed"))["reason"] == "hangup"


async def test_the_servers_end_is_the_last_event(place: Place) -> None:
    """After `closed` nothing is emitted and nobody reconnects."""
    call = await place()
    await call.wire.send("closed", reason="completed", detail="That was all.", durable=True, grace_ms=100)
    await call.wire.send("state", state="listening", missing=[])
    await asyncio.wait_for(call.wire.gone.wait(), 5)
    kinds = await call.run("return placed.events.map(({type}) => type)")
    assert kinds[-1] == "closed"


async def test_two_calls_on_one_page_do_not_disturb_each_other(server: ProtocolServer, place: Place) -> None:
    """Each has its own microphone, loudspeaker and connection."""
    server.one_call = False
    one = await place()
    two = await place()
    voice = tone(0.3)
    end = await two.wire.play(1, 0, voice)
    await two.wire.played(end)
    assert not np.any(await one.output())
    assert find(voice, await two.output()) >= 0
