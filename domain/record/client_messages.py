"""What a client is told that it keeps: the transcript and the latencies. They follow from events
alone.

So what a client missed can be told again at any time, by whoever has the log; and what it was told
of events that were lost with their process is void.
"""

from collections.abc import Iterable, Iterator, Sequence

from domain.effects import TellLatency, TellTranscript
from domain.event import Event
from domain.events import CallOpened, ModelStarted
from domain.inputs import CandidateTranscribed, ModelTranscribed
from domain.ports import Side
from domain.record.fold import fold
from domain.record.record import Record
from domain.states import State

ReplayableMessage = TellTranscript | TellLatency
_UNKNOWN = -1


def message_for(record: Record, event: Event) -> ReplayableMessage | None:
    """What to tell of `event`, which `record` has just folded."""
    if record.state is State.CLOSED:
        return None
    if type(event) is ModelTranscribed:
        reply = record.reply
        if reply is None or reply.generation != event.generation:  # it was given up: nobody will hear this
            return None
        return TellTranscript(
            event.originator_version, Side.INTERVIEWER, reply.generation, reply.turn, event.text, interim=False
        )
    if type(event) is CandidateTranscribed:
        return TellTranscript(
            event.originator_version, Side.CANDIDATE, event.turn, event.turn, event.text, event.interim
        )
    if type(event) is ModelStarted:
        return _latency(event)
    return None


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


def messages_in(events: Iterable[Event]) -> Iterator[ReplayableMessage | None]:
    """What to tell of each of `events`, which are a call's log from its opening on."""
    record: Record | None = None
    for event in events:
        if record is None:
            assert isinstance(event, CallOpened)
            record = Record(agent=event.agent)
        fold(record, event)
        yield message_for(record, event)


def kept_version(seen_version: int, seen_epoch: int, takeovers: Iterable[Sequence[int]]) -> int:
    """Up to which version what a client has seen still holds.

    It was last connected in `seen_epoch`. `takeovers` are pairs of an epoch and the version of the
    event it began with: what had rested on that version or later ones before is lost with the
    process that said so.
    """
    return min([seen_version, *(version - 1 for epoch, version in takeovers if epoch > seen_epoch)])
