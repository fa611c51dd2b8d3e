"""Poison events: parked with their call, logged, and tried again by a rebuild."""

from typing import Any

from adapters.postgres.store import PostgresStore
from domain import events as ev
from domain import inputs as inp
from domain.ports import StoredEvent
from projections.dead_letters import FOLLOWS
from projections.latency import Latency
from projections.rebuild import rebuild
from projections.transcript import Transcript
from tests.projections.conftest import Dump, catch_up, newest, runner, running
from tests.projections.story import Story, append, broken, interview


async def letters(store: PostgresStore, projection: str) -> list[tuple[Any, ...]]:
    """What `projection` has parked, in the log's order."""
    rows = await store.pool.fetch(
        "SELECT call_id, version, reason FROM dead_letters WHERE projection = $1 ORDER BY notification_id", projection
    )
    return [tuple(row) for row in rows]


async def test_a_poison_event_parks_its_call_and_no_other(store: PostgresStore) -> None:
    """Given a call with an event that cannot be read, its further events are parked, other calls go
    on."""
    story = Story().opened().connected().asked(100, 1, 0, "opening").played(600, 1, 0, "Hello.")
    async with running(following := runner(store, Transcript())):
        await story.record(store)
        await append(store, story.call_id, "acme", [broken(story)])
        await story.started(2_000, 1, 1_900).record(store)
        healthy = await interview().record(store)
        await story.stopped(3_000, 1, 2_200).record(store)
        await following.reached(await newest(store))
        assert following.status.failures == 0
    parked = await letters(store, "transcript")
    poison = story.events.index(next(each for each in story.events if isinstance(each, ev.ModelFinished))) + 1
    assert [(call, version) for call, version, _ in parked] == [
        (story.call_id, poison), (story.call_id, poison + 1), (story.call_id, poison + 2)
    ]  # fmt: skip
    assert "generation" in parked[0][2]
    assert parked[1][2] == parked[2][2] == FOLLOWS
    lines = await store.pool.fetch("SELECT call_id, count(*) FROM transcript_lines GROUP BY 1")
    assert dict(map(tuple, lines)) == {story.call_id: 1, healthy.call_id: 5}


async def test_the_version_of_a_parked_call_stands_still(store: PostgresStore) -> None:
    """Given a poison event, the call's row says how far it got, also when the rest comes in a later
    batch."""
    story = await Story().opened().connected().record(store)
    read = len(story.events)
    await append(store, story.call_id, "acme", [broken(story)])
    healthy = await interview().record(store)
    await catch_up(store)
    await story.tell(2_000, inp.MicMuted).record(store)
    await catch_up(store)
    rows = await store.pool.fetch("SELECT call_id, last_version FROM calls")
    assert dict(map(tuple, rows)) == {story.call_id: read, healthy.call_id: len(healthy.events)}


async def test_an_event_that_contradicts_its_call_is_poison(store: PostgresStore) -> None:
    """Given a dismissal without a suspicion, the latency projection parks it and says why; the
    transcript goes on."""
    story = Story().opened().connected().dismissed(900, 1, 100).asked(1_000, 1, 0, "opening")
    await story.record(store)
    await catch_up(store)
    parked = await letters(store, "latency")
    assert [version for _, version, _ in parked] == [len(story.events) - 1, len(story.events)]
    assert "call.barge_in_dismissed.v1 speaks of something that was never begun" in parked[0][2]
    assert await letters(store, "transcript") == []


async def test_a_call_without_its_beginning_is_parked(store: PostgresStore) -> None:
    """Given a log in which a call was never opened, nothing of it is projected or forgotten."""
    story = Story().tell(10, inp.RoundTripMeasured, round_trip_us=5).asked(20, 1, 0)
    await story.record(store)
    await catch_up(store)
    for projection, version in (("calls", 1), ("transcript", 2), ("latency", 2)):
        ((_, parked, reason),) = await letters(store, projection)
        assert (parked, reason != FOLLOWS) == (version, True)


async def test_an_unknown_topic_of_ours_is_parked(store: PostgresStore) -> None:
    """Given an event of a newer version, the call is parked until code that knows the version
    runs."""
    story = await Story().opened().record(store)
    await append(store, story.call_id, "acme", [StoredEvent(story.call_id, 2, "call.levitated.v1", b"{}")])
    await catch_up(store)
    for projection in ("calls", "transcript", "latency"):
        ((call_id, version, reason),) = await letters(store, projection)
        assert (call_id, version) == (story.call_id, 2)
        assert "upgrade" in reason


async def test_a_rebuild_tries_again_what_was_parked(store: PostgresStore, dump: Dump) -> None:
    """Given a call that was parked because of a fault since mended, a rebuild projects it as if
    nothing had been."""

    def faulty(stored: StoredEvent) -> Any:
        if stored.topic == ev.ModelStarted.TOPIC:
            raise KeyError("a bug of the decoder")
        return store.mapper.to_event(stored)

    await interview().record(store)
    following = runner(store, Latency(), decode=faulty)
    async with running(following):
        await following.reached(await newest(store))
    assert (await letters(store, "latency"))[0][2] == "KeyError: 'a bug of the decoder'"

    async with store.pool.acquire() as connection:
        await rebuild(connection, store.reader, store.mapper.to_event, ["latency"])
    assert await letters(store, "latency") == []
    rebuilt = await dump()
    assert len(rebuilt["latency_replies"]) == 3
    assert await store.pool.fetchval("SELECT count(*) FROM latency_replies WHERE played_at_us IS NOT NULL") == 3
