"""Which turn or generation a message of Gemini's belongs to: Gemini does not say, and sends late."""

from typing import Any

from domain import inputs as inp
from domain.event import Event
from domain.policy import Policy
from domain.record.record import Record


def attributed(record: Record, happened: Event, policy: Policy, now_us: int) -> dict[str, Any]:
    """The fields that the core adds to an input before it is recorded."""
    match happened:
        case inp.ModelTranscribed():
            return {"generation": _speaking_generation(record, policy, now_us)}
        case inp.GenerationCompleted():
            return {"generation": _ended_generation(record)}
        case inp.ModelTurnCompleted(waiting_for_input=chose_silence):
            return {"generation": _silent_generation(record) if chose_silence else _ended_generation(record)}
        case inp.ModelInterruptionReported():
            return {"generation": _stale_generation(record)}
        case inp.CandidateTranscribed():
            return {"turn": _transcribed_turn(record)}
        case _:
            return {}


def still_of_the_cut_reply(record: Record, policy: Policy, now_us: int) -> bool:
    """Whether what the model says now is of a stale reply, though the next one is awaited already.

    Resent audio can open and close a window before Gemini knows of it, and a short remark can
    be over before the news of it is back. A reply that had begun is reported interrupted, and then
    ended: until then, and no longer than the policy allows, it is this one that talks on.
    """
    reply, answer, speaker = record.reply, record.answer, record.stale_speaker
    if reply is None or reply.has_audio or answer is None or not policy.local_turns:
        return False
    if speaker is None or not speaker.may_talk:
        return False
    since_us = max(answer.opened_at_us, reply.requested_at_us) if speaker.began else answer.opened_at_us
    return now_us - since_us < policy.links.late_audio_ms * 1000


def _stale_generation(record: Record) -> int:
    speaker = record.stale_speaker
    return 0 if speaker is None else speaker.generation


def _speaking_generation(record: Record, policy: Policy, now_us: int) -> int:
    """A reply that was cut talks on until the next one can have begun."""
    if record.reply is None or still_of_the_cut_reply(record, policy, now_us):
        return _stale_generation(record)
    return record.reply.generation


def _ended_generation(record: Record) -> int:
    """While a reply has not begun and an older one was never ended, it is the older one that ends
    now."""
    if record.reply is not None and (record.reply.has_audio or not record.stale):
        return record.reply.generation
    return _stale_generation(record)


def _silent_generation(record: Record) -> int:
    """A choice to say nothing is about the awaited reply, unless an older one still talks."""
    speaker = record.stale_speaker
    if record.reply is not None and (speaker is None or not speaker.may_talk):
        return record.reply.generation
    return _ended_generation(record)


def _transcribed_turn(record: Record) -> int:
    """The transcript comes at the end of an utterance, and may come after the next one has begun."""
    if record.window_open and record.untranscribed:
        return record.untranscribed[0]
    return record.turn
