"""The set-up that Gemini is given."""

from google.genai import types

from adapters.gemini.live_setup import Function, LiveSetup, live_config
from domain.interview import END_TOOL
from domain.ports import Side
from domain.record.conversation import Turn

PLAIN = LiveSetup(instruction="Interview the candidate.")


def realtime(config: types.LiveConnectConfig) -> types.RealtimeInputConfig:
    assert config.realtime_input_config is not None
    return config.realtime_input_config


def test_viva_decides_turns_by_default() -> None:
    """Gemini's detection is off, and a start of activity cuts its reply."""
    config = realtime(live_config(PLAIN))
    assert config.automatic_activity_detection == types.AutomaticActivityDetection(disabled=True)
    assert config.activity_handling is types.ActivityHandling.START_OF_ACTIVITY_INTERRUPTS


def test_where_gemini_decides_it_is_quick_to_start_and_slow_to_end() -> None:
    """A pause for thought is not the end of an answer."""
    detection = realtime(live_config(LiveSetup(instruction="", turns="gemini", silence_ms=900)))
    assert detection.automatic_activity_detection == types.AutomaticActivityDetection(
        disabled=False,
        start_of_speech_sensitivity=types.StartSensitivity.START_SENSITIVITY_HIGH,
        end_of_speech_sensitivity=types.EndSensitivity.END_SENSITIVITY_LOW,
        prefix_padding_ms=40,
        silence_duration_ms=900,
    )


def test_every_session_speaks_is_transcribed_and_never_fills_up() -> None:
    """Audio out, both transcriptions, a sliding window."""
    config = live_config(PLAIN)
    assert config.response_modalities == [types.Modality.AUDIO]
    assert config.input_audio_transcription == types.AudioTranscriptionConfig()
    assert config.output_audio_transcription == types.AudioTranscriptionConfig()
    assert config.context_window_compression == types.ContextWindowCompressionConfig(
        sliding_window=types.SlidingWindow()
    )


def test_a_fresh_session_asks_for_handles_and_a_resumed_one_brings_its_own() -> None:
    """An empty handle must not reach the wire as one."""
    assert live_config(PLAIN).session_resumption == types.SessionResumptionConfig()
    resumed = live_config(LiveSetup(instruction="", handle="h1"))
    assert resumed.session_resumption == types.SessionResumptionConfig(handle="h1")


PAST = (
    Turn(Side.CANDIDATE, "[Note, not said by the candidate: the connection was lost.]"),
    Turn(Side.INTERVIEWER, "Why are\nyou here?"),
    Turn(Side.CANDIDATE, "To work."),
)


def test_a_fresh_session_can_be_given_its_past_as_content() -> None:
    """The set-up announces it; the instruction stays as it is."""
    setup = LiveSetup(instruction="Interview.", model="gemini-3.8-live", seed=PAST)
    config = live_config(setup)
    assert setup.history == PAST
    assert config.history_config == types.HistoryConfig(initial_history_in_client_content=True)
    assert config.system_instruction == types.Content(parts=[types.Part(text="Interview.")])
    assert live_config(PLAIN).history_config is None


def test_a_model_that_would_answer_its_past_gets_it_in_its_instruction() -> None:
    """One turn a line, below the note."""
    model = "gemini-2.5-flash-native-audio-preview-12-2025"
    setup = LiveSetup(instruction="Interview.", model=model, seed=PAST)
    config = live_config(setup)
    assert setup.history == ()
    assert config.history_config is None
    instruction = f"Interview.\n\n{PAST[0].text}\nInterviewer: Why are you here?\nCandidate: To work."
    assert config.system_instruction == types.Content(parts=[types.Part(text=instruction)])


def test_voice_and_language_are_passed_on_only_where_they_are_set() -> None:
    """An empty voice would be refused."""
    assert live_config(PLAIN).speech_config is None
    config = live_config(LiveSetup(instruction="", voice="Kore", language="de-DE"))
    assert config.speech_config is not None
    assert config.speech_config.model_dump(exclude_none=True) == {
        "voice_config": {"prebuilt_voice_config": {"voice_name": "Kore"}},
        "language_code": "de-DE",
    }


def test_the_transcription_gets_the_language_on_request() -> None:
    """Off by default: older models may refuse it."""
    hinted = live_config(LiveSetup(instruction="", language="de-DE", hint_language=True))
    assert hinted.input_audio_transcription == types.AudioTranscriptionConfig(language_codes=["de-DE"])


def test_the_model_can_end_the_interview() -> None:
    """Without a setting for blocking: each model does what it does best."""
    (tool,) = live_config(PLAIN).tools or []
    assert isinstance(tool, types.Tool)
    (function,) = tool.function_declarations or []
    assert (function.name, function.behavior, function.parameters_json_schema) == (END_TOOL, None, None)


def test_a_function_may_choose_its_behaviour_and_declare_parameters() -> None:
    """Parameters are a JSON schema."""
    schema = {"type": "object", "properties": {"mark": {"type": "integer"}}}
    setup = LiveSetup(instruction="", functions=(Function("rate", "Rates.", schema, "NON_BLOCKING"),))
    (tool,) = live_config(setup).tools or []
    assert isinstance(tool, types.Tool)
    (function,) = tool.function_declarations or []
    assert function.parameters_json_schema == schema
    assert function.behavior is types.Behavior.NON_BLOCKING


def test_a_handle_does_not_show_in_logs() -> None:
    """With it anybody can continue the session."""
    assert "h1" not in repr(LiveSetup(instruction="", handle="h1"))
