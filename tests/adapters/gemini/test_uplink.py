"""Chunks adapt to the network: alone what goes out is put together from what waits, and never from
anything else."""

import asyncio
import base64
import json
import socket
from collections import deque
from itertools import count
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.server import ServerConnection

from adapters.gemini.link import LinkCounts
from adapters.gemini.uplink import (
    LONGEST_CHUNK_BYTES,
    Audio,
    Note,
    Outgoing,
    Signal,
    Text,
    Uplink,
    UplinkCounts,
    chunks,
)
from domain.inputs import ModelConnected, ModelLost
from tests.adapters.gemini.conftest import Linked, dial
from tests.adapters.gemini.inbox import Inbox
from tests.adapters.gemini.peer import peer, set_up

CHUNK_BYTES = 1_280  # 40 ms, what the core sends at a time
PLENTY = 1 << 30
TAKE = "take"
audio = st.integers(1, LONGEST_CHUNK_BYTES // 2).map(lambda samples: Audio(b"\0\0" * samples))
others: st.SearchStrategy[Outgoing] = st.sampled_from([*Signal, Text("Go on."), Note("[Note]")])


def an_uplink() -> tuple[Uplink, UplinkCounts]:
    counts = UplinkCounts()
    return Uplink(PLENTY, count(step=1_000).__next__, counts), counts


def numbered(messages: list[Any]) -> list[Any]:
    """The same steps with every sample of the audio another number, so that none can be lost or
    swapped unseen."""
    samples = count()

    def stamped(message: Any) -> Any:
        if not isinstance(message, Audio):
            return message
        return Audio(b"".join((next(samples) & 0xFFFF).to_bytes(2, "little") for _ in range(len(message.pcm) // 2)))

    return [stamped(message) for message in messages]


def flow(messages: list[Any]) -> list[Outgoing | bytes]:
    """What Gemini would hear: each stretch of audio as one piece, in its place between the other
    messages."""
    heard: list[Outgoing | bytes] = []
    for message in messages:
        if not isinstance(message, Audio):
            heard.append(message)
        elif heard and isinstance(heard[-1], bytes):
            heard[-1] += message.pcm
        else:
            heard.append(message.pcm)
    return heard


@given(steps=st.lists(audio | others | st.just(TAKE), max_size=60))
def test_what_goes_out_is_byte_for_byte_what_came_in(steps: list[Any]) -> None:
    """Whenever the socket takes something: nothing lost, doubled or moved past a signal, and no
    chunk too long."""
    uplink, counts = an_uplink()
    offered, sent = numbered([step for step in steps if step is not TAKE]), []
    coming = iter(offered)
    for step in steps:
        if step is not TAKE:
            assert uplink.offer(next(coming))
        elif uplink.waiting:
            sent.append(uplink.take()[0])
    while uplink.waiting:
        sent.append(uplink.take()[0])
    assert flow(sent) == flow(offered)
    assert max((len(each.pcm) for each in sent if isinstance(each, Audio)), default=0) <= LONGEST_CHUNK_BYTES
    assert len(sent) + counts.joined == len(offered)


@given(pieces=st.lists(audio, min_size=1, max_size=60))
def test_a_backlog_goes_out_in_as_few_messages_as_its_pieces_allow(pieces: list[Audio]) -> None:
    """No two neighbours that one message could have carried go out apart."""
    uplink, _ = an_uplink()
    for piece in pieces:
        uplink.offer(piece)
    left = deque(len(piece.pcm) for piece in pieces)
    while uplink.waiting:
        message, _ = uplink.take()
        assert isinstance(message, Audio)
        size = len(message.pcm)
        while size > 0:
            size -= left.popleft()
        assert size == 0, "a piece was cut"
        assert not left or len(message.pcm) + left[0] > LONGEST_CHUNK_BYTES


@given(pieces=st.lists(audio, max_size=30))
def test_without_a_backlog_pieces_go_out_as_they_came(pieces: list[Audio]) -> None:
    """The lower bound is what the core sends at a time."""
    uplink, counts = an_uplink()
    for piece in pieces:
        uplink.offer(piece)
        assert uplink.take()[0] is piece
    assert counts.joined == 0


@given(steps=st.lists(audio | st.just(TAKE), max_size=60))
def test_the_bound_counts_what_waits_and_nothing_that_has_gone(steps: list[Any]) -> None:
    """Whatever was joined: the queue is full by its bytes, and empty again when all was taken."""
    limit_bytes = 20_000
    uplink, waiting_bytes = Uplink(limit_bytes, lambda: 0, UplinkCounts()), 0
    for step in steps:
        if step is TAKE:
            if uplink.waiting:
                message, _ = uplink.take()
                assert isinstance(message, Audio)
                waiting_bytes -= len(message.pcm)
        else:
            piece = Audio(step.pcm.ljust(64, b"\0"))  # shorter ones count as 64
            fits = waiting_bytes + len(piece.pcm) <= limit_bytes
            assert uplink.offer(piece) is fits
            if not fits:
                return
            waiting_bytes += len(piece.pcm)


def test_audio_has_waited_since_its_oldest_sample_came() -> None:
    """A joined message is as old as its first piece."""
    moments = iter([10, 20, 30])
    uplink = Uplink(PLENTY, moments.__next__, UplinkCounts())
    for _ in range(3):
        uplink.offer(Audio(bytes(CHUNK_BYTES)))
    assert uplink.take() == (Audio(bytes(3 * CHUNK_BYTES)), 10)


class SlowReader:
    """A peer that reads when the test lets it, through a small window, and keeps what it was
    sent."""

    def __init__(self) -> None:
        self.reading = asyncio.Event()
        self.received: list[str | bytes] = []
        self._news = asyncio.Event()

    async def __call__(self, connection: ServerConnection) -> None:
        await set_up(connection)
        connection.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        connection.transport.pause_reading()
        await self.reading.wait()
        connection.transport.resume_reading()
        async for frame in connection:
            (content,) = json.loads(frame).values()  # realtimeInput, however it is spelt
            if "audio" in content:
                self.received.append(base64.urlsafe_b64decode(content["audio"]["data"]))
            else:
                self.received.append(next(iter(content)))
            self._news.set()

    @property
    def pcm(self) -> bytes:
        return b"".join(item for item in self.received if isinstance(item, bytes))

    async def until(self, pcm_bytes: int) -> None:
        async with asyncio.timeout(20):
            while len(self.pcm) < pcm_bytes:
                self._news.clear()
                await self._news.wait()


def waiting(counts: LinkCounts) -> int:
    """How many messages the socket has not taken yet."""
    return counts.sent - counts.uplink.messages - counts.uplink.joined


async def test_chunks_grow_while_the_socket_is_slow_and_shrink_again(
    tmp_path: Path, inbox: Inbox, linked: Linked
) -> None:
    """Over a real socket: short chunks until it is full, long ones from the backlog, short ones
    when it has gone."""
    reader = SlowReader()
    pieces: list[bytes] = []
    live = [b"\1\0" * 640, b"\2\0" * 640]
    async with peer(tmp_path, reader) as settings, linked(settings) as link:
        link.dial(dial())
        await inbox.until(ModelConnected)
        link.open_activity()
        while link.counts.sent < 20_000 and waiting(link.counts) < 100:
            pieces.append(link.counts.sent.to_bytes(2, "little") * (CHUNK_BYTES // 2))
            link.send_audio(pieces[-1])
            await asyncio.sleep(0)  # the uplink's turn: only a socket that is full makes audio wait
        link.close_activity()
        link.open_activity()
        reader.reading.set()
        await reader.until(len(pieces) * CHUNK_BYTES)
        for piece in live:
            already = len(reader.pcm)
            link.send_audio(piece)
            await reader.until(already + CHUNK_BYTES)
        counts = link.counts.uplink

    assert inbox.of(ModelLost) == []
    sizes = [len(item) if isinstance(item, bytes) else item for item in reader.received]
    signals = [(at, item) for at, item in enumerate(sizes) if isinstance(item, str)]
    assert [item for _, item in signals] == ["activityStart", "activityEnd", "activityStart"]
    end = signals[1][0]
    assert reader.pcm == b"".join([*pieces, *live])
    assert sum(size for size in sizes[1:end] if isinstance(size, int)) == len(pieces) * CHUNK_BYTES
    assert sizes[1:6] == [CHUNK_BYTES] * 5
    assert LONGEST_CHUNK_BYTES in sizes
    assert sizes[-2:] == [CHUNK_BYTES] * 2
    assert set(sizes[1:end]) <= {n * CHUNK_BYTES for n in range(1, 6)}
    assert counts.messages == len(sizes)
    assert counts.joined == len(pieces) + len(live) - (len(sizes) - 3)
    assert counts.largest_chunk_bytes == LONGEST_CHUNK_BYTES
    assert counts.longest_wait_ms > 0
    measured = link.measured()
    assert (measured.messages, measured.joined) == (counts.messages, counts.joined)
    assert (measured.largest_chunk_ms, measured.longest_wait_ms) == (200, counts.longest_wait_ms)


def test_a_long_stretch_is_cut_into_pieces_that_one_message_may_carry() -> None:
    """A window that is sent again goes out at the upper bound from the start."""
    assert [len(chunk.pcm) for chunk in chunks(bytes(2 * LONGEST_CHUNK_BYTES + 10))] == [6_400, 6_400, 10]
