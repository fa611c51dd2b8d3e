"""What Gemini sends, and what becomes of the link to it."""

import msgspec

from domain.event import Event, RawJson, event
from domain.events.decision import DECISION_VERSION
from domain.runtime import Service


class ModelAudio(msgspec.Struct, frozen=True, kw_only=True):
    """One message of the interviewer's voice: mono PCM16 at 24 kHz, and how loud it is, as
    a frame's `FrameFeatures` say."""

    at_us: int
    pcm: bytes
    level: int = 0
    peak: int = 0
    clipped: int = 0


@event("call.model_connected.v1")
class ModelConnected(Event, frozen=True, kw_only=True):
    """A Gemini session is set up. `resumed`: it continues an earlier one, whose handle Gemini
    accepted.

    A session that is not resumed was given `seeded_characters` of the conversation as it was heard.
    `service` is the one that the process dialled; its core has `decision_version`.
    """

    model: str
    resumed: bool
    setup_ms: int
    seeded_characters: int = 0
    service: Service = "gemini-api"
    decision_version: int = DECISION_VERSION


@event("call.model_lost.v1")
class ModelLost(Event, frozen=True, kw_only=True):
    """The session ended, or a dial failed. `code` is the websocket close code, 0 where there was
    none.

    `retryable` is false where the same set-up can never work again (1007, 1008).
    """

    code: int
    reason: str
    retryable: bool


@event("call.model_transcribed.v1", personal=("text",))
class ModelTranscribed(Event, frozen=True, kw_only=True):
    """A piece of what the interviewer is saying. `generation` is attributed."""

    text: str
    generation: int = 0


@event("call.candidate_transcribed.v1", personal=("text",))
class CandidateTranscribed(Event, frozen=True, kw_only=True):
    """A piece of what the candidate said. `turn` is attributed; an interim text is replaced by the
    next one."""

    text: str
    interim: bool = False
    turn: int = 0


@event("call.generation_completed.v1")
class GenerationCompleted(Event, frozen=True, kw_only=True):
    """The model has sent all audio of its reply. `generation` is attributed."""

    generation: int = 0


@event("call.model_turn_completed.v1")
class ModelTurnCompleted(Event, frozen=True, kw_only=True):
    """The model's turn is over. `waiting_for_input`: it chose to say nothing (more). `generation`
    is attributed."""

    reason: str = ""
    waiting_for_input: bool = False
    generation: int = 0


@event("call.model_interruption_reported.v1")
class ModelInterruptionReported(Event, frozen=True, kw_only=True):
    """Gemini says that its reply was interrupted. `generation` is attributed, 0 when there was
    nothing to cut."""

    generation: int = 0


@event("call.usage_reported.v1")
class UsageReported(Event, frozen=True, kw_only=True):
    """One snapshot of token usage, raw: each is billed."""

    usage: RawJson


@event("call.go_away_received.v1")
class GoAwayReceived(Event, frozen=True, kw_only=True):
    """Gemini will end this connection in `time_left_ms`."""

    time_left_ms: int


@event("call.resumption_handle_issued.v1", personal=("handle",))
class ResumptionHandleIssued(Event, frozen=True, kw_only=True):
    """With `handle` a later connection can continue this session; empty while it is not resumable."""

    handle: str
    resumable: bool


@event("call.tool_call_requested.v1", personal=("args",))
class ToolCallRequested(Event, frozen=True, kw_only=True):
    """The model calls a function."""

    tool_call_id: str
    name: str
    args: RawJson


@event("call.tool_calls_cancelled.v1")
class ToolCallsCancelled(Event, frozen=True, kw_only=True):
    """The model no longer wants these calls answered."""

    tool_call_ids: tuple[str, ...]


@event("call.model_heard_activity.v1")
class ModelHeardActivity(Event, frozen=True, kw_only=True):
    """Gemini's own voice detection speaks up (not always sent)."""

    kind: str


@event("call.model_message_unrecognised.v1")
class ModelMessageUnrecognised(Event, frozen=True, kw_only=True):
    """Gemini sent fields that this version of Viva does not know."""

    fields: tuple[str, ...]
