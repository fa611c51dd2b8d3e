"""What every input does in every state: total, so that a peer may send anything at any time.

A cell is a rule of `domain.rules`, `STEP` (recorded and folded, nothing to decide) or `IGNORED`
(recorded and counted, changes nothing). docs/states.md shows this table; a test holds the two
together.
"""

from collections.abc import Callable
from typing import TypeVar, cast

from domain import inputs as inp
from domain.aggregate import CallAggregate
from domain.inputs import Input
from domain.rules import barge_in, ending, links, model, playback, restoring, takeover, voice
from domain.states import State

I = TypeVar("I", bound=Input)  # noqa: E741  (an input)
Rule = Callable[[CallAggregate, I], None]
"""`rule(call, happened)` decides through `call.decide` and `call.do`. `happened` is as recorded."""

_COLUMNS = (
    State.LISTENING,
    State.CANDIDATE_SPEAKING,
    State.MODEL_SPEAKING,
    State.INTERRUPTED,
    State.RESUMING,
    State.CLOSED,
)


def STEP(_call: CallAggregate, _happened: Input) -> None:  # noqa: N802  (a constant of the table that happens to be callable)
    """Recorded and folded; nothing to decide."""


def IGNORED(call: CallAggregate, happened: Input) -> None:  # noqa: N802
    """Recorded and counted; changes nothing."""
    call.ignore(happened)


MATRIX: dict[type, dict[State, Rule[Input]]] = {}
"""The cell for an input of this kind in this state: `MATRIX[kind][state]`."""


def _row(
    kind: type[I],
    listening: Rule[I],
    candidate_speaking: Rule[I],
    model_speaking: Rule[I],
    interrupted: Rule[I],
    resuming: Rule[I],
    closed: Rule[I],
) -> None:
    """The rules for one kind of input. Each is looked up by that kind, so it is given nothing else."""
    rules = (listening, candidate_speaking, model_speaking, interrupted, resuming, closed)
    MATRIX[kind] = dict(zip(_COLUMNS, cast("tuple[Rule[Input], ...]", rules), strict=True))


def _while_open(kind: type[I], rule: Rule[I], closed: Rule[I] = IGNORED) -> None:
    """The same rule in every state but `closed`."""
    _row(kind, rule, rule, rule, rule, rule, closed)


# input: listening, candidate_speaking, model_speaking, interrupted, resuming, closed
_row(
    inp.CandidateFrame,
    voice.frame_in_listening,
    voice.frame_in_candidate_speaking,
    barge_in.frame_in_model_speaking,
    barge_in.frame_in_interrupted,
    voice.frame_in_resuming,
    voice.frame_in_closed,
)
_row(
    inp.MicMuted,
    voice.muted,
    voice.muted_while_speaking,
    voice.muted,
    barge_in.muted_while_interrupted,
    voice.muted,
    IGNORED,
)
_row(inp.MicUnmuted, voice.unmuted, STEP, voice.unmuted, STEP, voice.unmuted, IGNORED)
_row(
    inp.PlaybackReported,
    playback.reported_in_speech,
    playback.reported_otherwise,
    playback.reported_in_speech,
    playback.reported_in_interrupted,
    playback.reported_otherwise,
    IGNORED,
)
_while_open(inp.RoundTripMeasured, STEP)
_while_open(inp.ClientConnected, links.client_connected, ending.client_connected_after_close)
_while_open(inp.ClientLost, links.client_lost, ending.client_lost_after_close)
_while_open(inp.HangupRequested, ending.hung_up)
_while_open(inp.ClientViolatedProtocol, ending.violated)
_while_open(inp.QueueOverflowed, ending.queue_overflowed)
_while_open(inp.ClientMessagesDropped, STEP, STEP)
_while_open(inp.ModelConnected, links.model_connected)
_row(
    inp.ModelLost,
    links.model_lost,
    links.model_lost,
    links.model_lost,
    links.model_lost_while_interrupted,
    links.model_lost,
    IGNORED,
)
_row(
    inp.ModelAudio,
    model.audio,
    model.audio_over_candidate,
    model.audio,
    model.audio,
    model.audio_while_resuming,
    IGNORED,
)
_while_open(inp.ModelTranscribed, STEP)
_while_open(inp.CandidateTranscribed, model.candidate_transcribed)
_while_open(inp.GenerationCompleted, model.completed)
_while_open(inp.ModelTurnCompleted, model.turn_completed)
_while_open(inp.ModelInterruptionReported, model.interruption_reported)
_while_open(inp.UsageReported, restoring.verify_history, STEP)
_while_open(inp.UplinkMeasured, STEP, STEP)
_while_open(inp.AudioReadBack, STEP, STEP)
_while_open(inp.GoAwayReceived, model.going_away)
_while_open(inp.ResumptionHandleIssued, STEP)
_while_open(inp.ToolCallRequested, model.tool_called)
_while_open(inp.ToolCallsCancelled, STEP)
_while_open(inp.ModelHeardActivity, STEP)
_while_open(inp.ModelMessageUnrecognised, IGNORED)
_row(inp.EndOfTurnPredicted, IGNORED, voice.end_of_turn_predicted, IGNORED, IGNORED, IGNORED, IGNORED)
_while_open(inp.DeadlinePassed, STEP, STEP)
_while_open(inp.CallTakenOver, takeover.taken_over, takeover.taken_over_after_close)
_while_open(inp.HandOverRequested, takeover.hand_over_requested, takeover.hand_over_after_close)


def table() -> str:
    """The matrix as a Markdown table, for docs/states.md."""
    lines = ["| input | " + " | ".join(_COLUMNS) + " |", "|---" * (len(_COLUMNS) + 1) + "|"]
    lines += [
        f"| {kind.__name__} | " + " | ".join(_cell(row[state]) for state in _COLUMNS) + " |"
        for kind, row in MATRIX.items()
    ]
    return "\n".join(lines)


def _cell(rule: Rule[Input]) -> str:
    if rule is STEP:
        return "step"
    if rule is IGNORED:
        return "ignored"
    return f"{rule.__module__.rsplit('.', 1)[-1]}.{rule.__name__}"
