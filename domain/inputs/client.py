"""What the candidate and their client do."""

from typing import Annotated, Literal

import msgspec

from domain.event import Event, event
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


@event("call.client_connected.v1")
class ClientConnected(Event, frozen=True, kw_only=True):
    """A client said hello with a good token. `played_sample` is where its playback stands (0 on a
    first hello).

    `seen_version` is the newest version that it has seen, in `seen_epoch`.
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
    """The client broke the protocol; `code` and `message` are the answer that it got."""

    code: str
    message: str
