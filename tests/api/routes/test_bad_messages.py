"""What a client can do wrong in a call: a typed error, its call ends and says so in its log, the
neighbour goes on."""

import asyncio
import json
import random
import struct
from contextlib import suppress
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from api.wire.protocol import ClientAudio, encode_client_audio
from domain.event import Event
from domain.events import CallClosed
from domain.inputs import ClientLost, ClientViolatedProtocol
from tests.api.candidate import neighbour
from tests.api.connections.bare_socket import HELLO, bare
from tests.fixtures.server import Desk

pytestmark = [pytest.mark.simulated, pytest.mark.asyncio(loop_scope="module")]

LONG = " ".join(["Please tell me about the many projects that you have worked on in all these years"] * 10) + "?"


def audio(seq: int, samples: int = 320) -> bytes:
    return encode_client_audio(ClientAudio(seq, bytes(2 * samples)))


BAD: dict[str, tuple[list[Any], str, int]] = {
    "no JSON": (["{"], "malformed_json", 4400),
    "no object": (["42"], "malformed_message", 4400),
    "an unknown type": ([{"type": "dance"}], "unknown_type", 4400),
    "hello again": ([HELLO | {"token": "t"}], "unknown_type", 4400),
    "a field that is missing": ([{"type": "playback"}], "malformed_message", 4400),
    "a field of the wrong kind": ([{"type": "playback", "played_sample": "1"}], "malformed_message", 4400),
    "a negative sample": ([{"type": "playback", "played_sample": -1}], "malformed_message", 4400),
    "a ping without its id": ([{"type": "ping"}], "malformed_message", 4400),
    "an endless reason": ([{"type": "hangup", "reason": "r" * 501}], "malformed_message", 4400),
    "too long a text": ([json.dumps({"type": "ping", "id": 1, "padding": "x" * 16_384})], "message_too_big", 1009),
    "empty audio": ([b""], "malformed_audio", 4400),
    "half a header": ([b"\1\0\0\0"], "malformed_audio", 4400),
    "a header without audio": ([audio(0)[:8]], "malformed_audio", 4400),
    "half a sample": ([audio(0) + b"\0"], "malformed_audio", 4400),
    "audio of another kind": ([b"\2" + audio(0)[1:]], "malformed_audio", 4400),
    "too much audio": ([audio(0, 32_769)], "message_too_big", 1009),
    "far too much audio": ([audio(0, 600_000)], "message_too_big", 1009),
    "a second and more at once": ([audio(0, 16_001)], "message_too_big", 1009),
    "a flood": ([audio(seq, 16_000) for seq in range(12)], "audio_ahead", 4400),
    "a gap": ([audio(0), audio(2)], "audio_gap", 4400),
    "beginning in the middle": ([struct.pack("<B3xI", 1, 2**32 - 1) + bytes(640)], "audio_gap", 4400),
    "too many messages": ([{"type": "ping", "id": number} for number in range(250)], "too_many_messages", 4429),
}


async def log_of_the_end(desk: Desk, call_id: str, reason: str) -> list[Event]:
    """The log, which closes for this reason."""
    events = await desk.log(call_id)
    assert [event.reason for event in events if isinstance(event, CallClosed)] == [reason]
    return events


@pytest.mark.parametrize("name", list(BAD))
async def test_a_violation_ends_its_call_alone(desk: Desk, name: str) -> None:
    """Given a message that breaks the protocol: its error, `closed`, its close code, and the mark
    in the log."""
    messages, code, close_code = BAD[name]
    opened = await desk.open()
    async with neighbour(desk), bare(desk) as socket:
        await socket.hello(opened.token)
        await socket.send(*messages)
        assert await socket.ending() == close_code
    if "far too" not in name:  # that one is cut off by the websocket itself, before an error can be sent
        assert [(error["code"], error["fatal"]) for error in socket.errors] == [(code, True)]
        assert socket.errors[0]["message"].endswith(".")
        assert socket.messages[-1]["type"] == "closed"
        assert socket.messages[-1]["reason"] == "protocol_violation"
    await desk.settled(opened)
    events = await log_of_the_end(desk, opened.call_id, "protocol_violation")
    assert [event.code for event in events if isinstance(event, ClientViolatedProtocol)] == [code]


async def test_a_violation_after_the_end(desk: Desk) -> None:
    """Given rubbish in the grace period, it gets an error and is recorded, and the reason of the
    end stays."""
    opened = await desk.open()
    async with bare(desk) as socket:
        await socket.hello(opened.token)
        await socket.send({"type": "hangup"})
        await socket.until("closed")
        await socket.send("rubbish")
        assert await socket.ending() == 4400
    assert socket.errors[0]["code"] == "malformed_json"
    await desk.settled(opened)
    events = await log_of_the_end(desk, opened.call_id, "hangup_by_candidate")
    assert any(isinstance(event, ClientViolatedProtocol) for event in events)


async def test_what_is_odd_but_allowed(desk: Desk) -> None:
    """Given unknown fields, repetitions, contradictions and answers to nothing, the call goes on."""
    opened = await desk.open()
    async with bare(desk) as socket:
        await socket.hello(opened.token, shoe_size=43, played_sample=2**53)
        await socket.send({"type": "mute"}, {"type": "mute"}, {"type": "unmute"}, {"type": "unmute", "why": None})
        await socket.send({"type": "playback", "played_sample": 2**53, "held": True}, {"type": "pong", "id": 99})
        await socket.send({"type": "playback", "played_sample": 0}, audio(0, 1), audio(0, 1), audio(1, 16_000))
        await socket.send({"type": "ping", "id": 2**53})
        await socket.until("pong")
    assert not socket.errors


async def test_a_client_that_does_not_play(desk: Desk) -> None:
    """Given a client that says nothing of playback, it gets an error when the policy's patience
    ends."""
    opened = await desk.open(agent="stalls")
    async with neighbour(desk), bare(desk) as socket:
        await socket.hello(opened.token)
        assert await socket.ending() == 4413
    assert [error["code"] for error in socket.errors] == ["playback_stalled"]
    assert socket.messages[-1]["reason"] == "playback_stalled"
    await desk.settled(opened)
    await log_of_the_end(desk, opened.call_id, "playback_stalled")


async def test_a_client_of_which_nothing_is_heard(desk: Desk) -> None:
    """Given silence, to pings too, the connection is given up after 3 s, and the call waits for its
    client."""
    opened = await desk.open(agent="impatient")
    async with neighbour(desk), bare(desk) as socket:
        ready = await socket.hello(opened.token)
        async with asyncio.timeout(3 * ready["ping_interval_ms"] / 1000 + 5):
            await socket.ending()
    await desk.settled(opened)
    events = await log_of_the_end(desk, opened.call_id, "client_gone")
    assert [event.reason for event in events if isinstance(event, ClientLost)] == ["no sign of life"]


async def test_random_frames(desk: Desk) -> None:
    """Given random bytes and texts after a hello, every connection ends with a typed error or stays
    healthy."""
    chance = random.Random(7)
    async with neighbour(desk):
        for _ in range(30):
            opened = await desk.open()
            async with bare(desk) as socket:
                await socket.hello(opened.token)
                await socket.send(*(_frame(chance) for _ in range(8)), "the end")
                assert await socket.ending() in (4400, 1009)
            assert [error["fatal"] for error in socket.errors] == [True]


def _frame(chance: random.Random) -> bytes | str:
    kinds = ["hello", "playback", "mute", "unmute", "ping", "pong", "hangup", "x", 1, None]
    values = [0, -1, 2**70, 1.5, "", "\ud83d\ude00", None, [], {}, True]
    match chance.randrange(4):
        case 0:
            return chance.randbytes(chance.randrange(60))
        case 1:
            return audio(0, chance.randrange(1, 2_000))
        case 2:
            fields = {
                name: chance.choice(values) for name in chance.sample(["id", "played_sample", "held", "token"], 2)
            }
            return json.dumps({"type": chance.choice(kinds)} | fields)
        case _:
            return json.dumps(chance.choice(values))


async def test_a_text_that_is_no_unicode(desk: Desk) -> None:
    """Given a text frame that is not UTF-8, the websocket closes with 1007 and the call waits for
    its client."""
    opened = await desk.open(agent="impatient")
    async with bare(desk) as socket:
        await socket.hello(opened.token)
        with suppress(ConnectionClosed):
            await socket.socket.send(b"\xff\xfe\xfd", text=True)
        assert await socket.ending() == 1007
    await desk.settled(opened)
    await log_of_the_end(desk, opened.call_id, "client_gone")


async def test_a_client_that_just_closes(desk: Desk) -> None:
    """Given a client that closes its websocket in order, but without a hangup, its log has the
    code."""
    opened = await desk.open(agent="impatient")
    async with bare(desk) as socket:
        await socket.hello(opened.token)
        await socket.socket.close(3_000, "bye")
    await desk.settled(opened)
    lost = [event for event in await desk.log(opened.call_id) if isinstance(event, ClientLost)]
    assert lost[0].reason == "closed by the client with 3000"
