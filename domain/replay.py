"""Reading a call's inputs back out of its log, and running the core over them again.

The log holds every input: facts as events, audio as segments whose arrival tables hold each frame's ordinal, time and
features. In the order of their ordinals they lead the same core to the same events; where they do not, the difference
is itself the bug report.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import NamedTuple

from domain.call import Call
from domain.event import Event
from domain.events import CallOpened, CandidateAudioRecorded, InterviewerAudioRecorded
from domain.inputs import FACTS, Input
from domain.journal import unpack
from domain.ports import AudioSegment


class Difference(NamedTuple):
    """Where a re-run parts from the log: the recorded event and the one decided now; None where one side ended."""

    recorded: Event | None
    decided: Event | None


def inputs_of(events: Sequence[Event], audio: Iterable[AudioSegment]) -> Iterator[Input]:
    """All inputs of one call in the order in which they happened.

    Only audio that an event names counts: a segment without its event was never recorded.
    """
    named = {event.sha256 for event in events if isinstance(event, (CandidateAudioRecorded, InterviewerAudioRecorded))}
    numbered: list[tuple[int, Input]] = [(event.seq, event) for event in events if isinstance(event, FACTS)]  # type: ignore[misc]
    for segment in audio:
        if segment.sha256 in named:
            numbered.extend(unpack(segment))
    numbered.sort(key=lambda pair: pair[0])
    return (happened for _, happened in numbered)


def rerun(events: Sequence[Event], inputs: Iterable[Input]) -> Iterator[Event]:
    """The events that today's core emits for `inputs`, beginning with the call's recorded opening."""
    opened = events[0]
    assert isinstance(opened, CallOpened)
    call = Call(opened)
    yield opened
    for happened in inputs:
        yield from call.handle(happened).events


def differences(events: Sequence[Event], audio: Iterable[AudioSegment]) -> Iterator[Difference]:
    """Where re-running the log leads elsewhere; empty when the decisions are the same."""
    decided = rerun(events, inputs_of(events, audio))
    for recorded, again in zip_longest(events, decided):
        if recorded != again:
            yield Difference(recorded, again)


def fold_all(events: Sequence[Event]) -> Call:
    """The call that a log describes, by folding alone: no decision is made."""
    opened = events[0]
    assert isinstance(opened, CallOpened)
    call = Call(opened)
    for event in events[1:]:
        call.apply(event)
    return call
