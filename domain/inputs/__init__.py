"""Everything that can happen to a call from outside.

Inputs are facts, so all but the two kinds of audio *are* events: the core stamps them with the
call, the version and their ordinal and they go to the log as they came. Audio goes to the log in
segments (`domain.sound.segments`), each frame and chunk with its ordinal, arrival time and
features, so every input can be read back in its order.

Fields marked "attributed" are filled in by the core from what it knows; adapters leave them at
their default.
"""

from domain.event import Event
from domain.inputs.client import (
    CandidateFrame,
    ClientConnected,
    ClientLost,
    ClientViolatedProtocol,
    HangupRequested,
    MicMuted,
    MicUnmuted,
    PlaybackReported,
    RoundTripMeasured,
)
from domain.inputs.model import (
    CandidateTranscribed,
    GenerationCompleted,
    GoAwayReceived,
    ModelAudio,
    ModelConnected,
    ModelHeardActivity,
    ModelInterruptionReported,
    ModelLost,
    ModelMessageUnrecognised,
    ModelTranscribed,
    ModelTurnCompleted,
    ResumptionHandleIssued,
    ToolCallRequested,
    ToolCallsCancelled,
    UsageReported,
)
from domain.inputs.process import (
    AudioReadBack,
    CallTakenOver,
    ClientMessagesDropped,
    DeadlinePassed,
    EndOfTurnPredicted,
    HandOverRequested,
    QueueOverflowed,
    UplinkMeasured,
)

__all__ = [
    "AUDIO_INPUTS",
    "FACTS",
    "AudioReadBack",
    "CallTakenOver",
    "CandidateFrame",
    "CandidateTranscribed",
    "ClientConnected",
    "ClientLost",
    "ClientMessagesDropped",
    "ClientViolatedProtocol",
    "DeadlinePassed",
    "EndOfTurnPredicted",
    "GenerationCompleted",
    "GoAwayReceived",
    "HandOverRequested",
    "HangupRequested",
    "Input",
    "MicMuted",
    "MicUnmuted",
    "ModelAudio",
    "ModelConnected",
    "ModelHeardActivity",
    "ModelInterruptionReported",
    "ModelLost",
    "ModelMessageUnrecognised",
    "ModelTranscribed",
    "ModelTurnCompleted",
    "PlaybackReported",
    "QueueOverflowed",
    "ResumptionHandleIssued",
    "RoundTripMeasured",
    "ToolCallRequested",
    "ToolCallsCancelled",
    "UplinkMeasured",
    "UsageReported",
]

Input = (
    CandidateFrame
    | ModelAudio
    | ClientConnected
    | ClientLost
    | MicMuted
    | MicUnmuted
    | PlaybackReported
    | RoundTripMeasured
    | HangupRequested
    | ClientViolatedProtocol
    | ModelConnected
    | ModelLost
    | ModelTranscribed
    | CandidateTranscribed
    | GenerationCompleted
    | ModelTurnCompleted
    | ModelInterruptionReported
    | UsageReported
    | UplinkMeasured
    | AudioReadBack
    | GoAwayReceived
    | ResumptionHandleIssued
    | ToolCallRequested
    | ToolCallsCancelled
    | ModelHeardActivity
    | ModelMessageUnrecognised
    | EndOfTurnPredicted
    | DeadlinePassed
    | QueueOverflowed
    | CallTakenOver
    | HandOverRequested
    | ClientMessagesDropped
)
"""Every kind of input there is."""

AUDIO_INPUTS: tuple[type, ...] = (CandidateFrame, ModelAudio)
FACTS: tuple[type[Event], ...] = tuple(kind for kind in Input.__args__ if kind not in AUDIO_INPUTS)
"""The inputs that are events themselves."""
