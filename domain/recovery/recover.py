"""Recovery: makes the call that a log describes, as it stood after its last event.

The log is a gap-free prefix of the call, so recovery runs the core over its inputs once more, from
the newest snapshot on. That restores the whole state, also the parts that no event holds: hearing,
playout, the candidate's usual pauses. The events have precedence: where another version of the core
decided otherwise, its decisions stand.
"""

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import NamedTuple

from domain.call import Call, Decision
from domain.event import Event
from domain.events import (
    DECISION_VERSION,
    CallOpened,
    CandidateAudioRecorded,
    InterviewerAudioRecorded,
    SnapshotTaken,
)
from domain.inputs import FACTS, CallTakenOver, Input
from domain.ports import AudioSegment, Side
from domain.record.client_messages import ReplayableMessage, message_for
from domain.record.fold import fold
from domain.record.record import Record
from domain.recovery.snapshot import read_snapshot, restore
from domain.sound.segments import unpack


class Recovered(NamedTuple):
    """The `call`, ready for the takeover as its next input; its `events` from version `known_from`
    on, and the `messages` that they led to."""

    call: Call
    messages: list[ReplayableMessage]
    events: list[Event]
    known_from: int


def recover(events: Sequence[Event], audio: Iterable[AudioSegment], *, from_snapshot: bool = True) -> Recovered:
    """`events` are a call's opening and all that follow, or, if `from_snapshot`, all from a
    snapshot on that `is_snapshot`.

    `audio` holds the segments of both sides that the events name. Raises `SnapshotRefusedError` if
    the snapshot is of another schema.
    """
    steps = recovering(events, audio, from_snapshot=from_snapshot)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            recovered: Recovered = done.value
            return recovered


def recovering(
    events: Sequence[Event], audio: Iterable[AudioSegment], *, from_snapshot: bool = True
) -> Generator[None, None, Recovered]:
    """`recover` in steps of one input each, for a process that holds other calls meanwhile."""
    call = open_again(events)
    since = list(events[1:])
    taken = next((event for event in reversed(since) if from_snapshot and is_snapshot(event)), None)
    if isinstance(taken, SnapshotTaken):
        restore(call, read_snapshot(taken.snapshot))
        call.record = fold(call.record, taken)
        since = [event for event in since if event.originator_version > taken.originator_version]
    known_from = call.record.version + 1
    course = _Course(call.record, since)
    for _ in _run(call, course, inputs_of(since, audio)):
        yield
    course.lead(call)
    return Recovered(call, course.messages, since, known_from)


def is_snapshot(event: Event) -> bool:
    """Whether recovery can begin here: the event holds a snapshot, and this core decided so."""
    return isinstance(event, SnapshotTaken) and event.decision_version == DECISION_VERSION


def open_again(events: Sequence[Event]) -> Call:
    """The call as it was opened."""
    opened = events[0]
    assert isinstance(opened, CallOpened)
    return Call(opened)


def run(call: Call, events: Sequence[Event], inputs: Iterable[Input]) -> Iterator[Decision]:
    """The core's decisions about each of `inputs`. At each takeover the record is the one that
    `events` had led to."""
    return _run(call, _Course(call.record, events[1:]), inputs)


def _run(call: Call, course: "_Course", inputs: Iterable[Input]) -> Iterator[Decision]:
    for happened in inputs:
        if isinstance(happened, CallTakenOver):
            course.lead(call, before=happened.originator_version)
        yield call.handle(happened)


class _Course:
    """The record as `events` change it, from `begin` on."""

    def __init__(self, begin: Record, events: Sequence[Event]) -> None:
        self._record = begin
        self._ahead = deque(events)
        self._newest: Event | None = None
        self.messages: list[ReplayableMessage] = []

    def lead(self, call: Call, before: int | None = None) -> None:
        """Put `call` where all events lead, or those of versions below `before`."""
        while self._ahead and (before is None or self._ahead[0].originator_version < before):
            self._newest = self._ahead.popleft()
            self._record = fold(self._record, self._newest)
            message = message_for(self._newest, self._record)
            if message is not None:
                self.messages.append(message)
        call.record = self._record
        if self._newest is not None:
            call.progress.seq = max(call.progress.seq, self._newest.seq)
            call.progress.now_us = max(call.progress.now_us, self._newest.at_us)
        call.forget_unrecorded()


def folded(events: Sequence[Event]) -> Record:
    """The record that `events` lead to; no decision is made."""
    record = Record()
    for event in events:
        record = fold(record, event)
    return record


def inputs_of(events: Sequence[Event], audio: Iterable[AudioSegment]) -> Iterator[Input]:
    """All inputs of one call in the order in which they happened.

    Only audio that an event names counts: a segment without its event was never recorded.
    """
    named = {_name(event) for event in events}
    numbered: list[tuple[int, Input]] = [(event.seq, event) for event in events if isinstance(event, FACTS)]  # type: ignore[misc]
    for segment in audio:
        if (segment.side, segment.first_sample, segment.sha256) in named:
            numbered.extend(unpack(segment))
    numbered.sort(key=lambda pair: pair[0])
    return (happened for _, happened in numbered)


def _name(event: Event) -> tuple[Side, int, str] | None:
    """What names a segment: of silence, the hash alone is the same everywhere."""
    if isinstance(event, CandidateAudioRecorded):
        return Side.CANDIDATE, event.first_sample, event.sha256
    if isinstance(event, InterviewerAudioRecorded):
        return Side.INTERVIEWER, event.first_model_sample, event.sha256
    return None
