"""Events to rows and back: plain JSON that SQL can read, in the shape eventsourcing's own tools
expect of a mapper.

The state of an event holds neither the call's id nor the version: they are columns. Fields named in
`PERSONAL` pass through the key port; where that changes them they are stored as text beginning with
`sealed:`.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, cast
from uuid import UUID

import msgspec
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import Mapper, MapperDeserialisationError, StoredEvent, Transcoder

from domain.errors import UnknownTopicError
from domain.event import TOPICS, Event
from domain.ports import EventCodec, KeyRing, NullKeyRing

_SEALED = "sealed:"
_PLAIN = "plain:"
"""Put before a personal text that begins like one of the two itself."""


class JsonTranscoder(Transcoder):
    """Plain JSON through msgspec."""

    def encode(self, obj: Any) -> bytes:
        return msgspec.json.encode(obj)

    def decode(self, data: bytes) -> Any:
        return msgspec.json.decode(data)


class EventMapper(Mapper[UUID], EventCodec):
    """Maps `domain.event.Event` structs. `topics` are the classes it knows, those of the domain if
    not given.

    Reading raises `UnknownTopicError` for a topic that is not among them, and eventsourcing's
    `MapperDeserialisationError` for a state that does not fit its class.
    """

    def __init__(self, keys: KeyRing | None = None, topics: Mapping[str, type[Event]] | None = None) -> None:
        super().__init__(JsonTranscoder())
        self._keys = keys or NullKeyRing()
        self._topics = _domain_topics() if topics is None else topics

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> StoredEvent:
        event = cast("Event", domain_event)
        state: dict[str, Any] = msgspec.to_builtins(event)
        del state["originator_id"], state["originator_version"]
        for name in event.PERSONAL & state.keys():
            state[name] = self._seal(event.originator_id, state[name])
        if event.class_version > 1:
            state["class_version"] = event.class_version
        return StoredEvent(event.originator_id, event.originator_version, event.TOPIC, self.transcoder.encode(state))

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[UUID]:
        return cast("DomainEventProtocol[UUID]", self.to_event(stored_event))

    def to_event(self, stored_event: StoredEvent) -> Event:
        """As `to_domain_event`, typed for the domain."""
        cls = self._topics.get(stored_event.topic)
        if cls is None:
            raise UnknownTopicError(
                f"the log holds an event {stored_event.topic!r} (version {stored_event.originator_version} of call "
                f"{stored_event.originator_id}) that this version of Viva does not know: upgrade it before reading on"
            )
        call_id = stored_event.originator_id
        assert isinstance(call_id, UUID)
        try:
            state = self.transcoder.decode(stored_event.state)
            for name in cls.PERSONAL & state.keys():
                state[name] = self._open(call_id, state[name])
            _upcast(cls, state)
            state["originator_id"] = call_id
            state["originator_version"] = stored_event.originator_version
            return msgspec.convert(state, cls)
        except (ValueError, TypeError, AttributeError, LookupError) as error:  # msgspec raises ValueErrors
            raise MapperDeserialisationError(
                f"cannot read the state of {stored_event.topic!r}, version {stored_event.originator_version} of call "
                f"{call_id}: {error}"
            ) from error

    def _seal(self, call_id: UUID, value: object) -> object:
        plain = msgspec.json.encode(value)
        sealed = self._keys.seal(call_id, plain)
        if sealed != plain:
            return _SEALED + b64encode(sealed).decode("ascii")
        if isinstance(value, str) and value.startswith((_SEALED, _PLAIN)):
            return _PLAIN + value
        return value

    def _open(self, call_id: UUID, value: object) -> object:
        if not isinstance(value, str):
            return value
        if value.startswith(_SEALED):
            sealed = b64decode(value.removeprefix(_SEALED), validate=True)
            return msgspec.json.decode(self._keys.open(call_id, sealed))
        return value.removeprefix(_PLAIN)


def _upcast(cls: type[Event], state: dict[str, Any]) -> None:
    """Mend `state` step by step, by eventsourcing's convention: `upcast_vN_vM(state)` changes the
    dict in place."""
    for version in range(state.pop("class_version", 1), cls.class_version):
        getattr(cls, f"upcast_v{version}_v{version + 1}")(state)


@lru_cache(maxsize=1)
def _domain_topics() -> Mapping[str, type[Event]]:
    """Importing the modules of the vocabulary registers their classes."""
    import domain.events
    import domain.inputs  # noqa: F401

    return TOPICS
