"""A call: `handle(input) -> Decision(events, effects)`, a plain function of what has happened and
what just happened.

No clock, no socket, no database: time comes in with the input. The same function runs live, in
recovery and in replay.
"""

from typing import NamedTuple
from uuid import UUID

import msgspec

from domain.aggregate import CallAggregate
from domain.effects import Effect, TellState
from domain.event import Event
from domain.events import CallOpened
from domain.inputs import CallTakenOver, CandidateFrame, ClientConnected, DeadlinePassed, Input, ModelAudio
from domain.interview import Agent, Candidate, InterviewContext
from domain.matrix import MATRIX
from domain.rules.attribution import attributed
from domain.rules.deadlines import pass_deadlines
from domain.rules.ending import start_clocks
from domain.rules.housekeeping import follow_up, seal_all, seal_and_snapshot
from domain.rules.links import answer_hello
from domain.runtime import Runtime, Service
from domain.states import State


class Decision(NamedTuple):
    """Events for the log and effects to carry out, each in order."""

    events: tuple[Event, ...]
    effects: tuple[Effect, ...]


NOTHING = Decision((), ())


class Call(CallAggregate):
    """One call. Feed it inputs in the order they happen; it never raises on what a peer did."""

    def __init__(self, opened: CallOpened) -> None:
        super().__init__(opened)
        start_clocks(self)

    @property
    def state(self) -> State:
        return self.record.state

    @property
    def next_deadline_us(self) -> int:
        """When the call wants a `DeadlinePassed` if nothing else happens before."""
        return self.timers.next_us

    def handle(self, happened: Input) -> Decision:
        """Decide about one input.

        Every input is recorded, except a wake-up before any deadline is due, what comes after the
        call has settled (by then its log is complete), and what comes while nobody owns the call.
        """
        spurious = type(happened) is DeadlinePassed and happened.at_us < self.timers.next_us
        if spurious or self.record.settled or (self.record.handed_over and type(happened) is not CallTakenOver):
            return NOTHING
        progress = self.progress
        progress.last_input_us, progress.now_us = progress.now_us, max(progress.now_us, happened.at_us)
        progress.seq += 1
        before = self.record.state
        rule = MATRIX[type(happened)][before]
        rule(self, self._take(happened))
        if self.timers.next_us <= progress.now_us:
            pass_deadlines(self)
        follow_up(self)
        seal_and_snapshot(self)
        if self.record.state is not before:
            self.do(TellState(self.record.state, tuple(sorted(self.record.missing))))
        events, effects = self.take_decision()
        if type(happened) is ClientConnected:
            effects = (*answer_hello(self, happened), *effects)
        return Decision(events, effects)

    def _take(self, happened: Input) -> Input:
        """Record an input, and return it as recorded."""
        progress = self.progress
        if type(happened) is CandidateFrame:
            progress.client_seq = max(progress.client_seq, happened.client_seq)
            progress.partial_samples = happened.partial_samples
            self.candidate_audio.frame(progress.seq, progress.now_us, happened)
            over = self.record.state in (State.MODEL_SPEAKING, State.INTERRUPTED)
            self.hearing.hear(progress.now_us, happened.features, over_interviewer=over)
            return happened
        if type(happened) is ModelAudio:
            if self.interviewer_audio.full_with(len(happened.pcm) // 2):
                seal_all(self)
            self.interviewer_audio.chunk(progress.seq, progress.now_us, happened)
            return happened
        assert isinstance(happened, Event)
        stamped = msgspec.structs.replace(
            happened,
            originator_id=self.id,
            originator_version=self.record.version + 1,
            at_us=progress.now_us,
            seq=progress.seq,
            **attributed(self.record, happened, self.policy, progress.now_us),
        )
        self.emit(stamped)
        return stamped


def open_call(
    *,
    call_id: UUID,
    tenant: str,
    agent: Agent,
    candidate: Candidate,
    context: InterviewContext,
    opened_at: str,
    process: str = "",
    runtime: Runtime = Runtime(),  # noqa: B008  (frozen)
    service: Service = "gemini-api",
) -> tuple[Call, CallOpened]:
    """A new call and its first event.

    `opened_at` is wall time, ISO 8601 UTC; the call's own clock starts at zero.
    """
    opened = CallOpened(
        originator_id=call_id,
        originator_version=1,
        tenant=tenant,
        agent=agent,
        candidate=candidate,
        context=context,
        policy=agent.policy,
        opened_at=opened_at,
        process=process,
        runtime=runtime,
        service=service,
    )
    return Call(opened), opened
