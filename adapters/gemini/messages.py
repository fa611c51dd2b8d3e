"""Turns one message of Gemini into the core's inputs.

Several fields can share a message, so each is read on its own and nothing is an alternative to
anything else. Their order within one message is not Gemini's to say (JSON objects have none), so it
is decided here:

1. `interrupted`: it is about the reply before, so it must not cut what comes with it;
2. the candidate's transcript, then the interviewer's voice and words: a question's line stands before its answer;
3. `generationComplete`: after the last of the voice;
4. tool calls and their cancellation;
5. usage, the resumption handle, voice activity, fields nobody knows: what must not be lost if 6 makes the core dial;
6. `turnComplete`, then `goAway`: a quiet moment and a reason to use it.
"""

from collections.abc import Iterator

from google.genai import types

from adapters.gemini.audio_decoder import AudioDecoder
from adapters.voice.features import loudness_of
from domain.inputs import (
    CandidateTranscribed,
    GenerationCompleted,
    GoAwayReceived,
    Input,
    ModelAudio,
    ModelHeardActivity,
    ModelInterruptionReported,
    ModelMessageUnrecognised,
    ModelTranscribed,
    ModelTurnCompleted,
    ResumptionHandleIssued,
    ToolCallRequested,
    ToolCallsCancelled,
    UsageReported,
)

HANDLED = frozenset(
    {
        "server_content",
        "tool_call",
        "tool_call_cancellation",
        "usage_metadata",
        "go_away",
        "session_resumption_update",
        "voice_activity",
        "voice_activity_detection_signal",
    }
)
CONTENT_HANDLED = frozenset(
    {
        "model_turn",
        "generation_complete",
        "turn_complete",
        "turn_complete_reason",
        "waiting_for_input",
        "interrupted",
        "input_transcription",
        "interim_input_transcription",
        "output_transcription",
        "interaction_status",  # always beside turnComplete, which says it already
    }
)
PART_IGNORED = frozenset({"thought_signature", "part_metadata", "media_processing", "speech_metadata"})
"""What may accompany a part and changes nothing about it."""

NOTHING = types.LiveServerContent()

LONGEST_PIECE_BYTES = 48_000
"""One second: a stored segment is no longer, whatever a message carries."""


def inputs_of(
    message: types.LiveServerMessage, at_us: int, voice: AudioDecoder, unknown: tuple[str, ...] = ()
) -> Iterator[Input]:
    """The inputs in `message`, which arrived at `at_us`, in the order above.

    `voice` decodes this session's audio; `unknown` names the fields that the SDK did not pass on.
    """
    content = message.server_content or NOTHING
    unrecognised = [*unknown, *_left_over(message, content)]
    if content.interrupted:
        voice.restart()
        yield ModelInterruptionReported(at_us=at_us)
    yield from _candidate_lines(content, at_us)
    if content.model_turn:
        yield from _voice(content.model_turn, at_us, voice, unrecognised)
    if content.output_transcription and content.output_transcription.text:
        yield ModelTranscribed(at_us=at_us, text=content.output_transcription.text)
    if content.generation_complete:
        if rest := voice.restart():
            yield _audio(at_us, rest)
        yield GenerationCompleted(at_us=at_us)
    yield from _tool_calls(message, at_us)
    yield from _bookkeeping(message, at_us)
    time_left_ms = _time_left(message.go_away, unrecognised)
    if unrecognised:
        yield ModelMessageUnrecognised(at_us=at_us, fields=tuple(unrecognised))
    yield from _endings(content, at_us)
    if message.go_away:
        yield GoAwayReceived(at_us=at_us, time_left_ms=time_left_ms)


def _candidate_lines(content: types.LiveServerContent, at_us: int) -> Iterator[Input]:
    if content.interim_input_transcription and content.interim_input_transcription.text:
        yield CandidateTranscribed(at_us=at_us, text=content.interim_input_transcription.text, interim=True)
    if content.input_transcription and content.input_transcription.text:
        yield CandidateTranscribed(at_us=at_us, text=content.input_transcription.text)


def _voice(turn: types.Content, at_us: int, voice: AudioDecoder, unrecognised: list[str]) -> Iterator[Input]:
    for part in turn.parts or ():
        if part.inline_data:
            pcm, problem = voice.decode(part.inline_data)
            if problem:
                unrecognised.append(f"serverContent.modelTurn.inlineData: {problem}")
            for start in range(0, len(pcm), LONGEST_PIECE_BYTES):
                yield _audio(at_us, pcm[start : start + LONGEST_PIECE_BYTES])
        unrecognised.extend(f"serverContent.modelTurn.{name}" for name in _filled(part, PART_IGNORED | {"inline_data"}))


def _audio(at_us: int, pcm: bytes) -> ModelAudio:
    level, peak, clipped = loudness_of(pcm)
    return ModelAudio(at_us=at_us, pcm=pcm, level=level, peak=peak, clipped=clipped)


def _tool_calls(message: types.LiveServerMessage, at_us: int) -> Iterator[Input]:
    for call in (message.tool_call.function_calls or ()) if message.tool_call else ():
        yield ToolCallRequested(at_us=at_us, tool_call_id=call.id or "", name=call.name or "", args=call.args or {})
    if message.tool_call_cancellation:
        yield ToolCallsCancelled(at_us=at_us, tool_call_ids=tuple(message.tool_call_cancellation.ids or ()))


def _bookkeeping(message: types.LiveServerMessage, at_us: int) -> Iterator[Input]:
    if message.usage_metadata:
        usage = message.usage_metadata.model_dump(mode="json", by_alias=True, exclude_none=True)
        yield UsageReported(at_us=at_us, usage=usage)
    if update := message.session_resumption_update:
        yield ResumptionHandleIssued(at_us=at_us, handle=update.new_handle or "", resumable=bool(update.resumable))
    if message.voice_activity and message.voice_activity.voice_activity_type:
        yield ModelHeardActivity(at_us=at_us, kind=message.voice_activity.voice_activity_type.value)
    signal = message.voice_activity_detection_signal
    if signal and signal.vad_signal_type:
        yield ModelHeardActivity(at_us=at_us, kind=signal.vad_signal_type.value)


def _endings(content: types.LiveServerContent, at_us: int) -> Iterator[Input]:
    """`waitingForInput` ends the model's turn as `turnComplete` does, should it ever come without
    it."""
    if content.turn_complete or content.waiting_for_input:
        yield ModelTurnCompleted(
            at_us=at_us,
            reason=content.turn_complete_reason.value if content.turn_complete_reason else "",
            waiting_for_input=bool(content.waiting_for_input),
        )


def _left_over(message: types.LiveServerMessage, content: types.LiveServerContent) -> Iterator[str]:
    """Fields that the SDK knows and this module does not."""
    yield from _filled(message, HANDLED)
    for name in _filled(content, CONTENT_HANDLED):
        yield f"serverContent.{name}"
    if content.turn_complete_reason and not (content.turn_complete or content.waiting_for_input):
        yield f"serverContent.turnCompleteReason: {content.turn_complete_reason.value}"


def _filled(
    model: types.LiveServerMessage | types.LiveServerContent | types.Part, known: frozenset[str]
) -> Iterator[str]:
    if model.model_fields_set <= known:
        return
    for name in sorted(model.model_fields_set - known):
        if getattr(model, name) is not None:
            yield type(model).model_fields[name].alias or name


def _time_left(go_away: types.LiveServerGoAway | None, unrecognised: list[str]) -> int:
    """A protobuf duration ("49.5s") in ms; 0, the safe reading, where it is missing or something
    else."""
    text = (go_away.time_left if go_away else None) or "0s"
    try:
        return max(0, round(float(text.removesuffix("s")) * 1000))
    except (ValueError, OverflowError):
        unrecognised.append(f"goAway.timeLeft: {text[:40]}")
        return 0
