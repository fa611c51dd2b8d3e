"""The library's stock Postgres module reads and writes our tables."""

from typing import Any
from uuid import UUID, uuid4

import psycopg
from eventsourcing.application import Repository
from eventsourcing.persistence import StoredEvent, Tracking

from adapters.postgres.log.mapper import EventMapper
from adapters.postgres.store import open_store
from domain.events import CallClosed, DetectorReset
from domain.ports import Append, Outcome
from tests.adapters.postgres.log.stock import stock_factory
from tests.contracts.calls import Outcomes, append, event, new_call

STOCK_COLUMNS = ("originator_id", "originator_version", "topic", "state", "notification_id")


def _definition(dsn: str) -> dict[str, Any]:
    """What the library's module relies on: columns, keys, indexes, the composite type, storage
    parameters."""
    queries = {
        "columns": "SELECT column_name, data_type, is_nullable, column_default FROM information_schema.columns "
        "WHERE table_name = 'call_events' AND column_name = ANY(%(stock)s) ORDER BY column_name",
        "indexes": "SELECT indexdef FROM pg_indexes WHERE tablename IN ('call_events', 'call_tracking') ORDER BY 1",
        "type": "SELECT attname, atttypid::regtype::text FROM pg_attribute "
        "WHERE attrelid = 'stored_event_uuid'::regclass ORDER BY attnum",
        "options": "SELECT relname, reloptions FROM pg_class "
        "WHERE relname IN ('call_events', 'call_tracking') ORDER BY 1",
        "tracking": "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'call_tracking'",
        "migration": "SELECT * FROM call_tracking",
    }
    with psycopg.connect(dsn) as connection:
        return {
            name: connection.execute(query, {"stock": list(STOCK_COLUMNS)}).fetchall()
            for name, query in queries.items()
        }


def test_our_tables_are_what_the_library_would_have_made(dsn: str, empty_dsn: str) -> None:
    """Names, types, keys, indexes and options agree; our own columns come on top."""
    with stock_factory(empty_dsn, create_table=True) as factory:
        factory.process_recorder()
    assert _definition(dsn) == _definition(empty_dsn)


def test_the_library_accepts_our_tables_when_asked_to_create_its_own(dsn: str) -> None:
    """`CREATE_TABLE` may stay on: everything exists already."""
    with stock_factory(dsn, create_table=True) as factory:
        recorder = factory.process_recorder()
        call = uuid4()
        recorder.insert_events([event(call, 1)], tracking=Tracking("reports", 7))
        assert recorder.max_tracking_id("reports") == 7
        assert recorder.select_events(call) == [event(call, 1)]


async def test_the_librarys_repository_folds_a_call_that_we_wrote(dsn: str) -> None:
    """`EventStore` and `Repository` with our mapper, and nothing else of ours."""
    call = new_call()
    events = [
        DetectorReset(originator_id=call, originator_version=1, sample=320),
        CallClosed(originator_id=call, originator_version=2, reason="hangup", detail="The candidate left.", ignored={}),
    ]
    async with open_store(dsn) as store:
        rows = tuple(store.mapper.to_stored_event(item) for item in events)
        assert await Outcomes(store.writer).of(Append(call, "acme", rows)) == [Outcome.DURABLE]
    with stock_factory(dsn) as factory:
        event_store = factory.event_store(mapper=EventMapper(), recorder=factory.application_recorder())
        repository: Any = Repository(event_store)
        assert repository.get(call, projector_func=lambda _, domain_events: list(domain_events)) == events


async def test_the_librarys_subscription_hears_our_appends(dsn: str) -> None:
    """Our NOTIFY reaches a subscriber of the stock recorder."""
    call = new_call()
    async with open_store(dsn) as store:
        with stock_factory(dsn) as factory, factory.application_recorder().subscribe(gt=0) as subscription:
            assert await Outcomes(store.writer).of(append(call, 1)) == [Outcome.DURABLE]
            notification = next(subscription)
    assert (notification.originator_id, notification.originator_version) == (call, 1)


async def test_a_row_of_the_library_is_an_event_of_ours(dsn: str) -> None:
    """The stock writer fills five columns: the others have defaults, and offering its event again
    succeeds."""
    call = new_call()
    with stock_factory(dsn) as factory:
        assert factory.application_recorder().insert_events([event(call, 1)]) == [1]
    async with open_store(dsn) as store:
        outcomes = Outcomes(store.writer)
        assert await outcomes.of(append(call, 1, 2)) == [Outcome.DURABLE]
        assert await outcomes.of(append(call, 1, note="other")) == [Outcome.CONFLICT]
        rows = await store.pool.fetch(
            "SELECT tenant, event_id IS NULL AS bare FROM call_events ORDER BY notification_id"
        )
    assert [(row["tenant"], row["bare"]) for row in rows] == [("default", True), ("acme", False)]


async def test_ids_read_from_the_log_are_plain_uuids(dsn: str) -> None:
    """asyncpg's own UUID class would fail msgspec and the library's type checks."""
    call = new_call()
    async with open_store(dsn) as store:
        await Outcomes(store.writer).of(append(call, 1))
        found: list[StoredEvent] = [*await store.reader.select_events(call)]
        found += await store.reader.select_notifications(None, 1)
    assert [type(item.originator_id) for item in found] == [UUID, UUID]
