"""What every event has, and the register of their topics.

An event is a fact in the past tense, frozen, plain JSON, with a stable topic `call.<fact>.v1`. Its
shape evolves by eventsourcing's convention: raise `class_version`, and add a static
`upcast_vN_vM(state)` that mends the old dict.
"""

from collections.abc import Callable
from typing import Any, ClassVar, TypeVar
from uuid import UUID

import msgspec
from eventsourcing.utils import register_topic

NOBODY = UUID(int=0)
"""The call of an input that no call has stamped yet."""

TOPICS: dict[str, type["Event"]] = {}
"""Every event class by its topic."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """`at_us` is on the call's own clock; `seq` is the ordinal of the input that this event is, or
    was caused by."""

    TOPIC: ClassVar[str] = ""
    PERSONAL: ClassVar[frozenset[str]] = frozenset()
    """Fields that hold personal data: they pass through the key port on their way to and from the
    log."""
    class_version: ClassVar[int] = 1

    originator_id: UUID = NOBODY
    originator_version: int = 0
    at_us: int = 0
    seq: int = 0


E = TypeVar("E", bound=type[Event])


def event(topic: str, personal: tuple[str, ...] = ()) -> Callable[[E], E]:
    """Class decorator: give an event its stable topic and register it with eventsourcing's topic
    resolution."""

    def register(cls: E) -> E:
        cls.TOPIC, cls.PERSONAL = topic, frozenset(personal)
        TOPICS[topic] = cls
        register_topic(topic, cls)
        return cls

    return register


Evidence = dict[str, int]
"""The numbers a decision was made on, by name with unit; times on the call's clock, positions in
samples."""

RawJson = dict[str, Any]
"""Something a peer sent, kept as it came."""
