"""How a new Gemini session gets its history, by its handle or a seed, and the check that it has it."""

from typing import Literal

from domain.aggregate import CallAggregate
from domain.effects import AnswerTool, DialModel
from domain.event import Evidence
from domain.events import ModelHistoryVerified
from domain.inputs import UsageReported
from domain.interview import LOST_CALL
from domain.record.conversation import SeedRequest
from domain.record.record import Record
from domain.sound.rates import SAMPLE_RATE_HZ

_TOKENS_PER_SECOND = 25
_CHARACTERS_PER_TOKEN = 4
_LEAST_CONCLUSIVE_TOKENS = {"handle": 500, "seed": 100}
"""A shorter conversation proves nothing by its absence from the usage report."""


def dial(call: CallAggregate, attempt: int, wait_ms: int) -> None:
    """Dial the session that the record names: by its handle, or fresh with a seed."""
    session = call.record.session
    if session.handle is not None:
        call.do(DialModel(attempt, wait_ms, session.handle.text, session.model))
    else:
        call.do(DialModel(attempt, wait_ms, "", session.model, seed(call)))


def seed(call: CallAggregate) -> SeedRequest | None:
    """The seed for a fresh session; None where nothing was heard yet."""
    record = call.record
    reply = record.reply
    arrived = reply.text if reply is not None and reply.is_here and not reply.heard else ""
    if not record.newest_reply and not arrived:
        return None
    return SeedRequest(
        without_turn=record.answer.turn if record.answer is not None and record.answer_is_due else 0,
        characters=call.policy.history.seed_characters,
        minutes=call.now_us // 60_000_000,
        arrived_text=arrived,
    )


def handle_is_behind(record: Record) -> bool:
    """Whether something was heard, or answered, that the handle's session does not know and will
    not be given."""
    handle = record.session.handle
    if handle is None:
        return False
    newest = record.newest_reply
    if record.reply is not None and record.reply_is_here:
        newest = record.reply.generation
    answered = record.earlier_sample if record.answer_is_due else record.asked_sample
    return newest > handle.knows.generation or answered > handle.knows.sample


def due_from(record: Record) -> int:
    """Where the audio begins that the newest session has to be given of the answer: it may know
    some of it."""
    answer = record.answer
    assert answer is not None
    return min(answer.from_sample, max(answer.first_sample, record.session.knows.sample))


def answer_lost_calls(call: CallAggregate) -> None:
    """A resumed session waits for the answers to its function calls, and would let the candidate's
    next turn pass."""
    for lost in call.record.session.tool_calls:
        call.do(AnswerTool(lost.id, lost.name, {"error": LOST_CALL}))


def verify_history(call: CallAggregate, _: UsageReported) -> None:
    """The first usage report of a new session shows whether it has read the conversation."""
    session = call.record.session
    if not session.unverified or not session.prompt_tokens:
        return
    method = session.unverified
    given = call.delivery.in_session * _TOKENS_PER_SECOND // SAMPLE_RATE_HZ
    read_again = session.prompt_tokens - session.first_prompt_tokens - given
    if method == "handle":
        expected = session.prompt_tokens_before - session.first_prompt_tokens
    else:
        expected = session.seeded_characters // _CHARACTERS_PER_TOKEN
    evidence: Evidence = {
        "prompt_tokens": session.prompt_tokens,
        "first_prompt_tokens": session.first_prompt_tokens,
        "given_tokens": given,
        "expected_tokens": expected,
    }
    conclusive = expected >= _LEAST_CONCLUSIVE_TOKENS[method]
    verdict: Literal["kept", "lost", "unknown"] = "unknown"
    if conclusive:  # a context that was compressed meanwhile is shorter, but not by so much
        verdict = "lost" if 4 * read_again < expected else "kept"
    call.decide(ModelHistoryVerified, method=method, verdict=verdict, evidence=evidence)
