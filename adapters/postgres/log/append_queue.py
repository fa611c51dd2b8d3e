"""What waits to be written: bounded in events and in bytes, in order, and searchable by call.

When it is full, nothing more is accepted (`WriterFullError`): events are never dropped, so the
submitter must know. The batch that is being written still counts, because it returns here when
Postgres goes away.
"""

import asyncio
import re
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic
from uuid import UUID

from adapters.postgres.log.audio_rows import AudioRow
from adapters.postgres.log.event_ids import IdentifiedEvent, identify
from domain.errors import BugError, WriterFullError
from domain.ports import Append, Outcome

_SHA256 = re.compile(r"[0-9a-f]{64}")
_EVENT_OVERHEAD_BYTES = 200
"""Counted for each event beside its state, so that many small ones are bounded by bytes as well."""


@dataclass(slots=True, eq=False)
class Entry:
    """One append on its way: `events` are those still to be recorded, `audio` is packed once it is
    its turn."""

    append: Append
    then: Callable[[Outcome], None] | None
    events: Sequence[IdentifiedEvent]
    size_bytes: int
    audio: Sequence[AudioRow] = ()
    outcome: Outcome | None = None
    since: float = field(default_factory=monotonic)


@dataclass(slots=True, eq=False)
class FlushMark:
    """A place in the queue; `reached` is set once everything before it has its outcome."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """Bounds of the queue and of one transaction. The defaults hold 100 calls for about a minute
    without Postgres."""

    max_events: int = 100_000
    max_bytes: int = 512 * 1024 * 1024
    batch_events: int = 1_000
    batch_bytes: int = 8 * 1024 * 1024


class AppendQueue:
    """First in, first out, for one consumer on one event loop."""

    def __init__(self, limits: QueueLimits) -> None:
        self._limits = limits
        self._items: deque[Entry | FlushMark] = deque()
        self._arrived = asyncio.Event()
        self.events = 0
        """Events that wait or are being written."""
        self.bytes = 0
        """Their size, with their audio."""

    def put(self, append: Append, then: Callable[[Outcome], None] | None) -> None:
        """Add `append`. Raises `WriterFullError`, or `BugError` for an append that could never be
        written."""
        entry = _entry(append, then)
        if self.events + len(entry.events) > self._limits.max_events:
            raise WriterFullError(
                f"{self.events} events wait for Postgres; the writer takes no more until it catches up"
            )
        if self.bytes + entry.size_bytes > self._limits.max_bytes:
            raise WriterFullError(f"{self.bytes} bytes wait for Postgres; the writer takes no more until it catches up")
        self.events += len(append.events)
        self.bytes += entry.size_bytes
        self._items.append(entry)
        self._arrived.set()

    def mark(self) -> FlushMark:
        """Add a mark behind everything submitted so far."""
        mark = FlushMark()
        self._items.append(mark)
        self._arrived.set()
        return mark

    async def take(self) -> tuple[list[Entry], list[FlushMark]]:
        """Wait until something is there; return as much as one transaction may hold, and the marks
        behind it."""
        await self._arrived.wait()
        batch: list[Entry] = []
        marks: list[FlushMark] = []
        events = size_bytes = 0
        while self._items:
            item = self._items[0]
            if isinstance(item, FlushMark):
                marks.append(item)
            else:
                events += len(item.events)
                size_bytes += item.size_bytes
                if batch and (events > self._limits.batch_events or size_bytes > self._limits.batch_bytes):
                    break
                batch.append(item)
            self._items.popleft()
        if not self._items:
            self._arrived.clear()
        return batch, marks

    def oldest(self) -> Entry | None:
        """The entry that has waited longest of those not taken."""
        return next((item for item in self._items if isinstance(item, Entry)), None)

    def resolve(self, entry: Entry, outcome: Outcome) -> None:
        """`entry` has its outcome and no longer counts."""
        entry.outcome = outcome
        self.events -= len(entry.append.events)
        self.bytes -= entry.size_bytes

    def remove_call(self, call_id: UUID) -> list[Entry]:
        """Take out everything that waits for one call."""
        removed: list[Entry] = []
        kept: deque[Entry | FlushMark] = deque()
        for item in self._items:
            if isinstance(item, Entry) and item.append.call_id == call_id:
                removed.append(item)
            else:
                kept.append(item)
        self._items = kept
        return removed

    def drain(self) -> tuple[list[Entry], list[FlushMark]]:
        """Take out everything."""
        entries = [item for item in self._items if isinstance(item, Entry)]
        marks = [item for item in self._items if isinstance(item, FlushMark)]
        self._items.clear()
        self._arrived.clear()
        return entries, marks


def _entry(append: Append, then: Callable[[Outcome], None] | None) -> Entry:
    if not append.events:
        raise BugError("an append needs at least one event: audio is written with the event that names it")
    first = append.events[0].originator_version
    for offset, event in enumerate(append.events):
        if event.originator_id != append.call_id or event.originator_version != first + offset:
            raise BugError(
                f"event {event.topic} is version {event.originator_version} of {event.originator_id}, where version "
                f"{first + offset} of {append.call_id} was expected: the events of an append are consecutive"
            )
    size_bytes = sum(len(event.state) + _EVENT_OVERHEAD_BYTES for event in append.events)
    for segment in append.audio:
        if segment.call_id != append.call_id or len(segment.pcm) % 2 or not _SHA256.fullmatch(segment.sha256):
            raise BugError(
                f"audio {segment.sha256!r} is not of call {append.call_id}, not PCM16, or not named by a hash"
            )
        size_bytes += len(segment.pcm) + len(segment.arrivals)
    return Entry(append, then, tuple(identify(event) for event in append.events), size_bytes)
