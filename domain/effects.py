"""What a call wants done, in the imperative. Adapters carry effects out and report the results as
inputs.

Effects name ranges of audio by absolute sample positions; the shell keeps the bytes.
"""

from typing import Any, NamedTuple

from domain.ports import Side
from domain.record.conversation import SeedRequest
from domain.states import State

# --- towards the client ------------------------------------------------------------------------------------------


class TellReady(NamedTuple):
    """Answer a hello: how the call stands, before anything that the hello leads to.

    What the client has seen up to `kept_version` still holds.
    """

    resumed: bool
    epoch: int
    kept_version: int
    state: State
    missing: tuple[str, ...]
    muted: bool
    held: bool
    lead_ms: int
    silence_ms: int
    resume_wait_ms: int


class ReplayMessages(NamedTuple):
    """Send the messages again that rest on events after this version, as far as they are kept."""

    after_version: int


class TellClosed(NamedTuple):
    """Tell the client that the call is over, once that is stored or soon after without that.

    Audio that is not acknowledged is taken for `grace_ms`. With an `error_code` the client was at
    fault, and its connection ends.
    """

    reason: str
    detail: str
    grace_ms: int
    error_code: str = ""


class TellState(NamedTuple):
    """Tell the client the state the call is in."""

    state: State
    missing: tuple[str, ...]


class TellTranscript(NamedTuple):
    """Pass a piece of transcript on. `number` is the turn (candidate) or generation (interviewer).

    `turn` is the answer that this is, or replies to; `version` that of the event it follows from.
    """

    version: int
    side: Side
    number: int
    turn: int
    text: str
    interim: bool


class TellLatency(NamedTuple):
    """The breakdown of one reply's response latency, in ms; -1 where a part is unknown.

    `version` is that of the event it follows from.
    """

    version: int
    generation: int
    turn: int
    endpoint_ms: int
    model_ms: int
    response_ms: int


class TellError(NamedTuple):
    """Tell the client what it did wrong."""

    code: str
    message: str


class SendInterviewerAudio(NamedTuple):
    """Send this range of the interviewer's stream."""

    generation: int
    from_sample: int
    to_sample: int


class HoldPlayback(NamedTuple):
    """Stop playing within one audio frame; keep the buffer."""


class ReleasePlayback(NamedTuple):
    """Play on from where it stopped."""


class FlushPlayback(NamedTuple):
    """Throw away everything not yet played."""


class ForgetInterviewerAudio(NamedTuple):
    """The interviewer's stream before this sample will not be asked for again."""

    before_sample: int


# --- towards the model -------------------------------------------------------------------------------------------


class DialModel(NamedTuple):
    """Set up a Gemini session, after `wait_ms`; close the old one first.

    An empty handle means a fresh session, which is given `seed` as its past, if there is any.
    """

    attempt: int
    wait_ms: int
    handle: str
    model: str
    seed: SeedRequest | None = None


class OpenActivity(NamedTuple):
    """The candidate begins to speak."""


class SendCandidateAudio(NamedTuple):
    """Send this range of the candidate's stream to the model."""

    from_sample: int
    to_sample: int


class CloseActivity(NamedTuple):
    """The candidate has finished."""


class SendText(NamedTuple):
    """Send a text turn and expect a reply."""

    text: str


class SendNote(NamedTuple):
    """Tell the model something beside the candidate's voice, within the open window; no reply of
    its own follows."""

    text: str


class AnswerTool(NamedTuple):
    """Answer a function call."""

    tool_call_id: str
    name: str
    result: dict[str, Any]


# --- our own machinery -------------------------------------------------------------------------------------------


class PredictEndOfTurn(NamedTuple):
    """Have the turn detector listen to this range of the candidate's stream; `EndOfTurnPredicted`
    may follow."""

    from_sample: int
    to_sample: int


class ResetDetector(NamedTuple):
    """Start the voice detector afresh."""


class ForgetCandidateAudio(NamedTuple):
    """Memory need not hold the candidate's stream before this sample: it is unlikely to be needed
    again."""

    before_sample: int


class StoreAudio(NamedTuple):
    """Store this segment in the same transaction as the events of this decision."""

    side: Side
    sha256: str
    rate_hz: int
    first_sample: int
    pcm: bytes
    arrivals: bytes


class EndStreams(NamedTuple):
    """The call is closed: hear what of the candidate's audio waits for the rest of its frame, and
    measure how it went out to the model."""


class HandOver(NamedTuple):
    """Nobody owns the call any more: write its log to the end, have the client reconnect elsewhere,
    and forget the call."""

    reason: str


class ForgetCall(NamedTuple):
    """The call has settled: release everything that belongs to it."""


Effect = (
    TellReady
    | ReplayMessages
    | TellClosed
    | TellState
    | TellTranscript
    | TellLatency
    | TellError
    | SendInterviewerAudio
    | HoldPlayback
    | ReleasePlayback
    | FlushPlayback
    | ForgetInterviewerAudio
    | DialModel
    | OpenActivity
    | SendCandidateAudio
    | CloseActivity
    | SendText
    | SendNote
    | AnswerTool
    | PredictEndOfTurn
    | ResetDetector
    | ForgetCandidateAudio
    | StoreAudio
    | EndStreams
    | HandOver
    | ForgetCall
)
"""Every kind of effect there is."""
