"""eventsourcing's own recorder tests, run against our asyncpg recorder through a synchronous
facade."""

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from threading import Thread
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from eventsourcing.persistence import ApplicationRecorder, IntegrityError, Notification, StoredEvent, Subscription

from adapters.postgres.listener import Listener
from adapters.postgres.log.event_ids import identify
from adapters.postgres.log.reader import PostgresReader
from adapters.postgres.log.recorder import insert_events

pytest.importorskip("Crypto", reason="the library's test module imports its cipher: install pycryptodome")

from eventsourcing.tests.persistence import (
    AggregateRecorderTestCase,
    ApplicationRecorderTestCase,
)


class SyncRecorder(ApplicationRecorder):
    """Our recorder as the library's tests call it: from threads that wait. Its loop runs in a
    thread of its own."""

    gives_ids = True

    def __init__(self, dsn: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever)
        self._thread.start()
        self._pool = self._wait(_open_pool(dsn))
        self._reader = PostgresReader(self._pool, Listener(dsn))

    def close(self) -> None:
        self._wait(self._pool.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int] | None:
        if not stored_events:
            return None
        ids = self._wait(self._insert(stored_events))
        return ids if self.gives_ids else None

    def select_events(self, originator_id: UUID | str, **range_: Any) -> Sequence[StoredEvent]:
        assert isinstance(originator_id, UUID)
        return list(self._wait(self._reader.select_events(originator_id, **range_)))

    def select_notifications(self, start: int | None, limit: int, *positional: Any, **named: Any) -> list[Notification]:
        if positional:
            named["stop"] = positional[0]
        return list(self._wait(self._reader.select_notifications(start, limit, **named)))

    def max_notification_id(self) -> int | None:
        newest: int | None = self._wait(self._reader.max_notification_id())
        return newest

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Subscription[Any]:
        raise NotImplementedError

    async def _insert(self, stored_events: Sequence[StoredEvent]) -> list[int]:
        async with self._pool.acquire() as connection:
            try:
                return await insert_events(connection, [("default", identify(event)) for event in stored_events])
            except asyncpg.IntegrityConstraintViolationError as error:
                raise IntegrityError(str(error)) from error

    def _wait(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()


async def _open_pool(dsn: str) -> Any:
    return await asyncpg.create_pool(dsn, min_size=1, max_size=6)


class SyncAggregateRecorder(SyncRecorder):
    """The library's aggregate recorders give no notification ids."""

    gives_ids = False


class _OnFreshDatabase:
    recorder_class = SyncRecorder

    @pytest.fixture(autouse=True)
    def _recorder(self, dsn: str) -> Iterator[None]:
        self.recorder = self.recorder_class(dsn)
        yield
        self.recorder.close()

    def create_recorder(self) -> Any:
        return self.recorder


class TestAsApplicationRecorder(_OnFreshDatabase, ApplicationRecorderTestCase[Any]):
    """Events, notifications, conflicts, and many writers at once."""


class TestAsAggregateRecorder(_OnFreshDatabase, AggregateRecorderTestCase):
    """Events, ranges of versions, conflicts."""

    recorder_class = SyncAggregateRecorder


del ApplicationRecorderTestCase, AggregateRecorderTestCase  # or they would be collected here, without a recorder
