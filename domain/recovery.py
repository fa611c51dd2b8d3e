"""The call that a log describes, as it stood after its last event: what a process needs that takes it over.

The log is a whole beginning of what happened, so the core is run over its inputs once more. That gives back all that
a call knows, also what its events do not say: what was heard, what was played, what the candidate's pauses are like.
What the events do say counts more: where another version of the core decided otherwise, its decisions stand.
"""

from collections.abc import Iterable, Iterator, Sequence

from domain.call import Call, Decision
from domain.event import Event
from domain.events import CallOpened, CandidateAudioRecorded, InterviewerAudioRecorded
from domain.fold import fold
from domain.inputs import FACTS, CallTakenOver, Input
from domain.journal import unpack
from domain.ports import AudioSegment
from domain.record import Record


def recover(events: Sequence[Event], audio: Iterable[AudioSegment]) -> Call:
    """The call, ready for the takeover as its next input. `audio` holds both sides' segments."""
    call = open_again(events)
    for _ in run(call, events, inputs_of(events, audio)):
        pass
    stand(call, events)
    return call


def open_again(events: Sequence[Event]) -> Call:
    """The call as it was opened."""
    opened = events[0]
    assert isinstance(opened, CallOpened)
    return Call(opened)


def run(call: Call, events: Sequence[Event], inputs: Iterable[Input]) -> Iterator[Decision]:
    """What the core decides now about each of `inputs`. At a takeover it stands where the events had led until then."""
    for happened in inputs:
        if isinstance(happened, CallTakenOver):
            stand(call, events[: happened.originator_version - 1])
        yield call.handle(happened)


def stand(call: Call, events: Sequence[Event]) -> None:
    """Put `call` where `events` lead, which are the beginning of its log."""
    call.record = folded(events)
    call.seq = max(call.seq, events[-1].seq)
    call.now_us = max(call.now_us, events[-1].at_us)
    call.forget_unrecorded()


def folded(events: Sequence[Event]) -> Record:
    """The record that `events` lead to; no decision is made."""
    opened = events[0]
    assert isinstance(opened, CallOpened)
    record = Record(agent=opened.agent)
    for event in events:
        fold(record, event)
    return record


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
