"""The candidate's voice for the model: from the buffer, or read back from the log while everything
behind it waits."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from hashlib import sha256
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from adapters.gemini.losses import LostError
from adapters.gemini.uplink import Audio, Signal, Stretch, Uplink, UplinkCounts, chunks
from api.live.audio_ring import AudioNotHeldError, AudioRing
from api.live.read_back import ReadBack
from domain.errors import StoreUnavailableError
from domain.inputs import AudioReadBack, Input
from domain.ports import AudioSegment, Side
from domain.ports.model_link import UPLINK_FULL, InputSink
from tests.contracts.calls import append, new_call
from tests.fakes.store import InMemoryStore

pytestmark = pytest.mark.simulated

SECOND = 16_000


def second(call_id: UUID, number: int) -> AudioSegment:
    """A second unlike every other."""
    pcm = (np.arange(SECOND) * (2 * number + 1)).astype("<i2").tobytes()
    return AudioSegment(call_id, "acme", Side.CANDIDATE, sha256(pcm).hexdigest(), SECOND, number * SECOND, pcm, b"")


class Recorded(InputSink):
    """A call whose audio is in the log up to `stored` seconds, and in the buffer for the last of
    them."""

    def __init__(self, seconds: int, stored: int, kept: int) -> None:
        self.call_id = new_call()
        self.store = InMemoryStore()
        self.segments = [second(self.call_id, number) for number in range(seconds)]
        self.pcm = b"".join(each.pcm for each in self.segments)
        self.ring = AudioRing(kept * SECOND, (seconds - kept) * SECOND)
        self.ring.append(self.pcm[-2 * kept * SECOND :])
        self.fed: list[AudioReadBack] = []
        self.read_back = ReadBack(self.call_id, self.ring, self.store, self)
        self.stored = 0
        self.write(stored)

    def now_us(self) -> int:
        return 0

    def feed(self, happened: Input) -> None:
        assert isinstance(happened, AudioReadBack)
        self.fed.append(happened)

    def write(self, seconds: int) -> None:
        for number in range(self.stored, self.stored + seconds):
            self.store.submit(append(self.call_id, number + 1, audio=[self.segments[number]]))
        self.stored += seconds

    async def read(self, from_sample: int, to_sample: int) -> bytes:
        voice = self.read_back.stretch(from_sample, to_sample)
        return voice if isinstance(voice, bytes) else b"".join([page async for page in voice])


class Socket:
    """Takes what the uplink sends, and keeps it."""

    def __init__(self) -> None:
        self.sent: list[Any] = []

    async def send_realtime_input(self, **message: Any) -> None:
        await asyncio.sleep(0)
        audio = message.get("audio")
        self.sent.append(audio.data if audio is not None else next(iter(message)))

    @property
    def pcm(self) -> bytes:
        return b"".join(item for item in self.sent if isinstance(item, bytes))


async def until(cue: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not cue():  # noqa: ASYNC110  (nothing announces it)
            await asyncio.sleep(0.001)


async def test_buffered_audio_is_given_at_once() -> None:
    """Given a short stretch in the buffer, it is there without waiting, and the call learns of
    nothing."""
    call = Recorded(seconds=10, stored=0, kept=4)
    assert call.read_back.stretch(6 * SECOND, 10 * SECOND) == call.pcm[2 * 6 * SECOND :]
    assert call.fed == []


@pytest.mark.parametrize(("begin", "end", "read"), [(0, 10, 6), (1, 3, 2), (5, 8, 1), (6, 45, 0)])
async def test_audio_that_left_the_buffer_comes_from_the_log(begin: int, end: int, read: int) -> None:
    """Given any stretch, it is whole, and the call learns how much had to be read."""
    call = Recorded(seconds=45, stored=45, kept=39)
    await call.store.flush()
    assert await call.read(begin * SECOND, end * SECOND) == call.pcm[2 * begin * SECOND : 2 * end * SECOND]
    stretches = [(each.from_sample, each.to_sample, each.samples) for each in call.fed]
    assert stretches == ([(begin * SECOND, end * SECOND, read * SECOND)] if read else [])


async def test_what_is_still_on_its_way_into_the_log_is_waited_for() -> None:
    """Given a store that is behind and away for a moment, the stretch comes whole once it has
    caught up."""
    call = Recorded(seconds=10, stored=2, kept=1)
    await call.store.flush()
    reading = asyncio.create_task(call.read(0, 10 * SECOND))
    select_pcm, tries = call.store.select_pcm, 0

    async def away_twice(*wanted: Any) -> bytes:
        nonlocal tries
        tries += 1
        if tries <= 2:
            raise StoreUnavailableError("away")
        return await select_pcm(*wanted)

    call.store.select_pcm = away_twice  # type: ignore[method-assign, assignment]
    await until(lambda: tries > 3)
    assert not reading.done()
    call.write(8)
    assert await reading == call.pcm
    assert tries > 3


async def test_audio_that_was_never_heard_is_a_bug() -> None:
    """Given a stretch that is not over yet, it is refused at once."""
    call = Recorded(seconds=2, stored=2, kept=2)
    with pytest.raises(AudioNotHeldError):
        call.read_back.stretch(0, 3 * SECOND)


async def test_five_minutes_are_sent_again_whole_and_in_order() -> None:
    """Given an answer of five minutes, 20 s of it in the buffer: all goes out, then what came
    meanwhile, within the bound.

    The queue's bound is a twentieth of the answer.
    """
    call = Recorded(seconds=300, stored=299, kept=20)
    await call.store.flush()
    uplink, socket = Uplink(500_000, lambda: 0, UplinkCounts()), Socket()
    live = [bytes([number]) * 1_280 for number in range(100)]
    voice = call.read_back.stretch(0, 300 * SECOND)
    assert not isinstance(voice, bytes)
    uplink.offer(Signal.ACTIVITY_START)
    uplink.offer(Stretch(voice))
    draining = asyncio.create_task(uplink.drain(socket, 5))  # type: ignore[arg-type]
    for piece in live:
        assert uplink.offer(Audio(piece))
        await asyncio.sleep(0)
    assert uplink.offer(Signal.ACTIVITY_END)
    await until(lambda: "activity_end" in socket.sent)
    draining.cancel()
    assert socket.pcm == call.pcm + b"".join(live)
    assert (socket.sent[0], socket.sent[-1]) == ("activity_start", "activity_end")
    assert call.fed[0].samples == 280 * SECOND


async def test_a_queue_that_fills_behind_a_stretch_ends_the_session_at_once() -> None:
    """Given a stretch that cannot be read, what waits behind it is bounded: the session is given
    up."""
    call = Recorded(seconds=10, stored=0, kept=1)
    voice = call.read_back.stretch(0, 10 * SECOND)
    assert not isinstance(voice, bytes)
    uplink = Uplink(100_000, lambda: 0, UplinkCounts())
    uplink.offer(Stretch(voice))
    draining = asyncio.create_task(uplink.drain(Socket(), 5))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    assert not all(uplink.offer(chunk) for chunk in chunks(bytes(120_000)))
    with pytest.raises(LostError, match=UPLINK_FULL):
        await asyncio.wait_for(draining, 1)
    await voice.aclose()
    assert call.fed == []


async def test_a_stretch_given_up_midway_says_how_much_was_read() -> None:
    """Given a session lost in the middle of a stretch, the call learns how much was read."""
    call = Recorded(seconds=20, stored=20, kept=1)
    await call.store.flush()
    voice = call.read_back.stretch(0, 20 * SECOND)
    assert isinstance(voice, AsyncGenerator)
    page = await anext(voice)
    await voice.aclose()
    assert [each.samples for each in call.fed] == [len(page) // 2]
    assert await call.store.select_pcm(call.call_id, Side.CANDIDATE, 0, len(page) // 2) == page
