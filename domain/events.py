"""What a call decided, as events; with `domain.inputs` the whole vocabulary of the log.

Every decision carries the decision version and its `evidence`, the numbers it was made on.
Positions named `*_sample` are samples of the candidate's 16 kHz stream, or of the interviewer's 24
kHz stream where the name says `model`, `sent`, `heard` or `held`; `generation` numbers the model's
replies as we asked for them, `turn` the candidate's answers.
"""

from typing import Literal

from domain.event import Event, Evidence, RawJson, event
from domain.interview import Agent, Candidate, InterviewContext
from domain.policy import Policy
from domain.states import Link

DECISION_VERSION = 3
"""Raised whenever the same inputs could lead to other decisions; every decision carries it."""


class DecisionEvent(Event, frozen=True, kw_only=True):
    """Something the core decided: by which version of it, and on what numbers (none where its own
    fields say it)."""

    decision_version: int = DECISION_VERSION
    evidence: Evidence = {}  # noqa: RUF012  (msgspec copies it)


@event("call.opened.v1", personal=("candidate", "context"))
class CallOpened(DecisionEvent, frozen=True, kw_only=True):
    """A call was asked for, by a process that owns it from now on. The call's clock starts here."""

    tenant: str
    agent: Agent
    candidate: Candidate
    context: InterviewContext
    policy: Policy
    opened_at: str
    """ISO 8601, UTC."""
    process: str = ""
    """Who opened it; empty in logs from before calls could change hands."""


@event("call.link_lost.v1")
class LinkLost(DecisionEvent, frozen=True, kw_only=True):
    """A link is missing: the call is resuming.

    For the model's link, what is dialled next: `model`, with the session's handle or `fresh` (then
    it is given the conversation as it was heard), as the `attempt`-th dial since a turn was last
    completed.
    """

    link: Link
    reason: str
    attempt: int = 0
    model: str = ""
    fresh: bool = False


@event("call.session_aged.v1")
class SessionAged(DecisionEvent, frozen=True, kw_only=True):
    """The Gemini session is so old that the next quiet moment is used to leave it: replies get
    slower with age."""

    age_ms: int


@event("call.model_memory_verified.v1")
class ModelMemoryVerified(DecisionEvent, frozen=True, kw_only=True):
    """Whether a session that was resumed by its handle, or given the conversation, does remember
    it.

    Gemini does not say. Its first bill does: a model that remembers reads all of it again.
    """

    method: Literal["handle", "seed"]
    verdict: Literal["kept", "lost", "unknown"]
    evidence: Evidence


@event("call.link_restored.v1")
class LinkRestored(DecisionEvent, frozen=True, kw_only=True):
    """A link is back. `missing` is what is still not; with nothing missing the call leaves
    `resuming`."""

    link: Link
    missing: tuple[Link, ...]
    voice_active: bool = False
    audio_unplayed: bool = False


@event("call.candidate_started.v1")
class CandidateStarted(DecisionEvent, frozen=True, kw_only=True):
    """The candidate took the floor. Their audio from `from_sample` on goes to the model."""

    turn: int
    onset_sample: int
    onset_at_us: int
    from_sample: int
    evidence: Evidence


@event("call.candidate_stopped.v1")
class CandidateStopped(DecisionEvent, frozen=True, kw_only=True):
    """The candidate's answer is over: the endpoint decision. Voice ended at `end_sample`, heard at
    `end_at_us`."""

    turn: int
    end_sample: int
    end_at_us: int
    to_sample: int
    reason: Literal["silence", "muted", "model_replied"]
    evidence: Evidence


@event("call.eager_end_tried.v1")
class EagerEndTried(DecisionEvent, frozen=True, kw_only=True):
    """The answer sounds finished: the model is let think already, and what it says is kept until
    the end is certain."""

    turn: int
    to_sample: int
    evidence: Evidence


@event("call.eager_end_withdrawn.v1")
class EagerEndWithdrawn(DecisionEvent, frozen=True, kw_only=True):
    """The candidate went on: `received_ms` of a reply that nobody heard were in vain, after
    `waited_ms` of thinking."""

    turn: int
    generation: int
    received_ms: int
    waited_ms: int


@event("call.history_corrected.v1", personal=("heard_text",))
class HistoryCorrected(DecisionEvent, frozen=True, kw_only=True):
    """The model was told how much of a reply the candidate had heard: its own memory holds all that
    it sent."""

    generation: int
    method: Literal["note"]
    heard_ms: int
    heard_text: str


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


@event("call.barge_in_suspected.v1")
class BargeInSuspected(DecisionEvent, frozen=True, kw_only=True):
    """The candidate was heard over the interviewer: playback is held."""

    generation: int
    onset_sample: int
    onset_at_us: int
    evidence: Evidence


@event("call.barge_in_confirmed.v1")
class BargeInConfirmed(DecisionEvent, frozen=True, kw_only=True):
    """It is an interruption: playback is flushed, the candidate has the floor from `from_sample`
    on."""

    generation: int
    turn: int
    from_sample: int
    onset_sample: int
    onset_at_us: int
    reason: Literal["voiced", "ceiling", "played_out", "model"]
    evidence: Evidence


@event("call.barge_in_dismissed.v1")
class BargeInDismissed(DecisionEvent, frozen=True, kw_only=True):
    """It was none: the interviewer plays on from the held sample."""

    generation: int
    reason: Literal["silence", "ceiling", "muted", "client_lost"]
    held_ms: int
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


@event("call.ending_agreed.v1")
class EndingAgreed(DecisionEvent, frozen=True, kw_only=True):
    """The model called the end of the interview: the call closes once its last words were played."""

    tool_call_id: str


@event("call.detector_reset.v1")
class DetectorReset(DecisionEvent, frozen=True, kw_only=True):
    """The voice detector starts afresh with the frame at `sample`: its memory sticks after long
    noise."""

    sample: int


@event("call.candidate_audio_recorded.v1")
class CandidateAudioRecorded(DecisionEvent, frozen=True, kw_only=True):
    """A segment of the candidate's audio is stored under `sha256`; durable up to the client's
    message `client_seq`.

    Its last `partial_samples` samples are the beginning of the message after that one.
    """

    sha256: str
    first_sample: int
    samples: int
    client_seq: int
    partial_samples: int = 0


@event("call.interviewer_audio_recorded.v1")
class InterviewerAudioRecorded(DecisionEvent, frozen=True, kw_only=True):
    """A segment of the interviewer's audio, as the model sent it, is stored under `sha256`."""

    sha256: str
    first_model_sample: int
    samples: int


@event("call.snapshot_taken.v1", personal=("memory",))
class SnapshotTaken(DecisionEvent, frozen=True, kw_only=True):
    """All that the call knows at this point of its log: recovery may begin here."""

    memory: RawJson


@event("call.handed_over.v1")
class CallHandedOver(DecisionEvent, frozen=True, kw_only=True):
    """Its process has let go of the call in good order: nobody owns it until somebody takes it
    over."""

    reason: Literal["drain", "asked"]


@event("call.closed.v1")
class CallClosed(DecisionEvent, frozen=True, kw_only=True):
    """The end. `reason` is for programs, `detail` for people; `ignored` counts inputs that changed
    nothing."""

    reason: str
    detail: str
    ignored: dict[str, int]


@event("call.settled.v1")
class CallSettled(DecisionEvent, frozen=True, kw_only=True):
    """The grace period of a closed call is over: nothing more of it will be recorded.

    `client_seq` is the last audio message that was taken; `after_close_ms` how much audio arrived
    after the close.
    """

    client_seq: int
    after_close_ms: int
