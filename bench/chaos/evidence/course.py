"""The course of a call, read from its log: its owners, its clock, its dials, and the answers that
were replied to."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.event import Event
from domain.events import (
    BargeInConfirmed,
    CallOpened,
    CandidateStarted,
    CandidateStopped,
    ModelStarted,
    ReplyRequested,
    ReplyStarted,
)

TAKEN_OVER = "call.taken_over.v1"
ANSWERING = frozenset({"answer", "resent"})


def takeovers(events: Sequence[Event]) -> list[Any]:
    """The takeovers: from each on the call had another owner, and a higher epoch."""
    return [event for event in events if event.TOPIC == TAKEN_OVER]


def rolled_back(events: Sequence[Event], epoch: int, version: int) -> bool:
    """Whether a later owner rolled back a message that rests on `version` of an owner in `epoch`."""
    return any(each.epoch > epoch and each.originator_version <= version for each in takeovers(events))


class WallClock:
    """When an event happened, in seconds of wall time: each owner starts the call's clock from its
    own."""

    def __init__(self, events: Sequence[Event]) -> None:
        opened = events[0]
        assert isinstance(opened, CallOpened)
        owners = takeovers(events)
        self._starts = [(0, seconds(opened.opened_at), 0)]
        self._starts += [(each.originator_version, seconds(each.taken_over_at), each.at_us) for each in owners]

    def at(self, event: Event) -> float:
        version = event.originator_version
        began = [start for start in self._starts if start[0] <= version][-1]
        return began[1] + (event.at_us - began[2]) / 1e6


def seconds(stamp: str) -> float:
    """Seconds since 1970 of an ISO 8601 stamp."""
    return datetime.fromisoformat(stamp).timestamp()


@dataclass(frozen=True, slots=True)
class Stretch:
    """What of the candidate's stream one stretch of an answer gave to the model: positions at 16
    kHz."""

    turn: int
    from_sample: int
    to_sample: int
    version: int


@dataclass(frozen=True, slots=True)
class Answered:
    """A reply whose audio began: the stretch that it answers, and those before it to which no reply
    was heard."""

    generation: int
    version: int
    stretch: Stretch
    before: tuple[Stretch, ...]


def answered(events: Sequence[Event]) -> Iterator[Answered]:
    """Every reply to an answer of the candidate's that Gemini began to give."""
    opened: tuple[int, int] | None = None
    said: list[Stretch] = []
    asked: dict[int, ReplyRequested] = {}
    for event in events:
        match event:
            case CandidateStarted() | BargeInConfirmed():
                opened = event.turn, event.from_sample
            case CandidateStopped() if opened is not None:
                said.append(Stretch(*opened, event.to_sample, event.originator_version))
                opened = None
            case ReplyRequested():
                asked[event.generation] = event
            case ReplyStarted() if opened is None and said:
                request = asked.get(event.generation)
                if request is not None and request.cause in ANSWERING and said[-1].turn == request.turn:
                    yield Answered(event.generation, event.originator_version, said[-1], tuple(said[:-1]))
            case ModelStarted():
                said = []
