"""Events to rows and back: plain JSON, upcasts, personal fields."""

import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import MapperDeserialisationError, StoredEvent

from adapters.postgres.log.mapper import EventMapper
from domain.errors import UnknownTopicError
from domain.event import Event
from domain.events import BargeInConfirmed, ReplyCut
from domain.ports import KeyRing


class Noted(Event, frozen=True, kw_only=True):
    """A note, in its third shape."""

    TOPIC = "test.noted.v1"
    PERSONAL = frozenset({"text", "tags"})
    class_version = 3

    text: str
    tags: tuple[str, ...] = ()
    length: int = 0

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        state["text"] = state.pop("note")

    @staticmethod
    def upcast_v2_v3(state: dict[str, Any]) -> None:
        state["length"] = len(state["text"])


class ReversingKeys(KeyRing):
    """A key ring whose seal can be recognised: the call's id and the text backwards."""

    def seal(self, call_id: UUID, plain: bytes) -> bytes:
        return call_id.bytes + plain[::-1]

    def open(self, call_id: UUID, sealed: bytes) -> bytes:
        assert sealed[:16] == call_id.bytes
        return sealed[:15:-1]


def _mapper(keys: KeyRing | None = None) -> EventMapper:
    return EventMapper(keys, {Noted.TOPIC: Noted})


def _noted(text: str, tags: tuple[str, ...] = ("a", "b")) -> Noted:
    return Noted(originator_id=uuid4(), originator_version=4, at_us=5, seq=6, text=text, tags=tags, length=9)


def test_an_event_of_the_domain_survives_the_way_to_json_and_back() -> None:
    """Nested values, literals and evidence included; the ids are columns, not state."""
    event = BargeInConfirmed(
        originator_id=uuid4(), originator_version=12, at_us=1_500_000, seq=80, generation=2, turn=3,
        from_sample=24_000, onset_sample=24_320, onset_at_us=1_520_000, reason="voiced", evidence={"voiced_ms": 240},
    )  # fmt: skip
    mapper = EventMapper()
    stored = mapper.to_stored_event(event)
    assert (stored.originator_id, stored.originator_version) == (event.originator_id, 12)
    assert stored.topic == "call.barge_in_confirmed.v1"
    state = json.loads(stored.state)
    assert state["evidence"] == {"voiced_ms": 240}
    assert not {"originator_id", "originator_version", "class_version"} & state.keys()
    assert mapper.to_event(stored) == mapper.to_domain_event(stored) == event


def test_an_old_shape_is_mended_step_by_step() -> None:
    """A state without `class_version` is of version 1."""
    call = uuid4()
    first = StoredEvent(call, 1, Noted.TOPIC, b'{"at_us":1,"seq":1,"note":"abc"}')
    second = StoredEvent(call, 2, Noted.TOPIC, b'{"at_us":1,"seq":1,"text":"abcd","class_version":2}')
    assert [_mapper().to_event(stored).length for stored in (first, second)] == [3, 4]  # type: ignore[attr-defined]
    assert json.loads(_mapper().to_stored_event(_noted("x")).state)["class_version"] == 3


def test_personal_fields_stay_readable_without_keys() -> None:
    """The null key leaves plain JSON."""
    stored = _mapper().to_stored_event(_noted("hello"))
    assert json.loads(stored.state)["text"] == "hello"
    assert json.loads(stored.state)["tags"] == ["a", "b"]


def test_personal_fields_are_sealed_with_keys_and_nothing_else_is() -> None:
    """Whatever type the field has, it is stored as one text; the others stay readable in SQL."""
    event = _noted("my name")
    stored = _mapper(ReversingKeys()).to_stored_event(event)
    state = json.loads(stored.state)
    assert state["text"].startswith("sealed:")
    assert state["tags"].startswith("sealed:")
    assert state["length"] == 9
    assert _mapper(ReversingKeys()).to_event(stored) == event


def test_events_from_before_there_were_keys_are_still_read() -> None:
    """Keys can be introduced without a migration."""
    event = _noted("hello")
    assert _mapper(ReversingKeys()).to_event(_mapper().to_stored_event(event)) == event


@pytest.mark.parametrize("text", ["sealed:", "sealed:eA==", "plain:", "plain:sealed:x", ""])
@pytest.mark.parametrize("keys", [None, ReversingKeys()])
def test_a_candidate_may_say_anything(text: str, keys: KeyRing | None) -> None:
    """Words that look like our own marks come back as they were said."""
    event = _noted(text)
    assert _mapper(keys).to_event(_mapper(keys).to_stored_event(event)) == event


def test_an_unknown_topic_says_to_upgrade() -> None:
    """And it does not import anything that the topic names, as the library's resolution would."""
    with pytest.raises(UnknownTopicError, match="upgrade"):
        EventMapper().to_event(StoredEvent(uuid4(), 1, "os:system", b"{}"))


@pytest.mark.parametrize("state", [b"not json", b"[]", b'{"at_us":"late"}', b"{}", b'{"text":"sealed:%%%"}'])
def test_a_state_that_does_not_fit_is_a_typed_error(state: bytes) -> None:
    """The library's own error, naming call and version."""
    with pytest.raises(MapperDeserialisationError, match="version 3"):
        _mapper().to_event(StoredEvent(uuid4(), 3, Noted.TOPIC, state))


def test_the_domains_personal_fields_go_through_the_keys() -> None:
    """What the candidate heard is personal."""
    event = ReplyCut(
        originator_id=uuid4(), originator_version=1, generation=1, received_ms=3, sent_ms=2, heard_ms=1,
        heard_text="Hello Ada", evidence={},
    )  # fmt: skip
    assert b"Ada" not in EventMapper(ReversingKeys()).to_stored_event(event).state
