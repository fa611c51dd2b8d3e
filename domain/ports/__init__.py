"""What the core needs of the world, as abstract classes. Adapters implement them, fakes stand in
for them, and tests hold both to their contracts.

The store's are re-exported here. What a live call talks to has a module each: `clock`,
`model_link`, `voice`.
"""

from domain.ports.store import (
    Append,
    AudioSegment,
    AudioStore,
    EventCodec,
    EventReader,
    EventWriter,
    KeyRing,
    Notification,
    NullKeyRing,
    Outcome,
    Side,
    StoredEvent,
)

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
