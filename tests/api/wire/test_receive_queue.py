"""What a client sends is read at once and handed over in order; what is about this moment does not
wait."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from api.wire import protocol
from api.wire.protocol import ClientAudio, encode_client_audio
from api.wire.receive_queue import MOST_BYTES, GoneError, ReceiveHandler, ReceiveQueue
from api.wire.send_queue import SendQueue
from domain.errors import PeerError

PCM = bytes(640)


class Line(ReceiveHandler):
    """Both ends of a connection: what a client says, and a call that writes down what it is
    handed."""

    def __init__(self) -> None:
        self.said: asyncio.Queue[str | bytes | GoneError] = asyncio.Queue()
        self.handed: list[Any] = []
        self.attached = True
        self.signs_of_life = 0
        self.filled = 0
        self.receive_queue = ReceiveQueue(self, cast(SendQueue, self), self, self)

    def say(self, *messages: dict[str, Any] | int) -> None:
        """Control messages, and audio messages by their number."""
        for message in messages:
            if isinstance(message, int):
                self.said.put_nowait(encode_client_audio(ClientAudio(message, PCM)))
            else:
                self.said.put_nowait(json.dumps(message))

    async def receive(self) -> str | bytes:
        message = await self.said.get()
        if isinstance(message, GoneError):
            raise message
        return message

    def heard(self) -> None:
        self.signs_of_life += 1

    def answered(self, ping_id: int) -> int:
        return 1_000 * ping_id

    def is_attached(self, send_queue: SendQueue) -> bool:
        return self.attached

    def take_round_trip(self, round_trip_us: int) -> None:
        self.handed.append(round_trip_us)

    def receive_queue_filled(self) -> None:
        self.filled += 1

    def take_audio(self, audio: ClientAudio) -> None:
        if audio.seq == 13:
            raise PeerError("audio_gap", "12 is missing.")
        self.handed.append(audio.seq)

    def take_control(self, message: protocol.ClientMessage) -> None:
        self.handed.append(type(message).__name__)

    def violated(self, error: PeerError) -> None:
        self.handed.append(error.code)

    async def until(self, condition: Callable[[], bool]) -> None:
        for _ in range(100_000):
            if condition():
                return
            await asyncio.sleep(0)
        raise TimeoutError

    @asynccontextmanager
    async def reading(self, *, working: bool = True) -> AsyncIterator[None]:
        work = [self.receive_queue.read(), *([self.receive_queue.work()] if working else [])]
        tasks: list[asyncio.Task[None]] = [asyncio.create_task(each) for each in work]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_what_is_playing_and_signs_of_life_do_not_wait_behind_audio() -> None:
    """Given six seconds of audio sent again at once, and reports behind it, the reports are there
    first."""
    line = Line()
    line.say(*range(20, 320), {"type": "playback", "played_sample": 9}, {"type": "ping", "id": 1})
    line.say({"type": "pong", "id": 5})
    async with line.reading():
        await line.until(lambda: 319 in line.handed)
    assert line.handed.index(319) > line.handed.index("Playback")
    assert [each for each in line.handed if isinstance(each, str)] == ["Playback", "Ping"]
    assert 5_000 in line.handed
    assert [each for each in line.handed if isinstance(each, int) and each != 5_000] == list(range(20, 320))
    assert line.signs_of_life == 303


async def test_what_has_its_place_in_the_audio_keeps_it() -> None:
    """Given a mute and a hangup between audio, all comes in the order in which it was said."""
    line = Line()
    line.say(1, {"type": "mute"}, 2, {"type": "unmute"}, 3, {"type": "hangup"})
    async with line.reading():
        await line.until(lambda: "Hangup" in line.handed)
    assert line.handed == [1, "Mute", 2, "Unmute", 3, "Hangup"]


async def test_more_than_may_wait_is_not_read_before_there_is_room() -> None:
    """Given a client that sends more than the bound while nothing is worked off, the rest stays in
    its connection."""
    line = Line()
    most = MOST_BYTES // (len(encode_client_audio(ClientAudio(0, PCM))) + 64) + 1
    line.say(*range(20, 20 + 2 * most))
    async with line.reading(working=False):
        await line.until(lambda: line.said.qsize() <= most)
        for _ in range(100):
            await asyncio.sleep(0)
        assert line.said.qsize() > most // 2
        heard = line.signs_of_life
        await line.receive_queue.work_off()
        assert line.signs_of_life > heard + (most - line.said.qsize())  # it is not silent because it is not read
        await line.until(lambda: not line.said.qsize())
        await line.receive_queue.work_off()
    assert line.handed == list(range(20, 20 + 2 * most))
    assert line.filled in (1, 2)


@pytest.mark.parametrize(("fault", "code"), [(13, "audio_gap"), ({"type": "sing"}, "unknown_type")])
async def test_a_violation_has_its_place_too(fault: Any, code: str) -> None:
    """Given a fault between audio, what came before is handed over, and nothing that came after."""
    line = Line()
    line.say(1, 2, fault, 3, {"type": "mute"})
    async with line.reading():
        await line.until(lambda: len(line.handed) > 2)
        for _ in range(50):
            await asyncio.sleep(0)
    assert line.handed == [1, 2, code]


async def test_what_has_arrived_before_the_end_is_handed_over() -> None:
    """Given a connection that ends behind audio, `read` says so, and what waits can still be worked
    off."""
    line = Line()
    line.say(1, 2, 3)
    line.said.put_nowait(GoneError(1001))
    with pytest.raises(GoneError):
        await asyncio.wait_for(line.receive_queue.read(), 5)
    await line.receive_queue.work_off()
    assert line.handed == [1, 2, 3]


async def test_the_call_learns_why_the_websocket_ended() -> None:
    """Given a giant message, which the websocket itself refuses, the call hears of it behind what
    came before."""
    line = Line()
    line.say(1)
    line.said.put_nowait(GoneError(1009))
    with pytest.raises(GoneError):
        await asyncio.wait_for(line.receive_queue.read(), 5)
    await line.receive_queue.work_off()
    assert line.handed == [1, "message_too_big"]


async def test_a_replaced_connection_is_nobodys() -> None:
    """Given a connection that another one has replaced, what waits and what still comes is left
    out."""
    line = Line()
    line.say(1, 2)
    async with line.reading(working=False):
        await line.until(lambda: not line.said.qsize())
        line.attached = False
        line.say(3, {"type": "playback", "played_sample": 9})
        await line.until(lambda: not line.said.qsize())
        await line.receive_queue.work_off()
    assert line.handed == []
