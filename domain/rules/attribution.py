"""Which turn or generation a message of Gemini's belongs to: Gemini does not say, and sends late."""

from typing import Any

from domain import inputs as inp
from domain.event import Event
from domain.record import Record


def attributed(record: Record, happened: Event) -> dict[str, Any]:
    """The fields that the core adds to an input before it is recorded."""
    match happened:
        case inp.ModelTranscribed():
            return {"generation": _speaking_generation(record)}
        case inp.GenerationCompleted() | inp.ModelTurnCompleted():
            return {"generation": _ended_generation(record)}
        case inp.ModelInterruptionReported():
            return {"generation": record.owed}
        case inp.CandidateTranscribed():
            return {"turn": _transcribed_turn(record)}
        case _:
            return {}


def _speaking_generation(record: Record) -> int:
    """A reply that was cut talks on until the next one was asked for: activity start and end lie between them."""
    return record.reply.generation if record.reply is not None else record.owed


def _ended_generation(record: Record) -> int:
    """Of a reply that has not begun and an older one that was never ended, it is the older one that ends now."""
    if record.reply is not None and (record.reply.started or not record.owed):
        return record.reply.generation
    return record.owed


def _transcribed_turn(record: Record) -> int:
    """The transcript comes at the end of an utterance, and may come after the next one has begun."""
    if record.window_open and record.untranscribed:
        return record.untranscribed[0]
    return record.turn
