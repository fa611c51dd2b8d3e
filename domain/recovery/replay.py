"""Running the core over a log again, and comparing its decisions with the recorded ones.

The log holds every input: facts as events, audio as segments whose arrival tables hold each frame's
ordinal, time and features. In the order of their ordinals they lead the same core to the same
events; where they do not, the difference is itself the bug report.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import NamedTuple

from domain.call import Call
from domain.event import Event
from domain.inputs import Input
from domain.ports import AudioSegment
from domain.recovery.recover import folded, inputs_of, open_again, run

__all__ = ["Difference", "differences", "fold_all", "inputs_of", "rerun"]


class Difference(NamedTuple):
    """Where a re-run parts from the log: the recorded event and the one decided now; None where one
    side ended."""

    recorded: Event | None
    decided: Event | None


def rerun(events: Sequence[Event], inputs: Iterable[Input]) -> Iterator[Event]:
    """The events that today's core emits for `inputs`, beginning with the call's recorded opening."""
    call = open_again(events)
    yield events[0]
    for decision in run(call, events, inputs):
        yield from decision.events


def differences(events: Sequence[Event], audio: Iterable[AudioSegment]) -> Iterator[Difference]:
    """Where re-running the log leads elsewhere; empty when the decisions are the same."""
    decided = rerun(events, inputs_of(events, audio))
    for recorded, again in zip_longest(events, decided):
        if recorded != again:
            yield Difference(recorded, again)


def fold_all(events: Sequence[Event]) -> Call:
    """The call that a log describes, by folding alone: no decision is made."""
    call = open_again(events)
    call.record = folded(events)
    return call
