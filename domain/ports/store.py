"""The log, as the rest sees it: appends in, events and audio out. Tests hold every store to these
contracts.

Names mirror eventsourcing's (`StoredEvent`, `Notification`, `select_events`,
`select_notifications`), so that the library's own tools and readers of its documentation feel at
home.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from eventsourcing.persistence import Notification, StoredEvent

from domain.event import Event

__all__ = [
    "Append",
    "AudioSegment",
    "AudioStore",
    "EventCodec",
    "EventReader",
    "EventWriter",
    "KeyRing",
    "Notification",
    "NullKeyRing",
    "Outcome",
    "Side",
    "StoredEvent",
]


class Side(StrEnum):
    """Whose voice a recording holds."""

    CANDIDATE = "candidate"
    INTERVIEWER = "interviewer"


@dataclass(frozen=True, slots=True)
class AudioSegment:
    """At most one second of one side's audio, as stored: append-only, named by its hash.

    `pcm` is mono PCM16 little-endian at `rate_hz`; `first_sample` its position in that side's
    stream of the call; `sha256` the hex digest of `pcm`. `arrivals` is the side table (packed, see
    `domain.sound.segments`) of what the decisions were made on: per frame or chunk its input
    ordinal, arrival time and quantised features.
    """

    call_id: UUID
    tenant: str
    side: Side
    sha256: str
    rate_hz: int
    first_sample: int
    pcm: bytes
    arrivals: bytes


@dataclass(frozen=True, slots=True)
class Append:
    """One atomic addition to one call's log: consecutive events, and the audio that they name by
    hash.

    The store writes all of it or nothing. `events` carry their versions; the same events offered
    twice are a success.
    """

    call_id: UUID
    tenant: str
    events: tuple[StoredEvent, ...]
    audio: tuple[AudioSegment, ...] = ()


class Outcome(StrEnum):
    """What became of an append."""

    DURABLE = "durable"
    CONFLICT = "conflict"
    """Another writer owns this version of the call; nothing of this append was written."""
    LOST = "lost"
    """Nothing of this append is known to be written: the writer had to stop while the store was away,
    or the store refuses this data for ever."""


class EventWriter(ABC):
    """The one way into the log. `submit` never waits: the audio path calls it."""

    @abstractmethod
    def submit(self, append: Append, then: Callable[[Outcome], None] | None = None) -> None:
        """Queue `append`; call `then` on the event loop once its outcome is known.

        Appends of one call are recorded in the order they were submitted. Raises `WriterFullError`
        when the bounded queue is full; nothing was queued then.
        """

    @abstractmethod
    async def flush(self) -> None:
        """Return when everything submitted before has its outcome."""


class EventReader(ABC):
    """Reading the log."""

    @abstractmethod
    async def select_events(
        self,
        originator_id: UUID,
        *,
        gt: int | None = None,
        lte: int | None = None,
        topics: Sequence[str] = (),
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """The events of one call in order of version: those above `gt` and up to `lte`, and of
        these `topics` only, if any are given."""

    @abstractmethod
    async def newest_version(self, originator_id: UUID, topic: str) -> int:
        """The version of one call's newest event of this topic; 0 if there is none."""

    @abstractmethod
    async def select_notifications(
        self, start: int | None, limit: int, topics: Sequence[str] = (), *, inclusive_of_start: bool = True
    ) -> Sequence[Notification]:
        """Events of all calls in order of their notification id, from `start` on."""

    @abstractmethod
    async def max_notification_id(self) -> int | None:
        """The newest notification id, or None if the log is empty."""

    @abstractmethod
    def follow(self, after: int = 0, topics: Sequence[str] = ()) -> AsyncIterator[Sequence[Notification]]:
        """Batches of notifications after id `after`, for ever: wakes on NOTIFY, polls as well,
        misses nothing."""


class AudioStore(ABC):
    """Reading stored audio back."""

    @abstractmethod
    async def select_audio(self, call_id: UUID, side: Side, from_sample: int = 0) -> Sequence[AudioSegment]:
        """The segments of one side of one call that begin at `from_sample` or later, in their
        order, decoded to PCM."""

    @abstractmethod
    async def select_pcm(self, call_id: UUID, side: Side, from_sample: int, to_sample: int) -> bytes:
        """One side's voice from `from_sample` to `to_sample` as PCM16, shorter where less is stored
        by now.

        Positions that were never recorded, between others that were, are silence.
        """


class EventCodec(ABC):
    """Events to rows of the log and back."""

    @abstractmethod
    def to_stored_event(self, domain_event: Event) -> StoredEvent:
        """The row that holds this event."""

    @abstractmethod
    def to_event(self, stored_event: StoredEvent) -> Event:
        """The event that a row holds. Raises `UnknownTopicError` for one of a newer version."""


class KeyRing(ABC):
    """Where personal data passes through on its way in and out of the log.

    The null key (`NullKeyRing`) returns bytes as they are; encryption and erasure replace it
    without a migration.
    """

    @abstractmethod
    def seal(self, call_id: UUID, plain: bytes) -> bytes:
        """What to store instead of `plain`."""

    @abstractmethod
    def open(self, call_id: UUID, sealed: bytes) -> bytes:
        """What `seal` was given."""


class NullKeyRing(KeyRing):
    """No encryption: sealed bytes are plain."""

    def seal(self, call_id: UUID, plain: bytes) -> bytes:
        return plain

    def open(self, call_id: UUID, sealed: bytes) -> bytes:
        return sealed
