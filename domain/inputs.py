"""Everything that can happen to a call from outside.

Inputs are facts, so all but the two kinds of audio *are* events: the core stamps them with the
call, the version and their ordinal and they go to the log as they came. Audio goes to the log in
segments (`domain.sound.segments`), each frame and chunk with its ordinal, arrival time and
features, so every input can be read back in its order.

Fields marked "attributed" are filled in by the core from what it knows; adapters leave them at
their default.
"""

from typing import Annotated, Literal

import msgspec

from domain.event import Event, RawJson, event
from domain.sound.features import FrameFeatures


class CandidateFrame(msgspec.Struct, frozen=True, kw_only=True):
    """20 ms of the candidate's voice: 320 samples of mono PCM16 at 16 kHz, and what the detector
    heard in them.

    `client_seq` is the newest of the client's messages that is wholly contained in the stream up to
    the frame's end; the last `partial_samples` samples before that end are the beginning of the
    next one.
    """

    at_us: int
    client_seq: int
    features: FrameFeatures
    pcm: bytes
    partial_samples: int = 0


class ModelAudio(msgspec.Struct, frozen=True, kw_only=True):
    """One message of the interviewer's voice: mono PCM16 at 24 kHz."""

    at_us: int
    pcm: bytes


# --- the client's link ------------------------------------------------------------------------------------------


@event("call.client_connected.v1")
class ClientConnected(Event, frozen=True, kw_only=True):
    """A client said hello with a good token. `played_sample` is where its playback stands (0 on a
    first hello).

    `seen_version` is the newest version that it was told, in `seen_epoch`.
    """

    rate_hz: int
    resumed: bool
    played_sample: int = 0
    seen_version: int = 0
    seen_epoch: int = 0
    agent: Annotated[str, msgspec.Meta(max_length=200)] = ""


@event("call.client_lost.v1")
class ClientLost(Event, frozen=True, kw_only=True):
    """The client's connection ended. `left`: it closed it in order, and does not mean to come back."""

    reason: str
    left: bool = False


@event("call.mic_muted.v1")
class MicMuted(Event, frozen=True, kw_only=True):
    """The candidate muted the microphone; frames stop."""


@event("call.mic_unmuted.v1")
class MicUnmuted(Event, frozen=True, kw_only=True):
    """The candidate's microphone is back."""


@event("call.playback_reported.v1")
class PlaybackReported(Event, frozen=True, kw_only=True):
    """The client has played everything of the interviewer's stream before `played_sample`, and may
    be holding."""

    played_sample: int
    held: bool = False


@event("call.round_trip_measured.v1")
class RoundTripMeasured(Event, frozen=True, kw_only=True):
    """A ping came back."""

    round_trip_us: int


@event("call.hangup_requested.v1")
class HangupRequested(Event, frozen=True, kw_only=True):
    """Somebody wants the call to end."""

    by: Literal["candidate", "operator", "server"]
    reason: str


@event("call.client_violated_protocol.v1")
class ClientViolatedProtocol(Event, frozen=True, kw_only=True):
    """The client sent something it must not; `code` and `message` are what it was told."""

    code: str
    message: str


# --- the model's link -------------------------------------------------------------------------------------------


@event("call.model_connected.v1")
class ModelConnected(Event, frozen=True, kw_only=True):
    """A Gemini session is set up. `resumed`: it continues an earlier one, whose handle was
    accepted.

    `seeded`: it is a new one, and was given the conversation as it was heard. Otherwise it knows
    nothing.
    """

    model: str
    resumed: bool
    setup_ms: int
    seeded: bool = False


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


@event("call.uplink_measured.v1")
class UplinkMeasured(Event, frozen=True, kw_only=True):
    """How the call's audio went to Gemini, told once at the end. `joined` pieces shared a message
    with the one before.

    No message carried more than `largest_chunk_ms`, and no audio waited longer than
    `longest_wait_ms` for the socket.
    """

    messages: int
    joined: int
    largest_chunk_ms: int
    longest_wait_ms: int


@event("call.audio_read_back.v1")
class AudioReadBack(Event, frozen=True, kw_only=True):
    """Of this stretch for the model, memory no longer held `samples` of the candidate's voice: the
    log gave them.

    It took so long until the model's socket had taken all of it, or the session was lost.
    """

    from_sample: int
    to_sample: int
    samples: int
    took_ms: int


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


# --- time and our own machinery ---------------------------------------------------------------------------------


@event("call.end_of_turn_predicted.v1")
class EndOfTurnPredicted(Event, frozen=True, kw_only=True):
    """The turn detector listened to an answer up to `to_sample`: it sounds finished (254) or not at
    all (0)."""

    to_sample: int
    completeness: Annotated[int, msgspec.Meta(ge=0, le=254)]
    took_ms: int


@event("call.deadline_passed.v1")
class DeadlinePassed(Event, frozen=True, kw_only=True):
    """The clock reached the call's next deadline while nothing else was happening."""


@event("call.queue_overflowed.v1")
class QueueOverflowed(Event, frozen=True, kw_only=True):
    """One of the call's own bounded queues was full: the log's writer, or the client that does not
    read."""

    send_queue: Literal["log", "client"]
    reason: str


@event("call.taken_over.v1")
class CallTakenOver(Event, frozen=True, kw_only=True):
    """A process owns the call from here on, with all that its log held before this: the `epoch`-th
    owner.

    `taken_over_at` is wall time, ISO 8601 UTC; `at_us` goes on from the same moment. `before` is
    who owned it last, empty if that process had handed it over.
    """

    epoch: int
    process: str
    taken_over_at: str
    before: str = ""


@event("call.hand_over_requested.v1")
class HandOverRequested(Event, frozen=True, kw_only=True):
    """The call's process should let go of it: at a quiet moment, or in `wait_ms` at the latest.

    Its process is about to stop (`drain`), or the client has landed on another one, which asks for
    it (`asked`).
    """

    reason: Literal["drain", "asked"]
    wait_ms: int


@event("call.client_messages_dropped.v1")
class ClientMessagesDropped(Event, frozen=True, kw_only=True):
    """So many messages of each type were dropped for a client that did not keep up.

    They were stale: interim transcripts and states that later ones replace. Of a client that read
    nothing at all and was given up (`QueueOverflowed`), they are all that waited, `audio` included.
    """

    messages: dict[str, int]


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
