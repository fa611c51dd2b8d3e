"""What our own machinery reports: the clock, the turn detector, the queues, the process that owns
the call."""

from typing import Annotated, Literal

import msgspec

from domain.event import Event, event
from domain.events.decision import DECISION_VERSION
from domain.runtime import Runtime, Service


@event("call.uplink_measured.v1")
class UplinkMeasured(Event, frozen=True, kw_only=True):
    """How the call's audio went to Gemini, measured once at the end. `joined` pieces shared a
    message with the one before.

    No message carried more than `largest_chunk_ms`, and no audio waited longer than
    `longest_wait_ms` for the socket.
    """

    messages: int
    joined: int
    largest_chunk_ms: int
    longest_wait_ms: int


@event("call.audio_read_back.v1")
class AudioReadBack(Event, frozen=True, kw_only=True):
    """Memory no longer held `samples` of this stretch for the model, so they were read from the
    log.

    It took so long until the model's socket had taken all of it, or the session was lost.
    """

    from_sample: int
    to_sample: int
    samples: int
    took_ms: int


@event("call.end_of_turn_predicted.v1")
class EndOfTurnPredicted(Event, frozen=True, kw_only=True):
    """The turn detector listened to an answer up to `to_sample`: it sounds finished (254) or not at
    all (0)."""

    to_sample: int
    completeness: Annotated[int, msgspec.Meta(ge=0, le=254)]
    took_ms: int


@event("call.deadline_passed.v1")
class DeadlinePassed(Event, frozen=True, kw_only=True):
    """The clock reached the call's next deadline while nothing else was happening."""


@event("call.queue_overflowed.v1")
class QueueOverflowed(Event, frozen=True, kw_only=True):
    """One of the call's own bounded queues was full: the log's writer, or the client that does not
    read."""

    queue: Literal["log", "client"]
    reason: str


@event("call.taken_over.v1")
class CallTakenOver(Event, frozen=True, kw_only=True):
    """A process owns the call from here on, with all that its log held before this: the `epoch`-th
    owner.

    `taken_over_at` is wall time, ISO 8601 UTC; `at_us` goes on from the same moment. `before` is
    who owned it last, empty if that process had handed it over. The process has the core of
    `decision_version`, and is configured for `service`.
    """

    epoch: int
    process: str
    taken_over_at: str
    before: str = ""
    decision_version: int = DECISION_VERSION
    runtime: Runtime = Runtime()
    service: Service = "gemini-api"


@event("call.hand_over_requested.v1")
class HandOverRequested(Event, frozen=True, kw_only=True):
    """The call's process should hand it over: at a quiet moment, or in `wait_ms` at the latest.

    The process is about to stop (`drain`), or the client has connected to another one, which asks
    for the call (`asked`).
    """

    reason: Literal["drain", "asked"]
    wait_ms: int


@event("call.client_messages_dropped.v1")
class ClientMessagesDropped(Event, frozen=True, kw_only=True):
    """So many messages of each type were dropped for a client that did not keep up.

    They were stale: interim transcripts and states that later ones replace. Of a client that read
    nothing at all and was given up (`QueueOverflowed`), they are all that waited, `audio` included.
    """

    messages: dict[str, int]
