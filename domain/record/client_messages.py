"""The messages that a client keeps: the transcript and the latencies. They follow from events
alone.

So the messages that a client missed can be replayed from the log at any time. Messages of events
that were lost with their process no longer hold.
"""

from collections.abc import Iterable, Iterator

from domain.effects import TellLatency, TellTranscript
from domain.event import Event
from domain.events import BargeInConfirmed, CallClosed, ModelFinished, ModelStarted, ReplyRequested, ReplyWithdrawn
from domain.inputs import CandidateTranscribed, ModelTranscribed
from domain.ports import Side
from domain.record.record import MOST_TAKEOVERS, Record, Takeover
from domain.states import State

ReplayableMessage = TellTranscript | TellLatency
_UNKNOWN = -1

REPLAYED: tuple[type[Event], ...] = (
    ReplyRequested,
    ReplyWithdrawn,
    BargeInConfirmed,
    ModelStarted,
    ModelFinished,
    ModelTranscribed,
    CandidateTranscribed,
    CallClosed,
)
"""The kinds of events that `messages_in` needs."""


def message_for(event: Event, record: Record) -> ReplayableMessage | None:
    """The message that `event` leads to; `record` has folded it."""
    reply = None if record.reply is None else (record.reply.generation, record.reply.turn)
    return None if record.state is State.CLOSED else _message(event, reply)


def _message(event: Event, reply: tuple[int, int] | None) -> ReplayableMessage | None:
    """`reply` is the generation and the turn of the reply that is awaited or heard."""
    if type(event) is ModelTranscribed:
        if reply is None or reply[0] != event.generation:  # it was given up: nobody will hear this
            return None
        return TellTranscript(event.originator_version, Side.INTERVIEWER, *reply, event.text, interim=False)
    if type(event) is CandidateTranscribed:
        return TellTranscript(
            event.originator_version, Side.CANDIDATE, event.turn, event.turn, event.text, event.interim
        )
    return _latency(event) if type(event) is ModelStarted else None


def _latency(event: ModelStarted) -> TellLatency:
    numbers = event.evidence
    voice_end, endpoint = numbers["voice_end_at_us"], numbers["endpoint_at_us"]
    answered = voice_end != _UNKNOWN
    return TellLatency(
        version=event.originator_version,
        generation=event.generation,
        turn=event.turn,
        endpoint_ms=(endpoint - voice_end) // 1000 if answered else _UNKNOWN,
        model_ms=(numbers["first_audio_at_us"] - numbers["requested_at_us"]) // 1000,
        response_ms=(event.played_at_us - voice_end) // 1000 if answered else _UNKNOWN,
    )


def messages_in(events: Iterable[Event]) -> Iterator[ReplayableMessage]:
    """The messages that a call's events lead to, from its opening on; events of `REPLAYED` kinds
    are enough."""
    reply: tuple[int, int] | None = None
    for event in events:
        match event:
            case ReplyRequested():
                reply = event.generation, event.turn
            case ReplyWithdrawn() | BargeInConfirmed() | ModelFinished():
                reply = None
            case CallClosed():
                return
            case _:
                message = _message(event, reply)
                if message is not None:
                    yield message


def kept_version(seen_version: int, seen_epoch: int, takeovers: Iterable[Takeover]) -> int:
    """Up to which version the messages that a client has seen still hold.

    It was last connected in `seen_epoch`. A later takeover cancels the messages of the version that
    it begins with, and of all later ones: their events were lost with the process. If that takeover
    is not among the newest that a record keeps, no message holds.
    """
    later = [takeover for takeover in takeovers if takeover.epoch > seen_epoch]
    if len(later) == MOST_TAKEOVERS and later[0].epoch > seen_epoch + 1:
        return 0
    return min([seen_version, *(takeover.version - 1 for takeover in later)])
