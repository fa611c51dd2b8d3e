"""Peers that mean harm, or are broken: whatever one of them sends, a call beside it goes on as if
nobody was there.

The peers are real sockets, each in a thread of its own. The call beside them is acknowledged and
hears its interviewer; how long the loop was ever held up is bounded as well, generously, as the
machine is shared.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from time import monotonic

import pytest

from api.wire.protocol import ClientAudio, encode_client_audio
from domain.inputs import ClientViolatedProtocol
from tests.api.candidate import in_call
from tests.api.connections.bare_socket import HELLO
from tests.api.connections.raw_peer import (
    BINARY,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    RawPeer,
    close_code,
    frame,
    peer,
    request,
)
from tests.fixtures.server import Desk

pytestmark = pytest.mark.asyncio(loop_scope="module")

LONGEST_STALL_S = 0.4
LONGEST_SILENCE_S = 1.5
"""Between two acknowledgements, of which there are five a second."""
STILL_OPEN = "still open"


@pytest.fixture(autouse=True)
def short_goodbyes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A peer that does not read its end is waited for, but not long."""
    monkeypatch.setattr("api.connections.websocket._GOODBYE_S", 0.3)
    monkeypatch.setattr("api.connections.http.GOODBYE_S", 0.3)


@asynccontextmanager
async def beside_a_call(desk: Desk) -> AsyncIterator[None]:
    """A healthy call whose audio flows, all through the block; and a loop that is never held up for
    long."""
    opened = await desk.open()
    async with in_call(opened) as healthy:
        await healthy.until(lambda: bool(healthy.of("ack")))
        watching = asyncio.create_task(_watch(lambda: len(healthy.of("ack"))))
        try:
            yield
        finally:
            watching.cancel()
        longest_stall_s, longest_silence_s = await watching
        assert healthy.client.connections == 1
        assert not healthy.of("error") + healthy.of("closed")
        assert longest_silence_s < LONGEST_SILENCE_S
        assert longest_stall_s < LONGEST_STALL_S


async def _watch(acknowledged: Callable[[], int]) -> tuple[float, float]:
    """The longest that the loop stood still, and that nothing was acknowledged, until this is
    cancelled."""
    stall_s = silence_s = 0.0
    last, since_s = acknowledged(), monotonic()
    try:
        while True:
            began_s = monotonic()
            await asyncio.sleep(0.01)
            stall_s = max(stall_s, monotonic() - began_s - 0.01)
            silence_s = max(silence_s, monotonic() - since_s)
            if acknowledged() != last:
                last, since_s = acknowledged(), monotonic()
    except asyncio.CancelledError:
        return stall_s, silence_s


def tiny(kind: int, payload: bytes = b"") -> bytes:
    """A burst of the smallest frames of a kind."""
    return frame(kind, payload) * 40_000


def pieces(first: bytes) -> bytes:
    """A message in very many pieces, of which each is empty."""
    return frame(TEXT, first, final=False) + frame(CONTINUATION, final=False) * 40_000


SILENCE = encode_client_audio(ClientAudio(0, bytes(2)))

FLOODS: dict[str, tuple[bytes, str]] = {
    "pings": (tiny(PING), "too_many_messages"),
    "long pings": (tiny(PING, b"x" * 125)[:2_000_000], "too_many_messages"),
    "pongs": (tiny(PONG), "too_many_messages"),
    "pieces": (pieces(b"{"), "message_too_big"),
    "empty texts": (tiny(TEXT), "malformed_json"),
    "control messages": (tiny(TEXT, b'{"type":"mute"}'), "too_many_messages"),
    "empty audio": (tiny(BINARY), "malformed_audio"),
    "the same audio": (tiny(BINARY, SILENCE), "too_many_messages"),
    "a giant": (frame(BINARY, announced=2**40), "message_too_big"),
    "a giant in pieces": (
        frame(BINARY, bytes(60_000), final=False) + frame(CONTINUATION, bytes(60_000), final=False) * 20,
        "message_too_big",
    ),
}


@pytest.mark.parametrize("name", list(FLOODS))
async def test_a_flood_within_a_call_ends_that_call_alone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Given a client with a good token that floods, its call ends for what it did."""
    monkeypatch.setattr("api.wire.receive_queue._AUDIO_AT_ONCE", 2_000)
    data, code = FLOODS[name]
    opened = await desk.open()

    def attack() -> bool:
        with peer(desk.url) as one:
            one.upgrade()
            one.say(json.dumps(HELLO | {"token": opened.token}))
            one.flood(data, seconds=6)
            return one.open

    async with beside_a_call(desk):
        assert not await asyncio.to_thread(attack)
    await desk.settled(opened)
    events = await desk.log(opened.call_id)
    assert [event.code for event in events if isinstance(event, ClientViolatedProtocol)] == [code]


@pytest.mark.parametrize("name", [name for name in FLOODS if name != "the same audio"])
async def test_a_flood_before_hello_ends_at_once(desk: Desk, name: str) -> None:
    """Given a flood before any hello, the connection is cut off without being listened to any
    longer."""

    def attack() -> bool:
        with peer(desk.url) as one:
            one.upgrade()
            one.flood(FLOODS[name][0], seconds=6)
            return one.open

    async with beside_a_call(desk):
        assert not await asyncio.to_thread(attack)


def a_body(headers: str, body: bytes = b"") -> bytes:
    head = f"POST /calls HTTP/1.1\r\nHost: viva\r\nContent-Type: application/json\r\n{headers}\r\n\r\n"
    return head.encode() + body


NONSENSE: dict[str, tuple[bytes, bytes]] = {
    "garbage": (bytes(range(256)) * 40, b"400"),
    "a TLS hello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500), b"400"),
    "an endless header": (b"GET / HTTP/1.1\r\nX: " + b"x" * 200_000, b"400"),
    "very many headers": (b"GET / HTTP/1.1\r\n" + b"X: x\r\n" * 20_000, b"400"),
    "a websocket with a header too long for it": (request("/ws/audio", "X: " + "x" * 9_000), b"400"),
    "a websocket with too many headers": (request("/ws/audio", *["X: x"] * 300), b"400"),
    "a body in tiny pieces": (a_body("Transfer-Encoding: chunked", b"1\r\nx\r\n" * 40_000), b"400"),
    "an endless body": (a_body("Content-Length: 1000000000", b"x" * 2_000_000), b"413"),
}


@pytest.mark.parametrize("name", list(NONSENSE))
async def test_nonsense_is_refused_and_cut_off(desk: Desk, name: str) -> None:
    """Given bytes that are no request, or one that nobody would send, the answer is short and the
    connection over."""
    data, status = NONSENSE[name]

    def attack() -> bytes:
        with peer(desk.url) as one:
            one.send(data)
            return one.rest()

    async with beside_a_call(desk):
        answer = await asyncio.to_thread(attack)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 " + status)  # what it still sends may cut off the answer


async def test_garbage_for_frames(desk: Desk) -> None:
    """Given bytes that are no frames, after a good opening, the websocket ends with 1002."""

    def attack() -> bytes:
        with peer(desk.url) as one:
            one.upgrade()
            one.send(b"\xff" * 100)
            return one.rest()

    async with beside_a_call(desk):
        assert close_code(await asyncio.to_thread(attack)) == 1002


TRICKLES: dict[str, tuple[bytes, bytes]] = {
    "nothing at all": (b"", b""),
    "a head": (b"", b"GET / HTTP/1.1\r\nHost: viva\r\n" + b"X: y\r\n" * 1_000),
    "the opening of a websocket": (b"", request("/ws/audio", *["X: y"] * 500)),
    "a second head": (b"GET /health/live HTTP/1.1\r\nHost: viva\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 1_000),
    "a body": (a_body("Content-Length: 5000"), b"x" * 5_000),
    "pieces of a body": (a_body("Transfer-Encoding: chunked"), b"1\r\nx\r\n" * 1_000),
    "frames before hello": (request(), frame(PING) * 5_000),
}


@pytest.mark.parametrize("name", list(TRICKLES))
async def test_a_trickle_is_not_waited_for(desk: Desk, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Given a peer that sends a byte now and then, it has the time that anybody has, and no more."""
    monkeypatch.setattr("api.connections.http.HEAD_S", 0.5)
    monkeypatch.setattr("api.connections.http.REQUEST_S", 0.5)
    monkeypatch.setattr("api.routes.audio_socket._HELLO_TIMEOUT_S", 0.5)
    at_once, slowly = TRICKLES[name]

    def attack() -> tuple[float, bytes]:
        began_s = monotonic()
        with peer(desk.url) as one:
            one.send(at_once)
            one.socket.settimeout(0.01)
            received = b""
            left = iter(slowly)
            while True:
                try:
                    piece = one.socket.recv(65_536)
                except TimeoutError:
                    one.send(bytes([next(left)]) if slowly else b"")
                    continue
                except ConnectionError:
                    break
                if not piece:
                    break
                received += piece
            return monotonic() - began_s, received

    async with beside_a_call(desk):
        took_s, received = await asyncio.to_thread(attack)
    assert 0.4 < took_s < 4
    if "frames" in name:
        assert close_code(received) == 4408
    else:
        assert received.startswith(b"HTTP/1.1 200" if "second" in name else b"HTTP/1.1 408")


async def test_an_answer_that_nobody_reads_is_not_kept(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given many requests on one connection whose answers are never read, the connection ends."""
    monkeypatch.setattr("api.connections.http.REQUEST_S", 0.5)

    def attack() -> bool:
        with peer(desk.url) as one:
            one.flood(b"GET /schema/openapi.json HTTP/1.1\r\nHost: viva\r\n\r\n" * 1_000, seconds=8)
            return one.open

    async with beside_a_call(desk):
        assert not await asyncio.to_thread(attack)


async def test_a_refused_websocket_that_is_never_read_is_not_kept(desk: Desk) -> None:
    """Given a peer that is told to go and neither reads nor leaves, its connection is cut after a
    while."""
    waiting = desk.services.gate.waiting["websocket"]

    def attack() -> str:
        with peer(desk.url) as one:
            one.upgrade()
            one.say(json.dumps(HELLO | {"token": "none"}))
            one.rest(3)
            return "closed"

    assert await asyncio.to_thread(attack) == "closed"
    assert desk.services.gate.waiting["websocket"] <= waiting


@pytest.mark.parametrize("kind", ["http", "websocket"])
async def test_connections_before_their_hello_are_bounded_in_number(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Given far more half-open connections than may wait, the oldest go; who asks quickly never
    notices."""
    monkeypatch.setattr(desk.services.gate, "most", 40)
    evicted = desk.services.gate.evicted[kind]

    def crowd(stack: ExitStack) -> list[RawPeer]:
        peers = []
        for _ in range(100):
            one = stack.enter_context(peer(desk.url))
            if kind == "websocket":
                one.upgrade()
            else:
                one.send(b"GET / HTTP/1.1\r\nHost:")
            peers.append(one)
        return peers

    with ExitStack() as stack:
        async with beside_a_call(desk):
            peers = await asyncio.to_thread(crowd, stack)
            opened = await desk.open()
            async with in_call(opened) as welcome:
                await welcome.until(lambda: bool(welcome.of("ack")))
            assert sum(desk.services.gate.waiting.values()) <= 40
        ends = [await asyncio.to_thread(one.rest) for one in peers[:50]]
    if kind == "websocket":
        assert {close_code(end) for end in ends} == {1013}
    else:
        assert all(end.startswith(b"HTTP/1.1 503") and b"server_full" in end for end in ends)
    assert desk.services.gate.evicted[kind] >= evicted + 50


async def test_connections_that_ended_before_their_hello_leave_no_trace(desk: Desk) -> None:
    """Given connections of all kinds that come and go, none is counted afterwards."""

    def visit() -> None:
        for begin in (b"", b"GET / HTTP/1.1\r\n", request(), request("/nowhere"), b"rubbish\r\n\r\n"):
            with peer(desk.url) as one:
                one.send(begin)

    await asyncio.to_thread(visit)
    async with asyncio.timeout(10):
        while sum(desk.services.gate.waiting.values()):  # noqa: ASYNC110  (nothing announces it)
            await asyncio.sleep(0.02)
