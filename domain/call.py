"""A call: `handle(input) -> Decision(events, effects)`, a plain function of what has happened and what just happened.

No clock, no socket, no database: time comes in with the input. The same function runs live, in recovery and in
replay. Memory comes in two parts: `record`, changed by events alone (`domain.fold`), and what is heard and played
(`hearing`, `playout`, `journals`, `timers`), which the recorded inputs give back.
"""

from collections import Counter
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from domain.effects import Effect, TellState
from domain.event import Event
from domain.events import CallOpened
from domain.fold import fold
from domain.hearing import Hearing
from domain.inputs import CandidateFrame, DeadlinePassed, Input, ModelAudio, ModelLost
from domain.interview import Agent, Candidate, InterviewContext
from domain.journal import Journal
from domain.matrix import MATRIX
from domain.playout import Playout
from domain.policy import Policy
from domain.ports import Side
from domain.record import Record
from domain.rules.attribution import attributed
from domain.rules.deadlines import pass_deadlines
from domain.rules.ending import start_clocks
from domain.rules.housekeeping import keep_house, seal
from domain.states import State
from domain.timers import Timers

DECISION_VERSION = 1
"""Raised whenever the same inputs could lead to other decisions; recorded with every call."""


class Decision(NamedTuple):
    """What was decided: events for the log, in order, and effects to carry out, in order."""

    events: tuple[Event, ...]
    effects: tuple[Effect, ...]


NOTHING = Decision((), ())


class Call:
    """One call. Feed it inputs in the order they happen; it never raises on what a peer did."""

    def __init__(self, opened: CallOpened) -> None:
        self.id: UUID = opened.originator_id
        self.tenant = opened.tenant
        self.opened = opened
        self.policy: Policy = opened.policy
        self.record = Record(agent=opened.agent)
        self.hearing = Hearing(self.policy.voice, self.policy.endpoint.silence_ms)
        self.playout = Playout(self.policy.playout)
        self.candidate_audio = Journal(Side.CANDIDATE, self.policy.recording.segment_ms)
        self.interviewer_audio = Journal(Side.INTERVIEWER, self.policy.recording.segment_ms)
        self.timers = Timers()
        self.ignored: Counter[str] = Counter()
        self.now_us = 0
        self.seq = 0
        self.client_seq = -1
        self.uplink_sample = 0
        """Everything of the open window before this was sent to the model."""
        self.missed_from: int | None = None
        """Where a voice began that the model could not be given at once, because its link was missing."""
        self.late_generation = self.late_chunks = self.late_samples = 0
        self.after_close_frames = 0
        self.deferred_loss: ModelLost | None = None
        """The model's link was lost while a barge-in was being decided: `resuming` follows the decision."""
        self.settling = False
        self._events: list[Event] = []
        self._effects: list[Effect] = []
        fold(self.record, opened)
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

        Every input is recorded, whatever comes of it, except a wake-up before any deadline is due, and what comes
        after the call has settled: by then its log is complete.
        """
        spurious = type(happened) is DeadlinePassed and happened.at_us < self.timers.next_us
        if spurious or self.record.settled:
            return NOTHING
        self.now_us = max(self.now_us, happened.at_us)
        self.seq += 1
        before = self.record.state
        rule = MATRIX[type(happened)][before]
        rule(self, self._take(happened))
        pass_deadlines(self)
        keep_house(self)
        if self.record.state is not before:
            self.do(TellState(self.record.state, tuple(sorted(self.record.missing))))
        decision = Decision(tuple(self._events), tuple(self._effects))
        self._events.clear()
        self._effects.clear()
        return decision

    def apply(self, event: Event) -> None:
        """Fold an event read back from the log."""
        fold(self.record, event)

    def decide(self, kind: type[Event], **facts: Any) -> None:
        """Emit an event of `kind` and fold it at once."""
        self._emit(
            kind(
                originator_id=self.id,
                originator_version=self.record.version + 1,
                at_us=self.now_us,
                seq=self.seq,
                **facts,
            )
        )

    def do(self, *effects: Effect) -> None:
        """Ask for effects."""
        self._effects.extend(effects)

    def ignore(self, happened: Input) -> None:
        """Count an input that changes nothing."""
        self.ignored[f"{type(happened).__name__} in {self.record.state}"] += 1

    def _take(self, happened: Input) -> Input:
        """Record an input; what comes back is as it was recorded."""
        if type(happened) is CandidateFrame:
            self.client_seq = max(self.client_seq, happened.client_seq)
            self.candidate_audio.frame(self.seq, self.now_us, happened)
            if self.record.muted:
                self.hearing.skip()
            else:
                self.hearing.hear(self.now_us, happened.features)
            return happened
        if type(happened) is ModelAudio:
            if self.interviewer_audio.full_with(len(happened.pcm) // 2):
                seal(self, self.interviewer_audio)
            self.interviewer_audio.chunk(self.seq, self.now_us, happened)
            return happened
        assert isinstance(happened, Event)
        stamped = msgspec.structs.replace(
            happened,
            originator_id=self.id,
            originator_version=self.record.version + 1,
            at_us=self.now_us,
            seq=self.seq,
            **attributed(self.record, happened),
        )
        self._emit(stamped)
        return stamped

    def _emit(self, event: Event) -> None:
        fold(self.record, event)
        self._events.append(event)


def open_call(
    *,
    call_id: UUID,
    tenant: str,
    agent: Agent,
    candidate: Candidate,
    context: InterviewContext,
    opened_at: str,
) -> tuple[Call, CallOpened]:
    """A new call and its first event. `opened_at` is wall time, ISO 8601 UTC; the call's own clock starts at zero."""
    opened = CallOpened(
        originator_id=call_id,
        originator_version=1,
        tenant=tenant,
        agent=agent,
        candidate=candidate,
        context=context,
        policy=agent.policy,
        decision_version=DECISION_VERSION,
        opened_at=opened_at,
    )
    return Call(opened), opened
