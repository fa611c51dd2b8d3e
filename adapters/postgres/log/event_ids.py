"""The identity of an event, so that offering it twice is harmless.

Derived from what the event is, not drawn: after a crash or a lost acknowledgement the same event
gets the same id.
"""

from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID, uuid5

from eventsourcing.persistence import StoredEvent


@dataclass(frozen=True, slots=True)
class IdentifiedEvent:
    """A stored event and its id."""

    stored: StoredEvent
    event_id: UUID


def event_id_of(call_id: UUID, version: int, topic: str, state: bytes) -> UUID:
    """The id of one event of one call: a name-based UUID (version 5) in the namespace of the call."""
    content = sha256(topic.encode("utf-8", "surrogatepass") + b"\x00" + state).hexdigest()
    return uuid5(call_id, f"{version}:{content}")


def identify(event: StoredEvent) -> IdentifiedEvent:
    """`event` with its id."""
    call_id = event.originator_id
    if not isinstance(call_id, UUID):
        raise TypeError(f"calls are named by UUIDs, not by {call_id!r}")
    return IdentifiedEvent(event, event_id_of(call_id, event.originator_version, event.topic, event.state))
