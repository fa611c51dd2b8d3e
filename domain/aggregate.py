"""One call's aggregate: everything that its rules read, and the only two ways in which a rule acts.

`decide` emits an event, which changes the record (`domain.record`) and nothing else does; `do` asks
for an effect. The sound state (`hearing`, `playout`, the segment buffers) and the `timers` follow
from the recorded inputs.
"""

from typing import Any, Literal
from uuid import UUID

from msgspec import Struct

from domain.effects import Effect, SendCandidateAudio
from domain.event import Event
from domain.events import CallOpened
from domain.inputs import Input, ModelLost
from domain.policy import Policy
from domain.ports import Side
from domain.record.client_messages import message_for
from domain.record.fold import fold
from domain.record.record import Record
from domain.sound.delivery import Delivery
from domain.sound.endpointing import Endpointing
from domain.sound.hearing import Hearing
from domain.sound.playout import Playout
from domain.sound.segments import SegmentBuffer
from domain.timers import Timers


class LateAudio(Struct, frozen=True):
    """Audio of a stale reply that was dropped, until it is counted in an event."""

    generation: int = 0
    chunks: int = 0
    samples: int = 0


class Progress(Struct):
    """Where a call stands, beside its record and what is heard and played."""

    now_us: int = 0
    last_input_us: int = 0
    """When the newest input but one was handled: at a takeover, the end of what the log holds."""
    seq: int = 0
    client_seq: int = -1
    partial_samples: int = 0
    """How much of the client's message after that one has been heard."""
    missed_from: int | None = None
    """Where a voice began that the model could not be given at once, because its link was missing."""
    late_audio: LateAudio = LateAudio()
    away_since_us: int = 0
    """While the client's link is missing: since when, if there ever was a client."""
    snapshot_at_us: int = 0
    after_close_frames: int = 0
    ignored: dict[str, int] = {}


class CallAggregate:
    """The state of one call. Rules read it freely; they change the record through `decide` alone."""

    def __init__(self, opened: CallOpened) -> None:
        self.id: UUID = opened.originator_id
        self.tenant = opened.tenant
        self.opened = opened
        self.policy: Policy = opened.policy
        self.record = fold(Record(), opened)
        self.progress = Progress()
        self.hearing = Hearing.under(self.policy)
        self.endpointing = Endpointing.under(self.policy.endpoint)
        self.playout = Playout.under(self.policy.playout)
        self.delivery = Delivery()
        self.candidate_audio = SegmentBuffer(Side.CANDIDATE, self.policy.recording.segment_ms)
        self.interviewer_audio = SegmentBuffer(Side.INTERVIEWER, self.policy.recording.segment_ms)
        self.timers = Timers()
        self.deferred_loss: ModelLost | None = None
        """The model's link was lost while a barge-in was being decided: `resuming` follows the
        decision."""
        self.finishing: Literal["", "settle", "handover"] = ""
        """What the decision under way ends with, behind all its audio."""
        self._events: list[Event] = []
        self._effects: list[Effect] = []

    @property
    def now_us(self) -> int:
        """The time of the newest input, on the call's own clock."""
        return self.progress.now_us

    @property
    def client_seq(self) -> int:
        """The client's newest message of which all audio has been heard; -1 for none."""
        return self.progress.client_seq

    @property
    def partial_samples(self) -> int:
        """How many samples of the client's next message have been heard."""
        return self.progress.partial_samples

    def decide(self, kind: type[Event], **facts: Any) -> None:
        """Emit an event of `kind` and fold it at once."""
        self.emit(
            kind(
                originator_id=self.id,
                originator_version=self.record.version + 1,
                at_us=self.progress.now_us,
                seq=self.progress.seq,
                **facts,
            )
        )

    def emit(self, event: Event) -> None:
        """Fold an event and keep it for the decision under way; the message it leads to follows
        from it alone."""
        self.record = record = fold(self.record, event)
        self._events.append(event)
        message = message_for(event, record)
        if message is not None:
            self._effects.append(message)

    def do(self, *effects: Effect) -> None:
        """Ask for effects."""
        self._effects.extend(effects)
        for effect in effects:
            if type(effect) is SendCandidateAudio:
                answer = self.record.answer
                since = answer.first_sample if answer is not None else 0
                self.delivery.count(effect.from_sample, effect.to_sample, since=since)

    def ignore(self, happened: Input) -> None:
        """Count an input that changes nothing."""
        name = f"{type(happened).__name__} in {self.record.state}"
        self.progress.ignored[name] = self.progress.ignored.get(name, 0) + 1

    def forget_unrecorded(self) -> None:
        """The log has all that counts: audio that waits to be stored is in it already, or another
        core stored it."""
        for buffer in (self.candidate_audio, self.interviewer_audio):
            if buffer.waiting:
                buffer.forget()

    @property
    def decided(self) -> tuple[Event, ...]:
        """The events of the decision under way, so far."""
        return tuple(self._events)

    @property
    def fully_sealed(self) -> bool:
        """Whether all audio so far is in segments: then the events so far are a gap-free prefix of
        the call."""
        return not self.candidate_audio.waiting and not self.interviewer_audio.waiting

    def take_decision(self) -> tuple[tuple[Event, ...], tuple[Effect, ...]]:
        """Everything decided and asked for since the last time."""
        decided = tuple(self._events), tuple(self._effects)
        self._events.clear()
        self._effects.clear()
        return decided
