"""Messages of Gemini, parsed by the SDK's own types, become the core's inputs."""

import base64
import warnings
from typing import Any

import pytest
from google.genai import types
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.gemini.audio_decoder import AudioDecoder
from adapters.gemini.messages import inputs_of
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


def read(message: dict[str, Any], unknown: tuple[str, ...] = ()) -> list[Input]:
    """What a message that arrived at 7 µs means."""
    parsed = types.LiveServerMessage._from_response(response=message, kwargs={})
    return list(inputs_of(parsed, 7, AudioDecoder(), unknown))


def audio(pcm: bytes, mime: str = "audio/pcm;rate=24000") -> dict[str, Any]:
    return {"inlineData": {"mimeType": mime, "data": base64.b64encode(pcm).decode()}}


def content(**fields: Any) -> dict[str, Any]:
    return {"serverContent": fields}


def test_every_audio_part_becomes_one_input_with_the_time_of_arrival() -> None:
    """Two parts in one message are two pieces of the voice, each with its loudness."""
    got = read(content(modelTurn={"parts": [audio(b"\1\0"), audio(b"\2\0")]}))
    assert got == [
        ModelAudio(at_us=7, pcm=b"\1\0", level=74, peak=74),
        ModelAudio(at_us=7, pcm=b"\2\0", level=86, peak=86),
    ]


def test_fields_that_share_a_message_are_all_delivered_in_the_documented_order() -> None:
    """Nothing hides behind anything else; what could make the core dial comes last."""
    everything = content(
        turnComplete=True,
        generationComplete=True,
        interrupted=True,
        modelTurn={"parts": [audio(b"\1\0")]},
        inputTranscription={"text": "I built it."},
        interimInputTranscription={"text": "I built"},
        outputTranscription={"text": "Tell me more."},
    ) | {
        "goAway": {"timeLeft": "49.5s"},
        "usageMetadata": {"totalTokenCount": 3},
        "sessionResumptionUpdate": {"newHandle": "h", "resumable": True},
        "toolCall": {"functionCalls": [{"id": "1", "name": "end_interview"}]},
        "toolCallCancellation": {"ids": ["0"]},
        "voiceActivity": {"voiceActivityType": "ACTIVITY_START"},
    }
    assert [type(item) for item in read(everything)] == [
        ModelInterruptionReported,
        CandidateTranscribed,
        CandidateTranscribed,
        ModelAudio,
        ModelTranscribed,
        GenerationCompleted,
        ToolCallRequested,
        ToolCallsCancelled,
        UsageReported,
        ResumptionHandleIssued,
        ModelHeardActivity,
        ModelTurnCompleted,
        GoAwayReceived,
    ]


def test_an_interim_transcript_is_marked_as_one() -> None:
    """Only the final text may stand in the transcript."""
    assert read(content(interimInputTranscription={"text": "I bu"})) == [
        CandidateTranscribed(at_us=7, text="I bu", interim=True)
    ]


def test_a_transcription_without_text_says_nothing() -> None:
    """`finished` alone carries no words."""
    assert read(content(inputTranscription={"finished": True}, outputTranscription={"text": ""})) == []


def test_a_turn_completed_without_audio_by_choice_says_so() -> None:
    """3.8 may stay silent: that is not a fault, and the core must be able to tell."""
    assert read(content(turnComplete=True, waitingForInput=True, turnCompleteReason="NEED_MORE_INPUT")) == [
        ModelTurnCompleted(at_us=7, reason="NEED_MORE_INPUT", waiting_for_input=True)
    ]


def test_waiting_for_input_without_turn_complete_ends_the_turn_too() -> None:
    """A model that says that it waits will not say more."""
    assert read(content(waitingForInput=True)) == [ModelTurnCompleted(at_us=7, waiting_for_input=True)]


def test_usage_is_kept_as_it_came_under_its_wire_names() -> None:
    """It is priced later, so nothing is summed up or renamed here."""
    usage = {
        "promptTokenCount": 10,
        "thoughtsTokenCount": 4,
        "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 9}],
    }
    assert read({"usageMetadata": dict(usage)}) == [UsageReported(at_us=7, usage=usage)]


def test_an_empty_resumption_update_is_delivered_as_not_resumable() -> None:
    """Protobuf leaves out what is false: the core decides that this overwrites no good handle."""
    assert read({"sessionResumptionUpdate": {}}) == [ResumptionHandleIssued(at_us=7, handle="", resumable=False)]


@pytest.mark.parametrize(
    ("text", "time_left_ms"), [("50s", 50_000), ("9.25s", 9_250), ("0.000000001s", 0), ("-3s", 0), (None, 0)]
)
def test_time_left_is_read_as_a_protobuf_duration(text: str | None, time_left_ms: int) -> None:
    """A missing time is no time."""
    assert read({"goAway": {"timeLeft": text}}) == [GoAwayReceived(at_us=7, time_left_ms=time_left_ms)]


@pytest.mark.parametrize("text", ["soon", "1e400s", "nans"])
def test_a_time_left_that_is_no_duration_is_taken_for_none_and_reported(text: str) -> None:
    """The connection is ending either way."""
    unrecognised, go_away = read({"goAway": {"timeLeft": text}})
    assert unrecognised == ModelMessageUnrecognised(at_us=7, fields=(f"goAway.timeLeft: {text}",))
    assert go_away == GoAwayReceived(at_us=7, time_left_ms=0)


def test_each_tool_call_of_a_message_is_one_input() -> None:
    """Calls may come in parallel, and arguments may be missing."""
    calls = [{"id": "1", "name": "a", "args": {"x": [1]}}, {"id": "2", "name": "b"}]
    assert read({"toolCall": {"functionCalls": calls}}) == [
        ToolCallRequested(at_us=7, tool_call_id="1", name="a", args={"x": [1]}),
        ToolCallRequested(at_us=7, tool_call_id="2", name="b", args={}),
    ]


def test_cancelled_tool_calls_are_named() -> None:
    """The core must not answer them any more."""
    assert read({"toolCallCancellation": {"ids": ["1", "2"]}}) == [
        ToolCallsCancelled(at_us=7, tool_call_ids=("1", "2"))
    ]


def test_both_kinds_of_voice_detection_are_heard() -> None:
    """The older signal and the newer field mean the same."""
    both = {
        "voiceActivity": {"voiceActivityType": "ACTIVITY_END"},
        "voiceActivityDetectionSignal": {"vadSignalType": "VAD_SIGNAL_TYPE_SOS"},
    }
    assert [item.kind for item in read(both) if isinstance(item, ModelHeardActivity)] == [
        "ACTIVITY_END",
        "VAD_SIGNAL_TYPE_SOS",
    ]


def test_fields_without_a_meaning_here_are_named() -> None:
    """What the SDK knows and Viva does not, what the SDK dropped, and parts that are not sound."""
    strange = content(
        groundingMetadata={}, turnCompleteReason="RESPONSE_REJECTED", modelTurn={"parts": [{"text": "Hm."}]}
    ) | {"setupComplete": {}}
    (got,) = read(strange, unknown=("telepathy",))
    assert isinstance(got, ModelMessageUnrecognised)
    assert sorted(got.fields) == [
        "serverContent.groundingMetadata",
        "serverContent.modelTurn.text",
        "serverContent.turnCompleteReason: RESPONSE_REJECTED",
        "setupComplete",
        "telepathy",
    ]


def test_what_accompanies_audio_without_changing_it_is_not_reported() -> None:
    """A signature in every message must not fill the log."""
    part = audio(b"\1\0") | {"thoughtSignature": base64.b64encode(b"s").decode()}
    assert read(content(modelTurn={"role": "model", "parts": [part]}, interactionStatus="IN_PROGRESS")) == [
        ModelAudio(at_us=7, pcm=b"\1\0", level=74, peak=74)
    ]


def test_audio_that_cannot_be_used_is_reported_beside_what_can() -> None:
    """One bad part costs nothing but itself."""
    got = read(content(modelTurn={"parts": [audio(b"OggS", "audio/ogg"), audio(b"\1\0\2")]}, generationComplete=True))
    assert [type(item) for item in got] == [ModelAudio, GenerationCompleted, ModelMessageUnrecognised]
    assert got[0] == ModelAudio(at_us=7, pcm=b"\1\0", level=74, peak=74)


def test_a_message_with_nothing_in_it_means_nothing() -> None:
    """Gemini sends some."""
    assert read({}) == []


LEAF = st.sampled_from([None, True, False, 0, -1, 1.5, "", "x", "5s", "AUDIO", "AAA=", "audio/pcm;rate=16000"])
JSON = st.recursive(
    LEAF, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.just("x"), inner), max_leaves=3
)


def of_fields(model: type[Any], **nested: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with any of a model's fields, each well-formed or anything at all."""
    names = {field.alias or name for name, field in model.model_fields.items()}
    return st.fixed_dictionaries({}, optional={name: nested.get(name, JSON) | JSON for name in names})


PART = of_fields(types.Part, inlineData=of_fields(types.Blob))
CONTENT = of_fields(
    types.LiveServerContent,
    modelTurn=st.fixed_dictionaries({"parts": st.lists(PART, max_size=2)}),
    turnComplete=st.booleans(),
    inputTranscription=st.fixed_dictionaries({"text": LEAF}),
)
CALLS = st.fixed_dictionaries({"functionCalls": st.lists(of_fields(types.FunctionCall), max_size=2)})


@settings(deadline=None)  # pydantic builds a type on its first use
@given(of_fields(types.LiveServerMessage, serverContent=CONTENT, toolCall=CALLS))
def test_no_message_that_the_sdk_can_read_is_too_strange(message: dict[str, Any]) -> None:
    """Whatever fields come together, they become inputs with the time of arrival."""
    try:
        with warnings.catch_warnings(action="ignore"):  # enum values newer than the SDK
            got = read(message)
    except (TypeError, AttributeError, ValueError) as error:
        assert "adapters/gemini" not in str(_innermost(error)), "ours, not the SDK's"
        return
    assert {item.at_us for item in got} <= {7}


def _innermost(error: BaseException) -> str:
    """The file an error was raised in."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace.tb_frame.f_code.co_filename if trace else ""
