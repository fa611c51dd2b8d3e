"""The set-up of a Gemini session. It is fixed for the connection, so a call keeps
one `LiveSetup`.

Function behaviour is left to the model: 3.8 does not block on a call unless asked to, 3.1 cannot do
otherwise than block. Either way Viva answers at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from google.genai import types

from adapters.gemini.catalogue import takes_history
from domain.events import CallOpened
from domain.interview import END_TOOL, system_instruction
from domain.policy import EndpointPolicy
from domain.ports import Side
from domain.record.conversation import Turn


@dataclass(frozen=True, slots=True)
class Function:
    """A function the model may call. `parameters` is a JSON schema, empty for none."""

    name: str
    description: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    behaviour: Literal["", "BLOCKING", "NON_BLOCKING"] = ""


END_INTERVIEW = Function(
    END_TOOL,
    "Ends the call. Call it once, after the last answer, when you have thanked the candidate and said goodbye.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSetup:
    """A session's configuration. `model`, `handle` and `seed` are those of the dial.

    An empty handle asks for a fresh session, `seed` is the past that it is given then. `language`
    is a BCP 47 tag, empty to leave the choice to the model. `turns` says who decides turns;
    `silence_ms` counts only where Gemini does. With `hint_language` the transcription of the
    candidate has the language too.
    """

    instruction: str
    model: str = ""
    handle: str = field(default="", repr=False)
    seed: tuple[Turn, ...] = field(default=(), repr=False)
    voice: str = ""
    language: str = ""
    functions: tuple[Function, ...] = (END_INTERVIEW,)
    turns: Literal["local", "gemini"] = "local"
    silence_ms: int = EndpointPolicy().silence_ms
    hint_language: bool = False

    @property
    def history(self) -> tuple[Turn, ...]:
        """The part of the seed that is sent as content; a model that would answer that has it in
        its instruction."""
        return self.seed if takes_history(self.model) else ()


def live_setup(opened: CallOpened) -> LiveSetup:
    """How the interviewer's sessions are set up for a call."""
    return LiveSetup(
        instruction=system_instruction(opened.agent, opened.context, opened.candidate),
        voice=opened.agent.voice,
        language=opened.context.language,
        turns=opened.policy.endpoint.turns,
        silence_ms=opened.policy.endpoint.silence_ms,
    )


SPEAKERS = {Side.CANDIDATE: "Candidate", Side.INTERVIEWER: "Interviewer"}
"""The speakers' names in a conversation that is sent as text."""

START_COMMITTED_AFTER_MS = 40
"""Speech that Gemini's own detector wants before it believes a start. Not a pre-roll: longer would
only be later."""


def live_config(setup: LiveSetup) -> types.LiveConnectConfig:
    """The SDK's form of `setup`: audio answers, both transcriptions, resumption, and a context that
    never fills up."""
    hint = [setup.language] if setup.hint_language and setup.language else None
    return types.LiveConnectConfig(
        response_modalities=[types.Modality.AUDIO],
        system_instruction=types.Content(parts=[types.Part(text=_instruction(setup))]),
        history_config=types.HistoryConfig(initial_history_in_client_content=True) if setup.history else None,
        speech_config=_speech(setup),
        tools=_tools(setup.functions),
        input_audio_transcription=types.AudioTranscriptionConfig(language_codes=hint),
        output_audio_transcription=types.AudioTranscriptionConfig(),
        session_resumption=types.SessionResumptionConfig(handle=setup.handle or None),
        context_window_compression=types.ContextWindowCompressionConfig(sliding_window=types.SlidingWindow()),
        realtime_input_config=types.RealtimeInputConfig(
            automatic_activity_detection=_detection(setup),
            activity_handling=types.ActivityHandling.START_OF_ACTIVITY_INTERRUPTS,
        ),
    )


def _instruction(setup: LiveSetup) -> str:
    """The model's instruction; a past that cannot be content stands at its end, one turn a line."""
    if not setup.seed or setup.history:
        return setup.instruction
    note, *turns = setup.seed
    said = (f"{SPEAKERS[turn.side]}: {' '.join(turn.text.split())}" for turn in turns)
    return "\n".join([setup.instruction, "", note.text, *said])


def _speech(setup: LiveSetup) -> types.SpeechConfig | None:
    if not (setup.voice or setup.language):
        return None
    named = types.PrebuiltVoiceConfig(voice_name=setup.voice)
    return types.SpeechConfig(
        voice_config=types.VoiceConfig(prebuilt_voice_config=named) if setup.voice else None,
        language_code=setup.language or None,
    )


def _tools(functions: tuple[Function, ...]) -> list[types.Tool | Any] | None:
    if not functions:
        return None
    declared = [
        types.FunctionDeclaration(
            name=function.name,
            description=function.description,
            parameters_json_schema=dict(function.parameters) or None,
            behavior=types.Behavior(function.behaviour) if function.behaviour else None,
        )
        for function in functions
    ]
    return [types.Tool(function_declarations=declared)]


def _detection(setup: LiveSetup) -> types.AutomaticActivityDetection:
    """Off where Viva decides. Where Gemini does: quick to hear a start, slow to believe that a
    pause is the end."""
    if setup.turns == "local":
        return types.AutomaticActivityDetection(disabled=True)
    return types.AutomaticActivityDetection(
        disabled=False,
        start_of_speech_sensitivity=types.StartSensitivity.START_SENSITIVITY_HIGH,
        end_of_speech_sensitivity=types.EndSensitivity.END_SENSITIVITY_LOW,
        prefix_padding_ms=START_COMMITTED_AFTER_MS,
        silence_duration_ms=setup.silence_ms,
    )
