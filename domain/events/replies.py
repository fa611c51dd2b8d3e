"""The interviewer's replies, from the moment that one is expected until it was played or given up."""

from typing import Literal

from domain.event import Evidence, event
from domain.events.decision import DecisionEvent


@event("call.reply_requested.v1")
class ReplyRequested(DecisionEvent, frozen=True, kw_only=True):
    """A reply of the model is expected from here on."""

    generation: int
    cause: Literal["opening", "answer", "nudge", "resent", "unprompted"]
    turn: int


@event("call.reply_started.v1")
class ReplyStarted(DecisionEvent, frozen=True, kw_only=True):
    """The first audio of a reply arrived; it begins at `first_model_sample` of the interviewer's
    stream."""

    generation: int
    first_model_sample: int
    evidence: Evidence


@event("call.reply_withdrawn.v1")
class ReplyWithdrawn(DecisionEvent, frozen=True, kw_only=True):
    """A reply that nobody had heard was given up, because the candidate spoke on or the link was
    lost."""

    generation: int
    reason: str
    evidence: Evidence


@event("call.model_started.v1")
class ModelStarted(DecisionEvent, frozen=True, kw_only=True):
    """The first sample of a reply was played to the candidate, at `played_at_us`."""

    generation: int
    turn: int
    played_at_us: int
    evidence: Evidence


@event("call.model_finished.v1")
class ModelFinished(DecisionEvent, frozen=True, kw_only=True):
    """A reply was complete and has been played out."""

    generation: int
    evidence: Evidence


@event("call.reply_cut.v1", personal=("heard_text",))
class ReplyCut(DecisionEvent, frozen=True, kw_only=True):
    """A reply was cut off while it was being heard.

    `sent_ms` of it had gone to the client, `heard_ms` had been played. `heard_text` is an estimate:
    the transcript in proportion to the audio.
    """

    generation: int
    received_ms: int
    sent_ms: int
    heard_ms: int
    heard_text: str
    evidence: Evidence


@event("call.reply_overdue.v1")
class ReplyOverdue(DecisionEvent, frozen=True, kw_only=True):
    """The model has not begun to answer in time, or (`finished`) neither gone on with its reply nor
    ended it."""

    generation: int
    action: Literal["nudged", "redialled", "finished"]
    waited_ms: int


@event("call.reply_continued.v1")
class ReplyContinued(DecisionEvent, frozen=True, kw_only=True):
    """More audio of a reply came after Gemini had ended its turn, or called it interrupted: it is
    not over."""

    generation: int
    after: Literal["turn_completed", "interruption_reported"]


@event("call.late_audio_dropped.v1")
class LateAudioDropped(DecisionEvent, frozen=True, kw_only=True):
    """Audio of a reply that had been cut arrived after the cut and was dropped; counted once the
    reply ended."""

    generation: int
    chunks: int
    samples: int


@event("call.playout_overflowed.v1")
class PlayoutOverflowed(DecisionEvent, frozen=True, kw_only=True):
    """The model sent more audio than may wait to be played; what came above the bound was refused."""

    generation: int
    samples: int
