"""Who has the floor: the candidate's answers and interruptions."""

from typing import Literal

from domain.event import Evidence, event
from domain.events.decision import DecisionEvent


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
    """The answer sounds finished: the model may begin to reply, and its audio is kept back until
    the end is certain."""

    turn: int
    to_sample: int
    evidence: Evidence


@event("call.eager_end_withdrawn.v1")
class EagerEndWithdrawn(DecisionEvent, frozen=True, kw_only=True):
    """The candidate went on: a reply of which `received_ms` had arrived was withdrawn unheard,
    `waited_ms` after the eager end."""

    turn: int
    generation: int
    received_ms: int
    waited_ms: int


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
