"""What a call wants done, in the imperative. Adapters carry it out and report what came of it as
inputs.

Effects name ranges of audio by absolute sample positions; the shell keeps the bytes.
"""

from typing import Any, NamedTuple

from domain.ports import Side
from domain.record.conversation import SeedRequest
from domain.states import State

# --- towards the client ------------------------------------------------------------------------------------------


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


class TellGoAway(NamedTuple):
    """Tell the client that the call will be closed in so many ms."""

    time_left_ms: int


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
    """The candidate's stream before this sample need not be held in memory: it will hardly be asked
    for again."""

    before_sample: int


class StoreAudio(NamedTuple):
    """Store this segment in the same transaction as the events of this decision."""

    side: Side
    sha256: str
    rate_hz: int
    first_sample: int
    pcm: bytes
    arrivals: bytes


class EndCall(NamedTuple):
    """The call is closed: tell the client, hang up the model, keep accepting audio for the grace
    period."""

    reason: str
    detail: str


class HandOver(NamedTuple):
    """Nobody owns the call any more: write all of it down, have the client move, and forget the
    call."""

    reason: str


class LetGo(NamedTuple):
    """The call has settled: release everything that belongs to it."""


Effect = (
    TellState
    | TellTranscript
    | TellLatency
    | TellError
    | TellGoAway
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
    | EndCall
    | HandOver
    | LetGo
)
"""Every kind of effect there is."""
