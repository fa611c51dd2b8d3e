"""What has happened in this process since it started, as plain numbers.

Adding to one costs as much as adding to an integer: the audio path does it. They are made into text
only when somebody asks (`api.routes.metrics`). Keys are our own words and codes, never anything
that a person said or is called.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from domain import events as ev
from domain import inputs as inp
from domain.event import Event
from domain.ports.model_link import UPLINK_FULL, UPLINK_STALLED
from domain.states import Link


def _by() -> Counter[str]:
    return Counter()


@dataclass(slots=True)
class Counts:
    """Counters by the name of their metric; where they are split, by the label's value."""

    calls_opened: int = 0
    calls_closed: Counter[str] = field(default_factory=_by)
    calls_taken_over: Counter[str] = field(default_factory=_by)
    calls_handed_over: Counter[str] = field(default_factory=_by)
    takeovers_failed: int = 0
    client_connections: Counter[str] = field(default_factory=_by)
    client_losses: int = 0
    protocol_violations: Counter[str] = field(default_factory=_by)
    model_dials: int = 0
    model_connections: Counter[str] = field(default_factory=_by)
    model_losses: Counter[str] = field(default_factory=_by)
    model_redials: Counter[str] = field(default_factory=_by)
    queue_overflows: Counter[str] = field(default_factory=_by)
    client_messages_dropped: Counter[str] = field(default_factory=_by)
    read_back_samples: int = 0
    receive_queue_full: int = 0
    http_refusals: Counter[str] = field(default_factory=_by)
    hello_refusals: Counter[str] = field(default_factory=_by)

    def count(self, events: Iterable[Event]) -> None:
        """Count what a call has decided, or what has happened to it."""
        for event in events:
            meaning = _MEANINGS.get(type(event))
            if meaning is not None:
                meaning(self, event)


def _opened(counts: Counts, _: ev.CallOpened) -> None:
    counts.calls_opened += 1


def _closed(counts: Counts, event: ev.CallClosed) -> None:
    counts.calls_closed[event.reason] += 1


def _taken_over(counts: Counts, event: inp.CallTakenOver) -> None:
    counts.calls_taken_over["lost" if event.before else "handed_over"] += 1


def _handed_over(counts: Counts, event: ev.CallHandedOver) -> None:
    counts.calls_handed_over[event.reason] += 1


def _connected(counts: Counts, event: inp.ClientConnected) -> None:
    counts.client_connections["resumed" if event.resumed else "first"] += 1


def _violated(counts: Counts, event: inp.ClientViolatedProtocol) -> None:
    counts.protocol_violations[event.code] += 1


def _link_lost(counts: Counts, event: ev.LinkLost) -> None:
    if event.link is Link.CLIENT:
        counts.client_losses += 1
    else:
        counts.model_redials[event.reason if event.reason in _ROTATIONS else "lost"] += 1


def _model_connected(counts: Counts, event: inp.ModelConnected) -> None:
    counts.model_connections["resumed" if event.resumed else "seeded" if event.seeded_characters else "fresh"] += 1


def _model_lost(counts: Counts, event: inp.ModelLost) -> None:
    counts.model_losses[event.reason if event.reason in _UPLINK else str(event.code)] += 1


def _queue_overflowed(counts: Counts, event: inp.QueueOverflowed) -> None:
    counts.queue_overflows[event.queue] += 1


def _shed(counts: Counts, event: inp.ClientMessagesDropped) -> None:
    counts.client_messages_dropped.update(event.messages)


def _read_back(counts: Counts, event: inp.AudioReadBack) -> None:
    counts.read_back_samples += event.samples


_UPLINK = frozenset({UPLINK_FULL, UPLINK_STALLED})
"""The session was there, and did not take the candidate's audio."""
_ROTATIONS = frozenset({"session_ending", "session_old", "reply_overdue", "history_lost", "taken_over"})
"""Why a session is left that is not lost."""

_MEANINGS: dict[type[Event], Callable[[Counts, Any], None]] = {
    ev.CallOpened: _opened,
    ev.CallClosed: _closed,
    ev.LinkLost: _link_lost,
    ev.CallHandedOver: _handed_over,
    inp.CallTakenOver: _taken_over,
    inp.ClientConnected: _connected,
    inp.ClientViolatedProtocol: _violated,
    inp.ModelConnected: _model_connected,
    inp.ModelLost: _model_lost,
    inp.QueueOverflowed: _queue_overflowed,
    inp.ClientMessagesDropped: _shed,
    inp.AudioReadBack: _read_back,
}
