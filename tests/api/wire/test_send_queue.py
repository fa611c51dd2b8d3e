"""A connection's way out: in order, bounded, and closed after the last word."""

import asyncio
import json
from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from api.wire.protocol import decode_server_audio
from api.wire.send_queue import SendQueue


class Wire:
    """A websocket that takes messages only while its gate is open."""

    def __init__(self) -> None:
        self.sent: list[str | bytes | tuple[int, str]] = []
        self.gate = asyncio.Event()

    async def send_text(self, data: str) -> None:
        await self.gate.wait()
        self.sent.append(data)

    async def send_bytes(self, data: bytes) -> None:
        await self.gate.wait()
        self.sent.append(data)

    async def close(self, code: int, reason: str) -> None:
        self.sent.append((code, reason))


async def test_everything_goes_out_in_order_and_then_it_closes() -> None:
    """Given control and audio mixed, they arrive in order, audio numbered, and nothing after the
    end."""
    wire = Wire()
    wire.gate.set()
    send_queue = SendQueue(wire)
    assert send_queue.send({"type": "hold"})
    assert send_queue.send_audio(1, 480, b"\1\0")
    assert send_queue.send_audio(1, 481, b"\2\0")
    send_queue.finish(4409, "replaced")
    send_queue.finish(1000, "too late")
    assert send_queue.send({"type": "release"})
    await send_queue.run()
    hold, first, second, close = wire.sent
    assert json.loads(str(hold)) == {"type": "hold"}
    assert isinstance(first, bytes)
    assert isinstance(second, bytes)
    assert decode_server_audio(first)[:3] == (0, 1, 480)
    assert decode_server_audio(second)[:3] == (1, 1, 481)
    assert close == (4409, "replaced")


async def test_a_full_queue_says_no() -> None:
    """Given nobody who reads, what fits is taken, the next is refused, and the end still fits."""
    wire = Wire()
    send_queue = SendQueue(wire, longest=3)
    taken = [send_queue.send({"type": "ack", "seq": number}) for number in range(5)]
    assert taken == [True, True, True, False, False]
    send_queue.finish(4413, "slow")
    wire.gate.set()
    await send_queue.run()
    assert [json.loads(str(each))["seq"] for each in wire.sent[:-1]] == [0, 1, 2]
    assert wire.sent[-1] == (4413, "slow")


async def test_giving_up_what_waits_makes_room_for_the_reason() -> None:
    """Given a full queue that is given up, what is said afterwards goes out; so does an end that
    was asked before."""
    wire = Wire()
    send_queue = SendQueue(wire, longest=2)
    while send_queue.send({"type": "state"}):
        pass
    send_queue.give_up()
    assert send_queue.send({"type": "error"})
    send_queue.finish(4413, "slow")
    assert send_queue.finishing.is_set()
    wire.gate.set()
    await send_queue.run()
    assert [json.loads(str(each))["type"] for each in wire.sent[:-1]] == ["error"]
    ended = SendQueue(wire, longest=2)
    ended.finish(1000, "")
    ended.give_up()
    await asyncio.wait_for(ended.run(), 1)


def piece(number: int, text: str, interim: bool = True, who: str = "candidate") -> dict[str, Any]:
    return {"type": "transcript", "who": who, "number": number, "text": text, "interim": interim}


def state(name: str) -> dict[str, Any]:
    return {"type": "state", "state": name}


async def arrived(send_queue: SendQueue, wire: Wire) -> list[Any]:
    """What a client is sent in the end."""
    send_queue.finish(1000, "")
    wire.gate.set()
    await asyncio.wait_for(send_queue.run(), 1)
    return [json.loads(each) if isinstance(each, str) else "audio" for each in wire.sent[:-1]]


async def test_what_is_stale_makes_room_for_a_slow_client() -> None:
    """Given a client that is behind, interim texts and states that later ones replace go, and are
    counted."""
    wire = Wire()
    send_queue = SendQueue(wire, longest=100, behind=4)
    for number in range(3):
        send_queue.send({"type": "ack", "seq": number})
    sent = [
        piece(1, "I"), state("listening"), piece(1, "I have"), piece(2, "Oh"), piece(1, "I have", who="interviewer"),
        {"type": "hold"}, piece(1, "I have been", interim=False), piece(1, "there"), state("interrupted"),
    ]  # fmt: skip
    for message in sent:
        assert send_queue.send(message)
    send_queue.send_audio(1, 0, b"\1\0")
    assert send_queue.take_shed() == {}, "it is not over yet"
    assert send_queue.take_shed(ended=True) == {"transcript": 2, "state": 1}
    assert send_queue.take_shed(ended=True) == {}
    assert (await arrived(send_queue, wire))[3:] == [*(sent[index] for index in (3, 4, 5, 6, 7, 8)), "audio"]


async def test_a_client_that_keeps_up_is_sent_everything() -> None:
    """Given few messages waiting, nothing is dropped, stale or not."""
    wire = Wire()
    send_queue = SendQueue(wire, behind=4)
    sent = [piece(1, "I"), piece(1, "I have"), state("listening"), state("resuming")]
    for message in sent:
        send_queue.send(message)
    assert await arrived(send_queue, wire) == sent
    assert send_queue.take_shed(ended=True) == {}


async def test_a_stream_of_interim_texts_never_fills_the_queue() -> None:
    """Given a client that reads nothing and a speaker who talks on, the newest text waits, and
    little else."""
    wire = Wire()
    send_queue = SendQueue(wire, longest=20, behind=4)
    send_queue.send({"type": "ack", "seq": 1})
    assert all(send_queue.send(piece(1, f"text {number}")) for number in range(5_000))
    assert send_queue.waiting < 6
    assert (await arrived(send_queue, wire))[-1]["text"] == "text 4999"


async def test_what_was_given_up_is_counted_by_its_type() -> None:
    """Given a queue that is given up, everything that waited is reported once."""
    send_queue = SendQueue(Wire(), longest=3)
    send_queue.send({"type": "ack", "seq": 1})
    send_queue.send_audio(1, 0, b"\1\0")
    send_queue.send_audio(1, 1, b"\1\0")
    send_queue.give_up()
    assert send_queue.take_shed() == {"ack": 1, "audio": 2}
    assert send_queue.waiting == 0


kinds = st.one_of(
    st.builds(piece, st.integers(1, 2), st.just("t"), st.booleans(), st.sampled_from(["candidate", "interviewer"])),
    st.builds(state, st.sampled_from(["listening", "resuming"])),
    st.builds(lambda seq: {"type": "ack", "seq": seq}, st.integers(0, 9)),
    st.just({"type": "flush"}),
)


@given(course=st.lists(kinds, max_size=60), behind=st.integers(1, 30))
def test_only_what_is_stale_is_ever_dropped(course: list[dict[str, Any]], behind: int) -> None:
    """Whatever is said while nobody reads: what arrives, with what was counted as dropped, is all
    of it, in order."""
    wire = Wire()
    send_queue = SendQueue(wire, behind=behind)
    numbered = [message | {"at": number} for number, message in enumerate(course)]
    for message in numbered:
        send_queue.send(message)
    shed = Counter(send_queue.take_shed(ended=True))
    received = asyncio.run(arrived(send_queue, wire))
    assert [message["at"] for message in received] == sorted(message["at"] for message in received)
    dropped = [message for message in numbered if message not in received]
    assert Counter(message["type"] for message in dropped) == shed
    for message in dropped:
        later = [each for each in received if each["at"] > message["at"] and each["type"] == message["type"]]
        if message["type"] == "transcript":
            assert message["interim"]
            later = [each for each in later if (each["who"], each["number"]) == (message["who"], message["number"])]
        else:
            assert message["type"] == "state"
        assert later, "the newest of its kind was dropped"


async def test_a_reason_fits_into_a_close_frame() -> None:
    """Given an endless reason, it is cut to what a websocket can carry."""
    wire = Wire()
    send_queue = SendQueue(wire)
    send_queue.finish(4400, "r" * 1_000)
    await send_queue.run()
    assert len(str(wire.sent[0][1])) <= 123
