"""What one call knows while it lives, and the only two ways in which a rule acts: `decide` and
`do`.

Memory comes in two parts: `record`, changed by events alone (`domain.record.fold`), and what is
heard and played (`hearing`, `playout`, the journals, `timers`), which the recorded inputs give
back.
"""

from collections import Counter
from typing import Any
from uuid import UUID

from domain.effects import Effect, SendCandidateAudio
from domain.event import Event
from domain.events import CallOpened
from domain.inputs import Input, ModelLost
from domain.policy import Policy
from domain.ports import Side
from domain.record.client_messages import message_for
from domain.record.fold import fold
from domain.record.record import Record
from domain.sound.endpointing import Endpointing
from domain.sound.hearing import Hearing
from domain.sound.playout import Playout
from domain.sound.segments import Journal
from domain.sound.spans import Stretches, joined, overlap
from domain.timers import Timers


class CallAggregate:
    """The memory of one call. Rules read it freely; they change the record through `decide` alone."""

    def __init__(self, opened: CallOpened) -> None:
        self.id: UUID = opened.originator_id
        self.tenant = opened.tenant
        self.opened = opened
        self.policy: Policy = opened.policy
        self.record = Record(agent=opened.agent)
        self.hearing = Hearing(self.policy)
        self.endpointing = Endpointing(self.policy.endpoint)
        self.playout = Playout(self.policy.playout)
        self.candidate_audio = Journal(Side.CANDIDATE, self.policy.recording.segment_ms)
        self.interviewer_audio = Journal(Side.INTERVIEWER, self.policy.recording.segment_ms)
        self.timers = Timers()
        self.ignored: Counter[str] = Counter()
        self.now_us = 0
        self.seq = 0
        self.client_seq = -1
        self.partial_samples = 0
        """How much of the client's message after that one has been heard, in samples."""
        self.uplink_sample = 0
        """Everything of the open window before this was sent to the model."""
        self.given: Stretches = []
        """What of the candidate's stream the model was given, as far back as it may be given again."""
        self.given_samples = self.resent_samples = 0
        """How much it was given, and how much of that once more."""
        self.given_before = 0
        """How much of both it had been given when the newest session began."""
        self.seeded_characters = 0
        """How much of the conversation the newest session was told."""
        self.missed_from: int | None = None
        """Where a voice began that the model could not be given at once, because its link was
        missing."""
        self.late_generation = self.late_chunks = self.late_samples = 0
        self.after_close_frames = 0
        self.deferred_loss: ModelLost | None = None
        """The model's link was lost while a barge-in was being decided: `resuming` follows the
        decision."""
        self.settling = False
        self.handing_over = False
        self.snapshot_at_us = 0
        self.away_since_us = 0
        """While the client's link is missing: since when, if there ever was a client."""
        self.last_input_us = 0
        """When the newest input but one was handled: at a takeover, the end of what the log holds."""
        self._events: list[Event] = []
        self._effects: list[Effect] = []
        fold(self.record, opened)

    def decide(self, kind: type[Event], **facts: Any) -> None:
        """Emit an event of `kind` and fold it at once."""
        self.emit(
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
        for effect in effects:
            if type(effect) is SendCandidateAudio:
                self._count_given(effect.from_sample, effect.to_sample)

    def _count_given(self, from_sample: int, to_sample: int) -> None:
        again = overlap(self.given, from_sample, to_sample)
        self.given_samples += to_sample - from_sample - again
        self.resent_samples += again
        answer = self.record.answer
        self.given = joined(self.given, from_sample, to_sample, since=answer.first_sample if answer is not None else 0)

    def ignore(self, happened: Input) -> None:
        """Count an input that changes nothing."""
        self.ignored[f"{type(happened).__name__} in {self.record.state}"] += 1

    def emit(self, event: Event) -> None:
        """Fold an event and keep it for the decision under way; what the client is told of it
        follows from it alone."""
        fold(self.record, event)
        self._events.append(event)
        telling = message_for(self.record, event)
        if telling is not None:
            self._effects.append(telling)

    def forget_unrecorded(self) -> None:
        """The log has all that counts: audio that waits to be stored is in it already, or another
        core stored it."""
        for journal in (self.candidate_audio, self.interviewer_audio):
            if journal.waiting:
                journal.forget()

    @property
    def decided(self) -> tuple[Event, ...]:
        """The events of the decision under way, so far."""
        return tuple(self._events)

    @property
    def whole(self) -> bool:
        """Whether everything that was heard and said so far is in segments: then the events so far
        are all of it."""
        return not self.candidate_audio.waiting and not self.interviewer_audio.waiting

    def hand_over(self) -> tuple[tuple[Event, ...], tuple[Effect, ...]]:
        """Everything decided and asked for since the last time."""
        decided = tuple(self._events), tuple(self._effects)
        self._events.clear()
        self._effects.clear()
        return decided
