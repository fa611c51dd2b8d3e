"""A call's way into the log when the store is full or away: nothing is lost, and the order stays."""

import asyncio

import pytest

from adapters.postgres.log.append_queue import QueueLimits
from api.live.log_appender import AppendListener, LogAppender
from domain import inputs as inp
from domain.call import Call
from domain.effects import StoreAudio
from domain.event import Event
from domain.ports import Append, AudioSegment, Side
from domain.recovery.replay import differences
from domain.sound.features import FrameFeatures
from tests.domain.calls import CALL_ID, a_call
from tests.fakes.call_ports import fake_ports
from tests.fakes.store import InMemoryStore

pytestmark = pytest.mark.simulated

QUIET = FrameFeatures(level=60, gate=0, voice=2)


class Book(AppendListener):
    """An appender over the in-memory store, and what it called back."""

    def __init__(self, **limits: int) -> None:
        self.store = InMemoryStore(QueueLimits(**limits))
        self.ports = fake_ports(self.store)
        self.call: Call = a_call()
        self.acknowledged: list[int] = []
        self.failed: list[str] = []
        self.conflicts = 0
        self.appender = LogAppender(self.call, self.ports, self)
        self.at_us = 0
        self.stored: list[StoreAudio] = []

    def durable(self, client_seq: int) -> None:
        self.acknowledged.append(client_seq)

    def log_failed(self, reason: str) -> None:
        self.failed.append(reason)

    def log_taken(self) -> None:
        self.conflicts += 1

    def opens(self) -> None:
        self.appender.record_opening(self.call.opened)

    def happens(self, happened: inp.Input) -> None:
        decision = self.call.handle(happened)
        self.stored += [effect for effect in decision.effects if isinstance(effect, StoreAudio)]
        self.appender.record(decision)

    def speaks(self, seconds: float) -> None:
        """Frames of the candidate's, one message each."""
        for _ in range(int(seconds * 50)):
            self.at_us += 20_000
            seq = self.at_us // 20_000 - 1
            self.happens(inp.CandidateFrame(at_us=self.at_us, client_seq=seq, features=QUIET, pcm=bytes(640)))

    async def recorded(self) -> tuple[list[Event], list[AudioSegment]]:
        stored = await self.store.select_events(CALL_ID)
        audio = [*await self.store.select_audio(CALL_ID, Side.CANDIDATE)]
        return [self.ports.codec.to_event(event) for event in stored], audio


async def test_what_is_stored_is_acknowledged() -> None:
    """Given three seconds of audio, each second is acknowledged after its commit, up to its last
    message."""
    book = Book()
    book.opens()
    book.speaks(3)
    assert book.acknowledged == []
    await book.appender.written()
    assert book.acknowledged == [49, 99, 149]
    assert book.appender.durable_seq == 149
    assert not book.appender.close_durable


async def test_a_full_writer_loses_nothing() -> None:
    """Given a store that takes little and is away: the call learns of it once, and everything is
    stored later, in order."""
    book = Book(max_events=6, max_bytes=200_000)
    book.store.pause()
    book.opens()
    book.speaks(8)
    assert book.appender.waiting
    assert len(book.failed) == 1
    book.happens(inp.QueueOverflowed(at_us=book.at_us, queue="log", reason=book.failed[0]))
    assert not book.appender.close_durable
    book.store.resume()
    await asyncio.wait_for(book.appender.written(), 10)
    events, audio = await book.recorded()
    assert [event.originator_version for event in events] == list(range(1, book.call.record.version + 1))
    assert [each.sha256 for each in audio] == [each.sha256 for each in book.stored]
    assert list(differences(events, audio)) == []
    assert book.appender.close_durable
    acknowledged = [seq for seq in book.acknowledged if seq >= 0]
    assert acknowledged == sorted(acknowledged)
    assert acknowledged[-1] == 399
    assert len(book.failed) == 1


async def test_an_abandoned_log_is_not_waited_for() -> None:
    """Given a store that stays away while the process stops, nobody waits for it."""
    book = Book()
    book.store.pause()
    book.opens()
    book.speaks(2)
    waiting = asyncio.create_task(book.appender.written())
    await asyncio.sleep(0)
    assert not waiting.done()
    book.appender.abandon()
    await asyncio.wait_for(waiting, 1)
    assert not book.appender.idle
    assert await book.store.aclose() > 0


async def test_another_owner_is_noticed() -> None:
    """Given a call whose next version somebody else has recorded, the call learns of it once, and
    nothing acknowledged."""
    book = Book()
    book.opens()
    other = a_call()
    taken = other.handle(inp.MicMuted(at_us=5)).events
    stored = tuple(book.ports.codec.to_stored_event(event) for event in taken)
    book.store.submit(Append(CALL_ID, "default", stored))
    book.speaks(4)  # several appends, all of which fail
    assert len(book.stored) > 1
    await book.appender.written()
    assert book.conflicts == 1
    assert book.appender.taken
    assert book.acknowledged == []


async def test_a_lost_append_fails_the_log_once() -> None:
    """Given a store that was closed with the call's events in its queue, the call learns of it
    once."""
    book = Book()
    book.store.pause()
    book.opens()
    book.speaks(2)
    await book.store.aclose()
    await asyncio.sleep(0)
    assert book.failed == ["The event log did not take this call's events."]
    assert book.acknowledged == []
