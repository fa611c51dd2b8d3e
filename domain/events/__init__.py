"""What a call decided, as events; with `domain.inputs` the whole vocabulary of the log.

Every decision carries the decision version and its `evidence`, the numbers it was made on.
Positions named `*_sample` are samples of the candidate's 16 kHz stream, or of the interviewer's 24
kHz stream where the name says `model`, `sent`, `heard` or `held`; `generation` numbers the model's
replies as we asked for them, `turn` the candidate's answers.
"""

from domain.events.decision import DECISION_VERSION, DecisionEvent
from domain.events.lifecycle import (
    CallClosed,
    CallHandedOver,
    CallOpened,
    CallSettled,
    EndingAgreed,
)
from domain.events.recording import (
    CandidateAudioRecorded,
    DetectorReset,
    InterviewerAudioRecorded,
    SnapshotTaken,
)
from domain.events.replies import (
    LateAudioDropped,
    ModelFinished,
    ModelStarted,
    PlayoutOverflowed,
    ReplyContinued,
    ReplyCut,
    ReplyOverdue,
    ReplyRequested,
    ReplyStarted,
    ReplyWithdrawn,
)
from domain.events.sessions import (
    HistoryCorrected,
    LinkLost,
    LinkRestored,
    ModelHistoryVerified,
    SessionAged,
)
from domain.events.turns import (
    BargeInConfirmed,
    BargeInDismissed,
    BargeInSuspected,
    CandidateStarted,
    CandidateStopped,
    EagerEndTried,
    EagerEndWithdrawn,
)

__all__ = [
    "DECISION_VERSION",
    "BargeInConfirmed",
    "BargeInDismissed",
    "BargeInSuspected",
    "CallClosed",
    "CallHandedOver",
    "CallOpened",
    "CallSettled",
    "CandidateAudioRecorded",
    "CandidateStarted",
    "CandidateStopped",
    "DecisionEvent",
    "DetectorReset",
    "EagerEndTried",
    "EagerEndWithdrawn",
    "EndingAgreed",
    "HistoryCorrected",
    "InterviewerAudioRecorded",
    "LateAudioDropped",
    "LinkLost",
    "LinkRestored",
    "ModelFinished",
    "ModelHistoryVerified",
    "ModelStarted",
    "PlayoutOverflowed",
    "ReplyContinued",
    "ReplyCut",
    "ReplyOverdue",
    "ReplyRequested",
    "ReplyStarted",
    "ReplyWithdrawn",
    "SessionAged",
    "SnapshotTaken",
]
