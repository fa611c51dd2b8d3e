"""What a client asked for in its first message, checked once so that the session can rely on it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from adapters.rehearsal.session.history import Turn
from adapters.rehearsal.wire.refusal import POLICY, RefusalError, invalid, invalid_value

HIGH_SENSITIVITY_SILENCE_MS = 500
LOW_SENSITIVITY_SILENCE_MS = 800
DEFAULT_PREFIX_MS = 60
LONGEST_SILENCE_MS = 30_000


@dataclass(frozen=True, slots=True)
class Detection:
    """How user activity is found. `manual` means that the client marks it; the rest is for the
    automatic kind."""

    manual: bool = False
    start_high: bool = True
    prefix_ms: int = DEFAULT_PREFIX_MS
    silence_ms: int = HIGH_SENSITIVITY_SILENCE_MS
    interrupts: bool = True


@dataclass(frozen=True, slots=True)
class Function:
    """A declared function; a blocking one keeps the turn open until its response arrives."""

    name: str
    blocking: bool = True


@dataclass(frozen=True, slots=True)
class Setup:
    """A session's fixed configuration."""

    model: str
    instruction: str = ""
    voice: str = ""
    language: str = ""
    detection: Detection = field(default_factory=Detection)
    functions: tuple[Function, ...] = ()
    resumable: bool = False
    handle: str = ""
    transcribe_input: bool = False
    transcribe_output: bool = False
    seeded: bool = False
    compresses: bool = False

    @property
    def seed_is_answered(self) -> bool:
        """Whether the end of a seeded history makes the model speak: it does on the 2.5 models
        only."""
        return "2.5" in self.model

    @property
    def lost_calls_swallow(self) -> bool:
        """Whether function calls that were never answered cost a resumed session the next turn of
        the user's."""
        return "3.8" in self.model


def read_setup(raw: Mapping[str, Any], models: Sequence[str], *, vertex: bool) -> Setup:
    """The setup message's content, checked. Raises `RefusalError` (1007 bad value, 1008 unknown
    model)."""
    model = _known_model(raw.get("model", ""), models)
    generation = raw.get("generationConfig", {})
    _check_modalities(generation.get("responseModalities", ["AUDIO"]))
    speech = generation.get("speechConfig", {})
    resumption = raw.get("sessionResumption")
    return Setup(
        model=model,
        instruction=content_text(raw.get("systemInstruction", {})),
        voice=speech.get("voiceConfig", {}).get("prebuiltVoiceConfig", {}).get("voiceName", ""),
        language=speech.get("languageCode", ""),
        detection=_read_detection(raw.get("realtimeInputConfig", {}), vertex=vertex),
        functions=read_functions(raw.get("tools", ()), model),
        resumable=resumption is not None,
        handle=(resumption or {}).get("handle", ""),
        transcribe_input="inputAudioTranscription" in raw,
        transcribe_output="outputAudioTranscription" in raw,
        seeded=raw.get("historyConfig", {}).get("initialHistoryInClientContent", False),
        compresses="slidingWindow" in raw.get("contextWindowCompression", {}),
    )


def content_text(content: Mapping[str, Any]) -> str:
    """All text parts of a content, thoughts left out, one part a line."""
    parts = content.get("parts", ())
    return "\n".join(part["text"] for part in parts if part.get("text") and not part.get("thought"))


def read_turns(message: Mapping[str, Any]) -> list[Turn]:
    """The turns of a clientContent. Refuses (1007) a role that is neither user nor model, as Gemini
    does."""
    turns = []
    for content in message.get("turns", ()):
        role = content.get("role") or "user"
        if role not in {"user", "model"}:
            raise invalid("Please use a valid role: user, model.")
        turns.append(Turn(role, content_text(content)))
    return turns


def read_functions(tools: Sequence[Mapping[str, Any]], model: str) -> tuple[Function, ...]:
    """The declared functions. On 3.8 models they do not block unless the declaration says so."""
    blocks_by_default = "3.8" not in model
    declared = [item for tool in tools for item in tool.get("functionDeclarations", ())]
    if any(not item.get("name") for item in declared):
        raise invalid("Request contains an invalid argument: a function declaration has no name.")
    return tuple(
        Function(item["name"], blocks_by_default if "behavior" not in item else item["behavior"] != "NON_BLOCKING")
        for item in declared
    )


def _known_model(name: str, models: Sequence[str]) -> str:
    if not name:
        raise invalid("Request contains an invalid argument: setup.model is required.")
    short = name.rsplit("/", 1)[-1]
    if models and short not in models:
        raise RefusalError(
            POLICY, f"{name} is not found for API version v1beta, or is not supported for bidiGenerateContent."
        )
    return short


def _check_modalities(modalities: Sequence[object]) -> None:
    names = [str(item).upper() for item in modalities]
    for name in names:
        if name not in {"AUDIO", "TEXT", "IMAGE", "VIDEO"}:
            raise invalid_value("setup.generationConfig.responseModalities", name)
    if len(names) > 1:
        raise invalid("Request contains an invalid argument: at most one response modality can be set.")
    if names and names != ["AUDIO"]:
        raise invalid(f"Cannot extract voices from a non-audio request: this model does not answer in {names[0]}.")


def _read_detection(raw: Mapping[str, Any], *, vertex: bool) -> Detection:
    automatic = raw.get("automaticActivityDetection", {})
    default = "LOW" if vertex else "HIGH"
    start = _sensitivity(automatic, "startOfSpeechSensitivity", "START_SENSITIVITY_", default)
    end = _sensitivity(automatic, "endOfSpeechSensitivity", "END_SENSITIVITY_", default)
    handling = str(raw.get("activityHandling", "ACTIVITY_HANDLING_UNSPECIFIED"))
    if handling not in {"ACTIVITY_HANDLING_UNSPECIFIED", "START_OF_ACTIVITY_INTERRUPTS", "NO_INTERRUPTION"}:
        raise invalid_value("setup.realtimeInputConfig.activityHandling", handling)
    silence_ms = HIGH_SENSITIVITY_SILENCE_MS if end == "HIGH" else LOW_SENSITIVITY_SILENCE_MS
    return Detection(
        manual=automatic.get("disabled", False),
        start_high=start == "HIGH",
        prefix_ms=_milliseconds(automatic, "prefixPaddingMs", DEFAULT_PREFIX_MS),
        silence_ms=_milliseconds(automatic, "silenceDurationMs", silence_ms),
        interrupts=handling != "NO_INTERRUPTION",
    )


def _sensitivity(raw: Mapping[str, Any], name: str, prefix: str, default: str) -> str:
    value = str(raw.get(name, f"{prefix}UNSPECIFIED"))
    level = value.removeprefix(prefix)
    if not value.startswith(prefix) or level not in {"UNSPECIFIED", "HIGH", "LOW"}:
        raise invalid_value(f"setup.realtimeInputConfig.automaticActivityDetection.{name}", value)
    return default if level == "UNSPECIFIED" else level


def _milliseconds(raw: Mapping[str, Any], name: str, default: int) -> int:
    value = int(raw.get(name, default))
    if not 0 <= value <= LONGEST_SILENCE_MS:
        raise invalid(f"Request contains an invalid argument: {name} must be within 0 and {LONGEST_SILENCE_MS}.")
    return value
