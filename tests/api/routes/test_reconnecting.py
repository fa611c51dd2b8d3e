"""Lost connections: the call waits, the client comes back by itself, and not a sample is lost or
doubled."""

import asyncio
import json

import pytest
from websockets.asyncio.client import ClientConnection, connect

from api.client import VivaClient
from domain.events import CandidateStopped, LinkLost
from domain.inputs import ClientConnected
from domain.ports import Side
from domain.states import Link
from tests.api.candidate import Candidate, in_call, recording
from tests.fixtures.server import Desk

pytestmark = [pytest.mark.simulated, pytest.mark.asyncio(loop_scope="module")]


class Sent:
    """Everything that a microphone has sent from its first message on, by its number."""

    def __init__(self, client: VivaClient) -> None:
        self.messages: dict[int, bytes] = {}
        self._push = client.microphone.push
        client.microphone.push = self._note  # type: ignore[method-assign]
        self._microphone = client.microphone

    def _note(self, pcm: bytes) -> None:
        self.messages[self._microphone.next_seq] = pcm
        self._push(pcm)

    @property
    def pcm(self) -> bytes:
        return b"".join(self.messages[seq] for seq in sorted(self.messages))


async def dropped(candidate: Candidate) -> None:
    """Break the connection and wait until the client is back."""
    before = candidate.client.connections
    await candidate.client.drop()
    await candidate.until(lambda: candidate.client.connections > before and bool(candidate.of("ready")))


async def test_a_dropped_connection_loses_nothing(desk: Desk) -> None:
    """Given a connection that breaks twice in an answer, the stored audio is what was sent,
    exactly, and in order."""
    opened = await desk.open("Why?", "How?")
    async with in_call(opened) as candidate:
        sent = Sent(candidate.client)
        await candidate.asked(1)
        candidate.client.microphone.say(recording("answer_3", 3.0))
        await candidate.state("candidate_speaking")
        for _ in range(2):
            await asyncio.sleep(0.4)
            await dropped(candidate)
        await candidate.client.microphone.spoken()
        await candidate.hears(generation=2)
    assert candidate.client.connections == 3
    assert [ready["resumed"] for ready in candidate.of("ready")] == [False, True, True]
    assert candidate.client.microphone.unacknowledged == 0
    stored = await desk.pcm(opened.call_id, Side.CANDIDATE)
    assert stored == sent.pcm
    events = await desk.log(opened.call_id)
    losses = [event for event in events if isinstance(event, LinkLost) and event.link is Link.CLIENT]
    assert len(losses) == 2
    assert len([event for event in events if isinstance(event, CandidateStopped)]) == 1


async def test_hearing_goes_on_after_a_drop(desk: Desk) -> None:
    """Given a connection that breaks in a question, the rest of it is played after the reconnect,
    without a gap."""
    opened = await desk.open("Could you tell me about a project that you are proud of, and why you are?")
    async with in_call(opened) as candidate:
        await candidate.hears(ms=500)
        await dropped(candidate)
        await candidate.state("listening", count=2)
    sent = await desk.pcm(opened.call_id, Side.INTERVIEWER)
    assert candidate.client.loudspeaker.played_sample * 2 == len(sent)
    assert "model_speaking" in [ready["state"] for ready in candidate.of("ready")]


async def test_what_was_asked_for_while_away_is_done_on_return(desk: Desk) -> None:
    """Given a microphone muted, and later a hangup asked for, without a connection, the server
    hears of both."""
    opened = await desk.open("Why?")
    async with in_call(opened) as candidate:
        await candidate.asked(1)
        await candidate.client.drop()
        candidate.client.mute()
        await candidate.until(lambda: len(candidate.of("ready")) == 2)
        await asyncio.sleep(0.05)
        await candidate.client.drop()
        candidate.client.unmute()
        await candidate.until(lambda: len(candidate.of("ready")) == 3)
        assert candidate.messages[-1]["type"] != "closed"
        await candidate.client.drop()
        candidate.client.hangup("done")
        await candidate.until(lambda: bool(candidate.of("closed")))
    assert [ready["muted"] for ready in candidate.of("ready")][:3] == [False, False, True]
    assert candidate.of("closed")[0]["reason"] == "hangup_by_candidate"


async def test_a_second_connection_replaces_the_first(desk: Desk) -> None:
    """Given two clients with one token, the newer has the call, and the older gets an error and does
    not come back."""
    opened = await desk.open("Why?")
    async with in_call(opened) as first:
        await first.hears()
        async with in_call(opened) as second:
            await first.client.ended()
            assert first.client.error is not None
            assert first.client.error["code"] == "replaced"
            assert second.client.ready["resumed"]
            await second.state("listening", "model_speaking")
        assert first.client.connections == 1
    connected = [event for event in await desk.log(opened.call_id) if isinstance(event, ClientConnected)]
    assert [event.resumed for event in connected] == [False, True]


async def test_a_client_that_never_returns(desk: Desk) -> None:
    """Given a client that is gone for good, the call closes after the resuming wait, and says
    why."""
    opened = await desk.open("Why?", agent="impatient")
    socket = await hello(desk, opened.token)
    socket.transport.abort()
    session = await desk.settled(opened)
    assert session.call.record.close_reason == "client_gone"


async def test_a_call_that_nobody_says_hello_to(desk: Desk) -> None:
    """Given no client at all, the call closes by itself."""
    session = await desk.settled(await desk.open("Why?", agent="unmet"))
    assert session.call.record.close_reason == "never_connected"


async def test_a_repeated_message_is_taken_once(desk: Desk) -> None:
    """Given audio messages sent two and three times, each is stored once; all are acknowledged."""
    opened = await desk.open("Why?")
    async with in_call(opened, speak=False) as candidate:
        messages = [bytes([number, 0] * 320) for number in range(20)]
        for pcm in messages:
            candidate.client.microphone.push(pcm)
        for seq in (3, 3, 19, 0):
            candidate.client._send_audio(seq, b"\7\7" * 320)
        await candidate.acknowledged()
    assert await desk.pcm(opened.call_id, Side.CANDIDATE) == b"".join(messages)


async def hello(desk: Desk, token: str, **fields: object) -> ClientConnection:
    """A bare connection that has said hello and got `ready`."""
    socket = await connect(desk.socket_url, subprotocols=["viva.v1"], proxy=None, ping_interval=None)  # type: ignore[list-item]
    await socket.send(json.dumps({"type": "hello", "token": token, "rate_hz": 16_000, **fields}))
    assert json.loads(await socket.recv())["type"] == "ready"
    return socket
