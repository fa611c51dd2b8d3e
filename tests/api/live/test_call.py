"""A live call between fakes: its first and last words, its alarm, and its end with another owner."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from api.live.call import LiveCall
from api.live.client_link import CLOSE_DURABLE_WITHIN_MS, ClientConnection
from api.wire.protocol import ClientAudio, Hello
from api.wire.send_queue import SendQueue
from api.wire.tokens import TokenMint
from domain.errors import PeerError
from domain.inputs import CandidateTranscribed, MicMuted, ModelAudio
from domain.ports import Append
from domain.states import State
from tests.domain.calls import CALL_ID, a_call
from tests.fakes.call_ports import fake_ports
from tests.fakes.clock import ManualClock
from tests.fakes.store import InMemoryStore

TOKENS = TokenMint("k" * 32, 600)


class Client:
    """The end of a connection: what it is sent, and how it is closed."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.closed_with: int | None = None
        self.send_queue = SendQueue(self)

    async def send_text(self, data: str) -> None:
        self.messages.append(json.loads(data))

    async def send_bytes(self, data: bytes) -> None:
        self.messages.append({"type": "audio"})

    async def close(self, code: int, reason: str) -> None:
        self.closed_with = code

    @property
    def kinds(self) -> list[str]:
        return [message["type"] for message in self.messages]


class Scene:
    """A live call over fakes; whoever waits for it has it run as far as it can by itself."""

    def __init__(self) -> None:
        self.store, self.clock = InMemoryStore(), ManualClock()
        self.live = LiveCall(a_call(), fake_ports(self.store, clock=self.clock))
        self._tasks: list[asyncio.Task[None]] = []

    def says_hello(self, **hello: Any) -> Client:
        client = Client()
        self._tasks.append(asyncio.create_task(client.send_queue.run()))
        connection = ClientConnection(client.send_queue, TOKENS.issue(CALL_ID), 1_000)
        self.live.client.attach(connection, Hello(token="", rate_hz=16_000, **hello))
        return client

    async def rests(self) -> None:
        for _ in range(50):
            await asyncio.sleep(0)

    async def later(self, ms: int) -> None:
        self.clock.advance(ms * 1_000)
        await self.rests()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        self.live.loop.appender.record_opening(self.live.call.opened)
        self._tasks.append(asyncio.create_task(self.live.run()))
        self.live.loop.set_alarm()
        await self.rests()
        yield
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    made = Scene()
    async with made.running():
        yield made


async def test_ready_is_the_first_message(scene: Scene) -> None:
    """Given a first hello, ready comes before the states that it leads to, with this connection's
    facts."""
    client = scene.says_hello()
    await scene.rests()
    ready = client.messages[0]
    assert ready["type"] == "ready"
    assert (ready["call_id"], ready["next_seq"], ready["ping_interval_ms"]) == (str(CALL_ID), 0, 1_000)
    assert (ready["resumed"], ready["state"], ready["missing"]) == (False, "resuming", ["model"])
    assert "ack" not in client.kinds
    assert client.kinds[1:] == ["state"]
    assert scene.live.call.state is State.LISTENING


async def test_a_client_that_comes_back_has_its_acknowledgement_and_what_it_missed(scene: Scene) -> None:
    """Given stored audio and a transcript, a new connection hears of both right behind ready, and
    the old one is replaced."""
    first = scene.says_hello()
    for seq in range(50):
        scene.clock.advance(20_000)
        scene.live.client.take_audio(ClientAudio(seq, bytes(640)))
    now_us = scene.live.loop.now_us()
    scene.live.loop.feed(CandidateTranscribed(at_us=now_us, text="Hello.", interim=False))
    await scene.later(2_000)
    second = scene.says_hello()
    await scene.rests()
    assert second.kinds[:3] == ["ready", "ack", "transcript"]
    assert second.messages[2]["again"]
    assert (first.kinds[-1], first.closed_with) == ("error", 4409)


async def test_closed_waits_for_the_log(scene: Scene) -> None:
    """Given a store that is behind, closed is sent once the close is stored, and says so."""
    client = scene.says_hello()
    await scene.rests()
    scene.store.pause()
    scene.live.hang_up("operator", "enough")
    await scene.later(CLOSE_DURABLE_WITHIN_MS // 2)
    assert "closed" not in client.kinds
    scene.store.resume()
    await scene.rests()
    assert client.messages[-1]["type"] == "closed"
    assert client.messages[-1]["durable"] is True


async def test_closed_does_not_wait_for_ever(scene: Scene) -> None:
    """Given a store that is away, closed is sent after a second, and says that it is not stored."""
    client = scene.says_hello()
    await scene.rests()
    scene.store.pause()
    scene.live.hang_up("operator", "enough")
    await scene.later(CLOSE_DURABLE_WITHIN_MS)
    assert client.messages[-1]["type"] == "closed"
    assert client.messages[-1]["durable"] is False
    scene.store.resume()
    await scene.rests()
    assert client.kinds.count("closed") == 1


async def test_a_violation_ends_the_connection_with_its_code(scene: Scene) -> None:
    """Given a gap in the audio, the client hears of its fault, that the call is closed, and is
    refused afterwards."""
    client = scene.says_hello()
    scene.live.client.violated(PeerError("audio_gap", "12 is missing."))
    await scene.rests()
    assert client.kinds[-3:] == ["error", "state", "closed"]
    assert client.closed_with == 4400
    with pytest.raises(PeerError, match="The call is over"):
        scene.says_hello()


async def test_the_alarm_wakes_a_call_whose_client_does_not_come(scene: Scene) -> None:
    """Given no hello, the call is closed when its wait is over, and not before."""
    wait_ms = scene.live.call.policy.links.hello_wait_ms
    await scene.later(wait_ms - 1)
    assert scene.live.call.state is State.RESUMING
    await scene.later(1)
    assert scene.live.call.record.close_reason == "never_connected"


async def test_the_interviewers_voice_is_kept_and_sent(scene: Scene) -> None:
    """Given audio of the model's, the client is sent it."""
    client = scene.says_hello()
    scene.live.model.feed(ModelAudio(at_us=scene.live.loop.now_us(), pcm=bytes(48 * 400)))
    await scene.rests()
    assert "audio" in client.kinds


async def test_what_happens_to_a_call_of_another_owner_is_nobodys(scene: Scene) -> None:
    """Given another process that recorded the next version, the client is sent on, and no input
    counts any more."""
    client = scene.says_hello()
    other = a_call()
    taken = other.handle(MicMuted(at_us=5)).events
    codec = fake_ports(scene.store).codec
    await scene.rests()
    version = scene.live.call.record.version
    stored = tuple(codec.to_stored_event(event) for event in taken)
    scene.store.pause()
    scene.store.submit(Append(CALL_ID, "default", tuple(_moved(each, version + 1) for each in stored)))
    scene.live.loop.feed(MicMuted(at_us=scene.live.loop.now_us()))
    await scene.later(3_000)
    scene.store.resume()
    await scene.rests()
    assert client.messages[-1]["type"] == "go_away"
    assert client.closed_with == 1012
    version = scene.live.call.record.version
    scene.live.loop.feed(MicMuted(at_us=scene.live.loop.now_us()))
    assert scene.live.call.record.version == version


def _moved(stored: Any, version: int) -> Any:
    return type(stored)(stored.originator_id, version, stored.topic, stored.state)
