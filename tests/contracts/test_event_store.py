"""What every event store promises; run against the in-memory one and the one in Postgres."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace

import pytest

from adapters.postgres.log.append_queue import QueueLimits
from adapters.postgres.store import open_store
from domain.errors import BugError, StoreUnavailableError, WriterFullError
from domain.ports import Append, AudioStore, EventReader, EventWriter, Outcome, Side
from tests.contracts.calls import TOPIC, Outcomes, append, event, new_call, segment
from tests.fakes.store import InMemoryStore

DURABLE, CONFLICT = Outcome.DURABLE, Outcome.CONFLICT


@dataclass
class Store:
    """The ports under test, and a second writer on the same log, as another process would have."""

    writer: EventWriter
    other: EventWriter
    reader: EventReader
    audio: AudioStore

    def __post_init__(self) -> None:
        self.ours, self.theirs = Outcomes(self.writer), Outcomes(self.other)


@asynccontextmanager
async def in_memory_store() -> AsyncIterator[Store]:
    store = InMemoryStore()
    yield Store(store, store, store, store)
    await store.aclose()


@asynccontextmanager
async def postgres_store(dsn: str) -> AsyncIterator[Store]:
    async with open_store(dsn) as store, open_store(dsn) as other:
        yield Store(store.writer, other.writer, store.reader, store.audio)


@pytest.fixture(params=["memory", "postgres"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    """Each kind of store in turn, empty."""
    opening: AbstractAsyncContextManager[Store] = (
        in_memory_store() if request.param == "memory" else postgres_store(request.getfixturevalue("dsn"))
    )
    async with opening as opened:
        yield opened


async def test_what_was_durable_is_read_back_in_order_of_version(store: Store) -> None:
    """Events come back as they were given."""
    call = new_call()
    assert await store.ours.of(append(call, 1, 3), append(call, 4, 2)) == [DURABLE, DURABLE]
    assert list(await store.reader.select_events(call)) == [event(call, version) for version in range(1, 6)]


async def test_a_range_of_versions_can_be_read(store: Store) -> None:
    """`gt` is exclusive, `lte` inclusive, `limit` cuts the end."""
    call = new_call()
    await store.ours.of(append(call, 1, 6))
    between = await store.reader.select_events(call, gt=2, lte=5)
    assert [found.originator_version for found in between] == [3, 4, 5]
    assert [found.originator_version for found in await store.reader.select_events(call, gt=2, limit=2)] == [3, 4]
    assert list(await store.reader.select_events(new_call())) == []


async def test_the_events_of_some_topics_can_be_read(store: Store) -> None:
    """Given a call of several topics beside another call, those of the wanted topics come in order
    of version, within the range; no topics means all of them."""
    call, other = new_call(), new_call()
    names = ["test.a.v1", "test.b.v1", "test.c.v1", "test.a.v1", "test.b.v1", "test.a.v1"]
    for each in (call, other):
        events = tuple(event(each, version, topic=name) for version, name in enumerate(names, 1))
        await store.ours.of(Append(each, "acme", events))

    async def versions(*topics: str, **within: int) -> list[int]:
        found = await store.reader.select_events(call, topics=topics, **within)
        assert {row.originator_id for row in found} <= {call}
        return [row.originator_version for row in found]

    assert await versions("test.a.v1") == [1, 4, 6]
    assert await versions("test.b.v1", "test.a.v1") == [1, 2, 4, 5, 6]
    assert await versions("test.a.v1", "test.b.v1", gt=1, lte=5, limit=2) == [2, 4]
    assert await versions("test.none.v1") == []
    assert await versions() == [1, 2, 3, 4, 5, 6]


async def test_the_newest_event_of_a_topic_is_found(store: Store) -> None:
    call = new_call()
    events = [event(call, 1), event(call, 2, topic="test.other.v1"), event(call, 3), event(call, 4)]
    await store.ours.of(Append(call, "acme", tuple(events)))
    assert await store.reader.newest_version(call, "test.other.v1") == 2
    assert await store.reader.newest_version(call, TOPIC) == 4
    assert await store.reader.newest_version(call, "test.none.v1") == 0


async def test_notifications_number_the_events_of_all_calls(store: Store) -> None:
    """Ids rise in the order of recording, also within an append."""
    one, two = new_call(), new_call()
    assert await store.reader.max_notification_id() is None
    await store.ours.of(append(one, 1, 2), append(two, 1, 2), append(one, 3))
    found = await store.reader.select_notifications(None, 10)
    assert [(row.originator_id, row.originator_version) for row in found] == [
        (one, 1), (one, 2), (two, 1), (two, 2), (one, 3),
    ]  # fmt: skip
    assert [row.id for row in found] == sorted({row.id for row in found})
    assert await store.reader.max_notification_id() == found[-1].id


async def test_notifications_can_start_anywhere_and_be_filtered_by_topic(store: Store) -> None:
    """`start` is inclusive unless said otherwise; only the wanted topics come."""
    call = new_call()
    events = tuple(event(call, version, topic="test.odd" if version % 2 else "test.even") for version in range(1, 5))
    await store.ours.of(Append(call, "acme", events))
    ids = [row.id for row in await store.reader.select_notifications(None, 10)]
    assert [row.id for row in await store.reader.select_notifications(ids[1], 2)] == ids[1:3]
    after = await store.reader.select_notifications(ids[1], 10, inclusive_of_start=False)
    assert [row.id for row in after] == ids[2:]
    even = await store.reader.select_notifications(None, 10, ["test.even"])
    assert [row.originator_version for row in even] == [2, 4]


async def test_the_same_events_offered_twice_succeed_and_are_recorded_once(store: Store) -> None:
    """An acknowledgement may have got lost: offering again is safe, also together with what comes
    next."""
    call = new_call()
    first = append(call, 1, 2)
    assert await store.ours.of(first) == [DURABLE]
    assert await store.theirs.of(replace(first)) == [DURABLE]
    longer = append(call, 1, 4)
    assert await store.theirs.of(longer) == [DURABLE]
    assert list(await store.reader.select_events(call)) == [event(call, version) for version in range(1, 5)]
    assert len(await store.reader.select_notifications(None, 10)) == 4


async def test_a_version_that_another_writer_took_is_a_conflict_and_nothing_is_written(store: Store) -> None:
    """All of an append or nothing: the second event of a refused append is not in the log either."""
    call = new_call()
    await store.ours.of(append(call, 1, 2, "ours"))
    assert await store.theirs.of(append(call, 2, 2, "theirs")) == [CONFLICT]
    assert list(await store.reader.select_events(call)) == [event(call, 1, "ours"), event(call, 2, "ours")]


async def test_what_was_queued_behind_a_conflict_of_its_call_conflicts_too(store: Store) -> None:
    """Later appends rest on the one that was refused, even where their own versions are free."""
    call = new_call()
    await store.ours.of(append(call, 1))
    queued = [append(call, version, 1, "stale") for version in (1, 2, 3)]
    assert await store.theirs.of(*queued) == [CONFLICT] * 3
    assert len(await store.reader.select_events(call)) == 1


async def test_an_append_that_would_leave_a_gap_is_a_conflict(store: Store) -> None:
    """A log without its middle cannot be folded: version 5 is refused while 2 is the newest."""
    call = new_call()
    await store.ours.of(append(call, 1, 2))
    assert await store.theirs.of(append(call, 5)) == [CONFLICT]
    assert await store.theirs.of(append(call, 3)) == [DURABLE]


async def test_a_conflict_hurts_no_other_call_of_its_batch(store: Store) -> None:
    """Everything else submitted together is recorded."""
    taken, others = new_call(), [new_call() for _ in range(20)]
    await store.ours.of(append(taken, 1))
    batch = [append(call, 1) for call in others]
    batch.insert(10, append(taken, 1, 1, "stale"))
    outcomes = await store.theirs.of(*batch)
    assert outcomes == [DURABLE] * 10 + [CONFLICT] + [DURABLE] * 10
    assert [len(await store.reader.select_events(call)) for call in others] == [1] * 20


async def test_outcomes_of_a_call_come_in_the_order_of_its_appends(store: Store) -> None:
    """A caller may rely on the last acknowledgement covering all earlier ones."""
    calls = [new_call() for _ in range(5)]
    batch = [append(call, version) for version in range(1, 21) for call in calls]
    await store.ours.of(*batch)
    for call in calls:
        versions = [item.events[0].originator_version for item, _ in store.ours.seen if item.call_id == call]
        assert versions == list(range(1, 21))


async def test_audio_comes_back_sample_by_sample_with_its_side_table(store: Store) -> None:
    """Segments are ordered by position; sides and calls are kept apart; offering them twice stores
    them once."""
    call, other = new_call(), new_call()
    early, late = segment(call, 0), segment(call, 16_000, 12_345)
    voice, empty = segment(call, 0, 100, Side.INTERVIEWER), segment(other, 0, 0)
    first = append(call, 1, audio=[late]), append(call, 2, audio=[early, voice])
    assert await store.ours.of(*first) == [DURABLE] * 2
    again = append(call, 3, audio=[early])
    assert await store.theirs.of(again, append(other, 1, audio=[empty])) == [DURABLE] * 2
    assert list(await store.audio.select_audio(call, Side.CANDIDATE)) == [early, late]
    assert list(await store.audio.select_audio(call, Side.INTERVIEWER)) == [voice]
    assert list(await store.audio.select_audio(other, Side.CANDIDATE)) == [empty]
    assert list(await store.audio.select_audio(call, Side.CANDIDATE, 1)) == [late]


async def test_any_stretch_of_a_voice_can_be_read(store: Store) -> None:
    """Cut to the sample, over borders of segments; shorter where no more is stored, silent where
    there is a gap."""
    call = new_call()
    one, two, after = segment(call, 0, 1_000), segment(call, 1_000, 500), segment(call, 2_000, 300)
    other = segment(call, 0, 2_300, Side.INTERVIEWER)
    await store.ours.of(
        append(call, 1, audio=[two, other]), append(call, 2, audio=[one]), append(call, 3, audio=[after])
    )
    voice = one.pcm + two.pcm + bytes(1_000) + after.pcm
    for begin, end in [(0, 2_300), (0, 1_000), (10, 990), (999, 1_001), (1_000, 1_500), (1_200, 9_999), (1_400, 2_100)]:
        assert await store.audio.select_pcm(call, Side.CANDIDATE, begin, end) == voice[2 * begin : 2 * end]
    for begin, end in [(0, 0), (5, 5), (2_300, 2_400), (9_000, 9_999)]:
        assert await store.audio.select_pcm(call, Side.CANDIDATE, begin, end) == b""
    assert await store.audio.select_pcm(call, Side.INTERVIEWER, 2_000, 2_300) == other.pcm[4_000:]
    assert await store.audio.select_pcm(new_call(), Side.CANDIDATE, 0, 100) == b""


async def test_audio_of_a_refused_append_is_not_stored(store: Store) -> None:
    """Audio and the event that names it are written together or not at all."""
    call = new_call()
    await store.ours.of(append(call, 1))
    assert await store.theirs.of(append(call, 1, note="stale", audio=[segment(call)])) == [CONFLICT]
    assert list(await store.audio.select_audio(call, Side.CANDIDATE)) == []


async def test_a_follower_gets_what_is_there_and_then_what_comes(store: Store) -> None:
    """Following starts after an id and goes on for ever, each event once and in order."""
    call = new_call()
    await store.ours.of(append(call, 1, 3))
    first_id = (await store.reader.select_notifications(None, 1))[0].id
    versions: list[int] = []
    async for page in store.reader.follow(after=first_id):
        versions += [row.originator_version for row in page]
        if versions[-1] == 3:
            store.theirs.submit(append(call, 4, 2))
        if versions[-1] == 5:
            break
    assert versions == [2, 3, 4, 5]


async def test_a_follower_of_some_topics_sees_only_those(store: Store) -> None:
    """What is filtered out does not hold the follower up."""
    call = new_call()
    store.ours.submit(append(call, 1, 5), Append(call, "acme", (event(call, 6, topic="test.wanted"),)))
    async with asyncio.timeout(10):
        async for page in store.reader.follow(topics=["test.wanted"]):
            assert [row.originator_version for row in page] == [6]
            break


async def test_appends_that_could_never_be_written_are_refused_at_once(store: Store) -> None:
    """No events, a gap inside, or another call's events are bugs of the caller; the queue stays
    clean."""
    call = new_call()
    wrong = [
        Append(call, "acme", ()),
        Append(call, "acme", (event(call, 1), event(call, 3))),
        Append(call, "acme", (event(new_call(), 1),)),
        append(call, 1, audio=[segment(new_call())]),
    ]
    for item in wrong:
        with pytest.raises(BugError):
            store.writer.submit(item)
    assert await store.ours.of(append(call, 1)) == [DURABLE]


async def test_a_full_queue_refuses_without_taking_anything(dsn: str) -> None:
    """Both writers are bounded in events; what was refused may be offered again later."""
    limits = QueueLimits(max_events=3)
    call = new_call()
    memory = InMemoryStore(limits)
    async with open_store(dsn, limits=limits) as postgres:
        for writer in (memory, postgres.writer):
            writer.submit(append(call, 1, 2))
            with pytest.raises(WriterFullError):
                writer.submit(append(call, 3, 2))
            await writer.flush()
            assert await Outcomes(writer).of(append(call, 3, 2)) == [DURABLE]
    assert postgres.writer.stats.refused == 1


async def test_a_closed_writer_takes_nothing(dsn: str) -> None:
    """Submitting after the close raises instead of losing the append silently."""
    memory = InMemoryStore()
    await memory.aclose()
    async with open_store(dsn) as postgres:
        pass
    for writer in (memory, postgres.writer):
        with pytest.raises(StoreUnavailableError):
            writer.submit(append(new_call(), 1))
