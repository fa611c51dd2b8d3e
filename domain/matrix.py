"""What every input does in every state: total, so that a peer may send anything at any time.

A cell is a rule of `domain.rules`, `STEP` (recorded and folded, nothing to decide) or `IGNORED`
(recorded and counted, changes nothing). docs/states.md shows this table; a test holds the two
together.
"""

from collections.abc import Callable
from typing import Any

from domain import inputs as inp
from domain.rules import barge_in, ending, links, model, playback, restoring, takeover, voice
from domain.states import State

Rule = Callable[[Any, Any], None]
"""`rule(call, happened)`: decides through `call.decide` and `call.do`. `happened` is as recorded."""


def STEP(_call: Any, _happened: Any) -> None:  # noqa: N802  (a constant of the table that happens to be callable)
    """Recorded and folded; nothing to decide."""


def IGNORED(call: Any, happened: Any) -> None:  # noqa: N802
    """Recorded and counted; changes nothing."""
    call.ignore(happened)


def _open(rule: Rule) -> list[Rule]:
    """The same rule in every state but `closed`."""
    return [rule] * 5 + [IGNORED]


_ROWS: dict[type, list[Rule]] = {
    # input: listening, candidate_speaking, model_speaking, interrupted, resuming, closed
    inp.CandidateFrame: [
        voice.frame_in_listening,
        voice.frame_in_candidate_speaking,
        barge_in.frame_in_model_speaking,
        barge_in.frame_in_interrupted,
        voice.frame_in_resuming,
        voice.frame_in_closed,
    ],
    inp.MicMuted: [
        voice.muted,
        voice.muted_while_speaking,
        voice.muted,
        barge_in.muted_while_interrupted,
        voice.muted,
        IGNORED,
    ],
    inp.MicUnmuted: [voice.unmuted, STEP, voice.unmuted, STEP, voice.unmuted, IGNORED],
    inp.PlaybackReported: [
        playback.reported_in_speech,
        playback.reported_otherwise,
        playback.reported_in_speech,
        playback.reported_in_interrupted,
        playback.reported_otherwise,
        IGNORED,
    ],
    inp.RoundTripMeasured: _open(STEP),
    inp.ClientConnected: [links.client_connected] * 5 + [ending.client_connected_after_close],
    inp.ClientLost: [
        links.client_lost,
        links.client_lost,
        links.client_lost,
        links.client_lost,
        links.client_lost,
        ending.client_lost_after_close,
    ],
    inp.HangupRequested: _open(ending.hung_up),
    inp.ClientViolatedProtocol: _open(ending.violated),
    inp.QueueOverflowed: _open(ending.queue_overflowed),
    inp.ClientMessagesDropped: [STEP] * 6,
    inp.ModelConnected: _open(links.model_connected),
    inp.ModelLost: [
        links.model_lost,
        links.model_lost,
        links.model_lost,
        links.model_lost_while_interrupted,
        links.model_lost,
        IGNORED,
    ],
    inp.ModelAudio: [
        model.audio,
        model.audio_over_candidate,
        model.audio,
        model.audio,
        model.audio_while_resuming,
        IGNORED,
    ],
    inp.ModelTranscribed: _open(STEP),
    inp.CandidateTranscribed: _open(model.candidate_transcribed),
    inp.GenerationCompleted: _open(model.completed),
    inp.ModelTurnCompleted: _open(model.turn_completed),
    inp.ModelInterruptionReported: _open(model.interruption_reported),
    inp.UsageReported: [restoring.verify_memory] * 5 + [STEP],
    inp.UplinkMeasured: [STEP] * 6,
    inp.AudioReadBack: [STEP] * 6,
    inp.GoAwayReceived: _open(model.going_away),
    inp.ResumptionHandleIssued: _open(STEP),
    inp.ToolCallRequested: _open(model.tool_called),
    inp.ToolCallsCancelled: _open(STEP),
    inp.ModelHeardActivity: _open(STEP),
    inp.ModelMessageUnrecognised: _open(IGNORED),
    inp.EndOfTurnPredicted: [IGNORED, voice.predicted, IGNORED, IGNORED, IGNORED, IGNORED],
    inp.DeadlinePassed: [STEP] * 6,
    inp.CallTakenOver: [takeover.taken_over] * 5 + [takeover.taken_over_after_close],
    inp.HandOverRequested: [
        takeover.hand_over_requested,
        takeover.hand_over_requested,
        takeover.hand_over_requested,
        takeover.hand_over_requested,
        takeover.hand_over_requested,
        takeover.hand_over_after_close,
    ],
}

_COLUMNS = (
    State.LISTENING,
    State.CANDIDATE_SPEAKING,
    State.MODEL_SPEAKING,
    State.INTERRUPTED,
    State.RESUMING,
    State.CLOSED,
)

MATRIX: dict[type, dict[State, Rule]] = {kind: dict(zip(_COLUMNS, row, strict=True)) for kind, row in _ROWS.items()}


def table() -> str:
    """The matrix as a Markdown table, for docs/states.md."""
    lines = ["| input | " + " | ".join(_COLUMNS) + " |", "|---" * (len(_COLUMNS) + 1) + "|"]
    lines += [
        f"| {kind.__name__} | " + " | ".join(_cell(row[s]) for s in _COLUMNS) + " |" for kind, row in MATRIX.items()
    ]
    return "\n".join(lines)


def _cell(rule: Rule) -> str:
    if rule is STEP:
        return "step"
    if rule is IGNORED:
        return "ignored"
    return f"{rule.__module__.rsplit('.', 1)[-1]}.{rule.__name__}"
