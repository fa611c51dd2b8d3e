"""Rebuilding: the same rows again, alone or beside live runners."""

import asyncio

import pytest

from adapters.postgres.store import PostgresStore
from projections.catalogue import READ_MODELS, UnknownProjectionError
from projections.rebuild import Progress, rebuild
from tests.projections.conftest import Dump, newest, runner, running
from tests.projections.story import Story, interview


async def test_a_rebuild_gives_what_live_projecting_gave(store: PostgresStore, dump: Dump) -> None:
    """Given calls projected live, interleaved, rebuilding in small batches leads to the very same
    rows."""
    stories = [interview(), interview(agent="bob"), Story().opened().connected().started(500, 1, 400)]
    runners = [runner(store, model) for model in READ_MODELS.values()]
    async with running(*runners):
        for size in range(1, 60, 7):
            for story in stories:
                everything, story.events = story.events, story.events[:size]
                if story.recorded < len(story.events):
                    await story.record(store)
                story.events = everything
        for story in stories:
            if story.recorded < len(story.events):
                await story.record(store)
        for each in runners:
            await each.reached(await newest(store))
    live = await dump()
    await store.pool.execute("UPDATE calls SET turns = 99; DELETE FROM transcript_lines")
    async with store.pool.acquire() as connection:
        await rebuild(connection, store.reader, store.mapper.to_event, batch=7)
    assert await dump() == live
    assert all(live[table] for model in READ_MODELS.values() for table in model.tables)


async def test_a_rebuild_beside_live_runners_applies_everything_once(store: PostgresStore, dump: Dump) -> None:
    """Given two live runners and new calls coming in, a rebuild and they together apply each event
    once."""
    for _ in range(5):
        await interview().record(store)
    runners = [runner(store, model) for model in READ_MODELS.values() for _ in range(2)]

    async def go_on_calling() -> None:
        for _ in range(10):
            await interview().record(store)

    async with running(*runners), store.pool.acquire() as connection:
        for each in runners:
            await each.reached(await newest(store))
        calling = asyncio.create_task(go_on_calling())
        await rebuild(connection, store.reader, store.mapper.to_event, batch=11)
        await calling
        for each in runners:
            await each.reached(await newest(store))
        together = await dump()
        assert await store.pool.fetchval("SELECT count(*) FROM dead_letters") == 0
    async with store.pool.acquire() as connection:
        await rebuild(connection, store.reader, store.mapper.to_event)
    assert len(together["calls"]) == 15
    assert await dump() == together


async def test_progress_is_shown(store: PostgresStore) -> None:
    """Given a rebuild in batches, each is reported with its progress, from 0 to the end."""
    await interview().record(store)
    last, seen = await newest(store), list[Progress]()
    async with store.pool.acquire() as connection:
        await rebuild(connection, store.reader, store.mapper.to_event, ["latency"], seen.append, batch=10)
    assert [each.checkpoint for each in seen] == [*range(0, last, 10), last]
    assert {(each.name, each.newest) for each in seen} == {("latency", last)}


async def test_a_rebuild_that_is_killed_is_finished_by_the_next_runner(store: PostgresStore, dump: Dump) -> None:
    """Given a rebuild that ends in the middle, a runner goes on where it stopped."""
    await interview().record(store)

    def stop(progress: Progress) -> None:
        if progress.checkpoint:
            raise KeyboardInterrupt

    async with store.pool.acquire() as connection:
        await rebuild(connection, store.reader, store.mapper.to_event)
        whole = await dump()
        with pytest.raises(KeyboardInterrupt):
            await rebuild(connection, store.reader, store.mapper.to_event, ["transcript"], stop, batch=10)
    assert await dump() != whole
    async with running(following := runner(store, READ_MODELS["transcript"])):
        await following.reached(await newest(store))
    assert await dump() == whole


async def test_an_unknown_name_is_refused(store: PostgresStore) -> None:
    """Given a name that no projection has, the error lists those there are, and nothing is
    emptied."""
    async with store.pool.acquire() as connection:
        with pytest.raises(UnknownProjectionError, match="choose from calls, transcript, latency"):
            await rebuild(connection, store.reader, store.mapper.to_event, ["calls", "horoscope"])
