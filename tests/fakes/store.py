"""The event store without a database, for tests and for trying things out. Nothing survives the
process.

It keeps the rules of the real one by using its very queue and triage, and both pass the same
contract suite. `pause` plays a database that is away: what is submitted waits until `resume`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

from adapters.postgres.log.append_queue import AppendQueue, Entry, QueueLimits
from adapters.postgres.log.triage import Verdict, triage
from domain.errors import StoreUnavailableError
from domain.ports import (
    Append,
    AudioSegment,
    AudioStore,
    EventReader,
    EventWriter,
    Notification,
    Outcome,
    Side,
    StoredEvent,
)
from domain.sound.segments import cut_out


class InMemoryStore(EventWriter, EventReader, AudioStore):
    """All three ports in one object, for one event loop."""

    def __init__(self, limits: QueueLimits | None = None) -> None:
        self._queue = AppendQueue(limits or QueueLimits())
        self._log: list[Notification] = []
        self._ids: dict[tuple[UUID, int], UUID] = {}
        self._audio: dict[tuple[UUID, Side, int, str], AudioSegment] = {}
        self._wakes: set[asyncio.Event] = set()
        self._paused = False
        self._closed = False

    # --- writing

    def submit(self, append: Append, then: Callable[[Outcome], None] | None = None) -> None:
        if self._closed:
            raise StoreUnavailableError("the store was closed")
        self._queue.put(append, then)
        self._write_soon()

    async def flush(self) -> None:
        if not self._closed:
            mark = self._queue.mark()
            self._write_soon()
            await mark.reached.wait()

    def pause(self) -> None:
        """Write nothing until `resume`."""
        self._paused = True

    def resume(self) -> None:
        """Write what waits, and go on."""
        self._paused = False
        self._write_soon()

    async def aclose(self) -> int:
        """Take no more. What still waits, because of `pause`, is LOST; returns how many appends
        that is."""
        if not self._paused:
            await self.flush()
        self._closed = True
        entries, marks = self._queue.drain()
        for entry in entries:
            self._settle(entry, Outcome.LOST)
        for mark in marks:
            mark.reached.set()
        return len(entries)

    def _write_soon(self) -> None:
        asyncio.get_running_loop().call_soon(self._write)

    def _write(self) -> None:
        if self._paused:
            return
        entries, marks = self._queue.drain()
        for entry, (verdict, _) in zip(entries, triage([entry.events for entry in entries], self._ids), strict=True):
            if verdict is Verdict.CONFLICT:
                self._settle(entry, Outcome.CONFLICT)
            else:
                self._record(entry)
                self._settle(entry, Outcome.DURABLE)
        for mark in marks:
            mark.reached.set()
        for wake in self._wakes:
            wake.set()

    def _record(self, entry: Entry) -> None:
        for segment in entry.append.audio:
            key = (segment.call_id, segment.side, segment.first_sample, segment.sha256)
            self._audio.setdefault(key, segment)
        for event in entry.events:
            stored = event.stored
            key_of_version = (entry.append.call_id, stored.originator_version)
            if key_of_version not in self._ids:
                self._ids[key_of_version] = event.event_id
                self._log.append(
                    Notification(
                        stored.originator_id, stored.originator_version, stored.topic, stored.state, len(self._log) + 1
                    )
                )

    def _settle(self, entry: Entry, outcome: Outcome) -> None:
        self._queue.resolve(entry, outcome)
        if entry.then is not None:
            asyncio.get_running_loop().call_soon(entry.then, outcome)

    # --- reading

    async def select_events(
        self,
        originator_id: UUID,
        *,
        gt: int | None = None,
        lte: int | None = None,
        topics: Sequence[str] = (),
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        found = [
            StoredEvent(row.originator_id, row.originator_version, row.topic, row.state)
            for row in self._log
            if row.originator_id == originator_id
            and (gt is None or row.originator_version > gt)
            and (lte is None or row.originator_version <= lte)
            and (not topics or row.topic in topics)
        ]
        return sorted(found, key=lambda event: event.originator_version)[:limit]

    async def newest_version(self, originator_id: UUID, topic: str) -> int:
        events = await self.select_events(originator_id)
        return max((event.originator_version for event in events if event.topic == topic), default=0)

    async def select_notifications(
        self, start: int | None, limit: int, topics: Sequence[str] = (), *, inclusive_of_start: bool = True
    ) -> Sequence[Notification]:
        first = 1 if start is None else start if inclusive_of_start else start + 1
        found = (row for row in self._log[max(first - 1, 0) :] if not topics or row.topic in topics)
        return [row for row, _ in zip(found, range(limit), strict=False)]

    async def max_notification_id(self) -> int | None:
        return len(self._log) or None

    async def follow(self, after: int = 0, topics: Sequence[str] = ()) -> AsyncIterator[Sequence[Notification]]:
        with self._wake() as wake:
            while True:
                wake.clear()
                page = await self.select_notifications(after, 500, topics, inclusive_of_start=False)
                if page:
                    after = page[-1].id
                    yield page
                else:
                    await wake.wait()

    async def select_audio(self, call_id: UUID, side: Side, from_sample: int = 0) -> Sequence[AudioSegment]:
        found = (segment for segment in self._audio.values() if (segment.call_id, segment.side) == (call_id, side))
        wanted = (segment for segment in found if segment.first_sample >= from_sample)
        return sorted(wanted, key=lambda segment: segment.first_sample)

    async def select_pcm(self, call_id: UUID, side: Side, from_sample: int, to_sample: int) -> bytes:
        return cut_out(await self.select_audio(call_id, side), from_sample, to_sample)

    @contextmanager
    def _wake(self) -> Iterator[asyncio.Event]:
        wake = asyncio.Event()
        self._wakes.add(wake)
        try:
            yield wake
        finally:
            self._wakes.discard(wake)
