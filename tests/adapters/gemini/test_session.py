"""A session with a peer that has no manners: nothing it does crashes a call, and every end is
explained."""

import asyncio
import json
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from adapters.gemini.client import open_client
from adapters.gemini.link import GeminiLink
from domain.inputs import (
    ModelConnected,
    ModelInterruptionReported,
    ModelLost,
    ModelMessageUnrecognised,
    UsageReported,
)
from tests.adapters.gemini.conftest import SETUP, Linked, dial
from tests.adapters.gemini.inbox import Inbox
from tests.adapters.gemini.peer import peer, says, set_up, silent

STILL_ALIVE = {"serverContent": {"interrupted": True}}


@pytest.mark.parametrize(
    ("strange", "fields"),
    [
        ({"telepathy": {"on": True}}, ("telepathy",)),
        ({"serverContent": {"mood": "good"}}, ("serverContent.mood",)),
        ({"error": {"code": 500, "message": "?"}}, ("error",)),
        ({"serverContent": {"modelTurn": {"parts": [5]}}}, ("serverContent.modelTurn.parts.0",)),
        ({"serverContent": {"turnCompleteReason": {}}}, ("unreadable",)),
        (b"\xff{ nonsense", ("unreadable",)),
        (b"[1]", ("unreadable",)),
        (b'"x"', ("unreadable",)),
        ({"goAway": {"timeLeft": {"seconds": 5}}}, ("goAway.timeLeft",)),
    ],
)
async def test_a_message_that_cannot_be_read_is_named_and_the_session_goes_on(
    tmp_path: Path, inbox: Inbox, linked: Linked, strange: dict[str, object] | bytes, fields: tuple[str, ...]
) -> None:
    """The SDK drops some of these silently and raises on others."""
    async with peer(tmp_path, says(strange, STILL_ALIVE)) as settings, linked(settings) as link:
        link.dial(dial())
        await inbox.until(ModelInterruptionReported)
    assert [item.fields for item in inbox.of(ModelMessageUnrecognised)] == [fields]
    assert inbox.of(ModelLost) == []


async def test_unknown_fields_are_named_beside_what_is_known(tmp_path: Path, inbox: Inbox, linked: Linked) -> None:
    """The SDK removes them from the message; the frame still has them."""
    frame = {"usageMetadata": {"totalTokenCount": 1}, "telepathy": 1, "serverContent": {"mood": 1, "interrupted": True}}
    async with peer(tmp_path, says(frame)) as settings, linked(settings) as link:
        link.dial(dial())
        unrecognised = await inbox.until(ModelMessageUnrecognised)
    assert unrecognised.fields == ("telepathy", "serverContent.mood")
    assert len(inbox.of(UsageReported)) == len(inbox.of(ModelInterruptionReported)) == 1


@pytest.mark.parametrize(
    ("status", "retryable", "words"),
    [
        (HTTPStatus.UNAUTHORIZED, False, "check GEMINI_API_KEY"),
        (HTTPStatus.FORBIDDEN, False, "check GEMINI_API_KEY"),
        (HTTPStatus.NOT_FOUND, False, "HTTP 404"),
        (HTTPStatus.TOO_MANY_REQUESTS, True, "HTTP 429"),
        (HTTPStatus.SERVICE_UNAVAILABLE, True, "HTTP 503"),
    ],
)
async def test_a_refused_handshake_is_explained(
    tmp_path: Path, inbox: Inbox, linked: Linked, status: HTTPStatus, retryable: bool, words: str
) -> None:
    """A wrong key stays wrong; a busy service does not stay busy."""
    async with peer(tmp_path, silent, status) as settings, linked(settings) as link:
        link.dial(dial())
        lost = await inbox.until(ModelLost)
    assert (lost.code, lost.retryable) == (0, retryable)
    assert words in lost.reason


async def test_a_setup_that_is_not_answered_times_out(tmp_path: Path, inbox: Inbox, linked: Linked) -> None:
    """And may be tried again."""
    async with peer(tmp_path, silent, connect_timeout_ms=200) as settings, linked(settings) as link:
        link.dial(dial())
        lost = await inbox.until(ModelLost)
    assert (lost.code, lost.retryable, lost.reason) == (0, True, "Gemini did not answer within 0.2 s.")


async def test_an_error_in_a_message_ends_the_session(tmp_path: Path, inbox: Inbox, linked: Linked) -> None:
    """Not every proxy closes a websocket when it has nothing more to say."""
    async with peer(tmp_path, says({"code": 503, "message": "overloaded"})) as settings, linked(settings) as link:
        link.dial(dial())
        lost = await inbox.until(ModelLost)
    assert (lost.code, lost.retryable, lost.reason) == (0, True, "Gemini reported an error (503): overloaded")


async def test_something_else_than_a_confirmed_setup_is_a_loss(tmp_path: Path, inbox: Inbox, linked: Linked) -> None:
    """Nothing must be sent before the set-up is complete."""

    async def unsure(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.send(json.dumps(STILL_ALIVE).encode())
        await connection.wait_closed()

    async with peer(tmp_path, unsure) as settings, linked(settings) as link:
        link.dial(dial())
        lost = await inbox.until(ModelLost)
    assert (lost.retryable, lost.reason) == (True, "Gemini did not confirm the set-up.")
    assert inbox.of(ModelConnected) == []


async def test_nobody_there_is_retryable(tmp_path: Path, inbox: Inbox, linked: Linked) -> None:
    """The port of a server that has gone."""
    async with peer(tmp_path, silent) as settings:
        pass
    async with linked(settings) as link:
        link.dial(dial())
        lost = await inbox.until(ModelLost)
    assert (lost.code, lost.retryable) == (0, True)
    assert lost.reason.startswith("Gemini cannot be reached")


async def test_an_untrusted_certificate_points_at_the_setting(tmp_path: Path, inbox: Inbox, linked: Linked) -> None:
    """No retry mends a wrong CA file."""
    other = tmp_path / "other"
    other.mkdir()
    async with (
        peer(other, silent) as mistrusting,
        peer(tmp_path, silent) as settings,
        linked(replace(settings, ca_file=mistrusting.ca_file)) as link,
    ):
        link.dial(dial())
        lost = await inbox.until(ModelLost)
    assert not lost.retryable
    assert "GEMINI_CA_FILE" in lost.reason


async def test_reasons_show_neither_key_nor_handle(tmp_path: Path, inbox: Inbox, linked: Linked) -> None:
    """Even if the peer quotes them."""

    async def indiscreet(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.close(1008, "no session h-1234 for a-secret-key")

    async with peer(tmp_path, indiscreet) as settings, linked(settings) as link:
        link.dial(dial("h-1234"))
        lost = await inbox.until(ModelLost)
    assert lost.reason == "Gemini closed the session (1008): no session [handle] for [key]"
    assert not lost.retryable


async def test_a_full_queue_loses_the_link_and_counts_what_it_refused(
    tmp_path: Path, inbox: Inbox, linked: Linked
) -> None:
    """The loss is not delivered from within the call's own send, but right after."""
    async with peer(tmp_path, says(), uplink_bytes=10_000) as settings, linked(settings) as link:
        link.dial(dial())
        await inbox.until(ModelConnected)
        link.send_audio(b"\0\0" * 4_000)
        link.send_audio(b"\0\0" * 4_000)
        assert inbox.of(ModelLost) == []
        assert (link.counts.sent, link.counts.unsent) == (2, 2)
        lost = await inbox.until(ModelLost)
    assert (lost.code, lost.reason, lost.retryable) == (0, "uplink_full", True)
    assert len(inbox.of(ModelLost)) == 1


async def test_a_socket_that_takes_nothing_loses_the_link(tmp_path: Path, inbox: Inbox, linked: Linked) -> None:
    """The peer stops reading; the buffers between fill up; the sender does not wait for ever."""

    async def deaf(connection: ServerConnection) -> None:
        await set_up(connection)
        connection.transport.pause_reading()
        await asyncio.shield(connection.wait_closed())

    async with peer(tmp_path, deaf, send_timeout_ms=300, uplink_bytes=64_000_000) as settings, linked(settings) as link:
        link.dial(dial())
        await inbox.until(ModelConnected)
        link.send_audio(bytes(32_000_000))
        lost = await inbox.until(ModelLost)
        async with asyncio.timeout(3):  # closing does not wait for what is still queued in the socket
            await link.aclose()
    assert (lost.reason, lost.retryable) == ("uplink_stalled", True)


async def test_a_dial_during_a_dial_replaces_it(tmp_path: Path, inbox: Inbox, linked: Linked) -> None:
    """The first was waiting for an answer that never came; only the second is heard of."""
    seen: list[str] = []
    opened = asyncio.Event()

    async def first_silent(connection: ServerConnection) -> None:
        seen.append("opened")
        opened.set()
        if len(seen) > 1:
            return await says()(connection)
        try:
            await connection.recv()
            await connection.recv()
        except ConnectionClosed:
            seen.append("closed")
        return None

    async with peer(tmp_path, first_silent) as settings, linked(settings) as link:
        link.dial(dial())
        async with asyncio.timeout(5):
            await opened.wait()
        link.dial(dial())
        await inbox.until(ModelConnected)
    assert seen == ["opened", "closed", "opened"]
    assert [type(item) for item in inbox.items] == [ModelConnected]


async def test_a_session_is_left_politely(tmp_path: Path, inbox: Inbox, linked: Linked) -> None:
    """With 1000, whether the call ends or dials again; not with the 1011 of a client that broke
    down."""
    codes: asyncio.Queue[int | None] = asyncio.Queue(maxsize=4)

    async def note_code(connection: ServerConnection) -> None:
        await set_up(connection)
        await connection.wait_closed()
        await codes.put(connection.close_code)

    async with peer(tmp_path, note_code) as settings, linked(settings) as link:
        link.dial(dial())
        await inbox.until(ModelConnected)
        link.dial(dial())
        await inbox.until(ModelConnected, 2)
        await link.aclose()
        async with asyncio.timeout(5):
            assert [await codes.get(), await codes.get()] == [1000, 1000]


async def test_the_wait_before_a_dial_is_kept_with_jitter(tmp_path: Path, inbox: Inbox) -> None:
    """At most a quarter is added."""
    async with peer(tmp_path, says()) as settings, open_client(settings) as client:
        link = GeminiLink(client=client, settings=settings, setup=SETUP, sink=inbox, jitter=lambda: 1.0)
        async with link:
            began_us = inbox.now_us()
            link.dial(dial(wait_ms=400))
            connected = await inbox.until(ModelConnected)
    waited_ms = (connected.at_us - began_us) / 1000 - connected.setup_ms
    assert 499 <= waited_ms < 900
