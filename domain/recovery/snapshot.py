"""What a call knows, as plain JSON: whoever takes it over need not run over all of its log again.

Everything is taken by name from the call and its parts, so that nothing is left out by mistake. It
fits only the core that wrote it: another one runs over the log from its beginning.
"""

from collections import Counter, deque
from dataclasses import fields
from typing import Any

import msgspec

from domain.aggregate import CallAggregate
from domain.errors import BugError
from domain.event import RawJson
from domain.record.record import Record
from domain.timers import Timer

_EMPTY_WHILE_NOTHING_WAITS = frozenset({"_pcm", "_arrivals", "_side"})
_PARTS = {
    "hearing": frozenset[str](),
    "endpointing": frozenset({"_policy"}),
    "playout": frozenset[str](),
    "candidate_audio": _EMPTY_WHILE_NOTHING_WAITS,
    "interviewer_audio": _EMPTY_WHILE_NOTHING_WAITS,
}
"""Each with what it does not have to remember."""
_FROM_THE_OPENING = frozenset({"id", "tenant", "opened", "policy"})
_OF_THE_MOMENT = frozenset({"_events", "_effects", "deferred_loss"})
_ELSEWHERE = _FROM_THE_OPENING | _OF_THE_MOMENT | {*_PARTS, "record", "timers"}

_encoder = msgspec.json.Encoder(order="deterministic")


def remember(call: CallAggregate) -> RawJson:
    """A call's memory at a moment at which nothing waits to be stored."""
    everything = {
        "record": {item.name: getattr(call.record, item.name) for item in fields(Record) if item.name != "agent"},
        "timers": call.timers.due_us,
        "call": {name: _plain(name, value) for name, value in vars(call).items() if name not in _ELSEWHERE},
    }
    everything |= {part: _slots(getattr(call, part), but) for part, but in _PARTS.items()}
    memory: RawJson = msgspec.json.decode(_encoder.encode(everything))
    return memory


def recall(call: CallAggregate, memory: RawJson) -> None:
    """Give a call that was just opened the memory of `remember`. Raises `BugError` if that is
    another core's."""
    try:
        record = msgspec.json.encode(memory["record"] | {"agent": call.opened.agent})
        call.record = msgspec.json.decode(record, type=Record)
        call.timers.clear()
        for name, due_us in memory["timers"].items():
            call.timers.start(Timer(name), due_us)
        for name, value in memory["call"].items():
            setattr(call, name, _as_before(getattr(call, name), value))
        for part, but in _PARTS.items():
            target = getattr(call, part)
            if set(target.__slots__) - but != memory[part].keys():
                raise KeyError(part)
            for name, value in memory[part].items():
                setattr(target, name, _as_before(getattr(target, name), value))
    except (KeyError, AttributeError, ValueError, TypeError) as error:  # msgspec's errors are ValueErrors
        raise BugError(f"this memory of a call is not of this core: {error!r}") from error


def _slots(part: Any, but: frozenset[str]) -> dict[str, Any]:
    return {name: _plain(name, getattr(part, name)) for name in part.__slots__ if name not in but}


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, deque):
        return list(value)
    if value is None or isinstance(value, (int, str, float, list, tuple, dict)):
        return value
    raise BugError(f"{name} is a {type(value).__name__}: say here how it is remembered")


def _as_before(now: Any, value: Any) -> Any:
    """`value` in the form in which a call that was just opened has it."""
    if isinstance(now, deque):
        return deque(value, now.maxlen)
    if isinstance(now, Counter):
        return Counter(value)
    if isinstance(value, list):  # never the event's own: it stays as it was recorded
        return list(value) if isinstance(now, list) else tuple(value)
    return value
