"""What a new Gemini session is to know: by its handle, or by the conversation as it was heard, and
whether it does."""

from typing import Literal

from domain.aggregate import CallAggregate
from domain.effects import AnswerTool, DialModel
from domain.event import Evidence
from domain.events import ModelMemoryVerified
from domain.inputs import UsageReported
from domain.interview import LOST_CALL, seed_note
from domain.ports import Side
from domain.record.conversation import Turn, turns_of
from domain.record.record import Record
from domain.sound.rates import SAMPLE_RATE_HZ

_TOKENS_PER_SECOND = 25
_CHARACTERS_PER_TOKEN = 4
_LEAST_TELLING_TOKENS = {"handle": 500, "seed": 100}
"""A conversation that cost less than this proves nothing by being missing from the bill."""


def dial(call: CallAggregate, attempt: int, wait_ms: int) -> None:
    """Dial what the record says: by the handle, or afresh, with all that a new session has to be
    told."""
    record = call.record
    turns = () if record.handle else seed(call)
    call.seeded_characters = sum(len(turn.text) for turn in turns)
    call.do(DialModel(attempt, wait_ms, record.handle, record.model, turns))


def seed(call: CallAggregate) -> tuple[Turn, ...]:
    """The conversation as it was heard, with a note before it; nothing where nothing was heard yet."""
    record = call.record
    due = record.answer.turn if record.answer is not None and record.answer_is_due else 0
    turns, left_out = turns_of(record.history, without_turn=due, characters=call.policy.history.seed_characters)
    reply = record.reply
    if reply is not None and record.reply_is_here and not reply.playing and reply.text:
        turns += (Turn(Side.INTERVIEWER, reply.text),)
    if not any(turn.side is Side.INTERVIEWER for turn in turns):
        return ()
    return (Turn(Side.CANDIDATE, seed_note(call.now_us // 60_000_000, left_out)), *turns)


def handle_is_behind(record: Record) -> bool:
    """Whether something was heard, or answered, that the handle's session does not know and will
    not be given."""
    newest = record.history.newest_reply
    if record.reply is not None and record.reply_is_here:
        newest = record.reply.generation
    answered = record.earlier_sample if record.answer_is_due else record.asked_sample
    return newest > record.held.generation or answered > record.held.sample


def due_from(record: Record) -> int:
    """Where the audio begins that the newest session has to be given of the answer: what it knows
    of it is left out."""
    answer = record.answer
    assert answer is not None
    return min(answer.from_sample, max(answer.first_sample, record.known.sample))


def answer_lost_calls(call: CallAggregate) -> None:
    """A resumed session waits for the answers to its function calls, and would let the candidate's
    next turn pass."""
    for lost in call.record.tool_calls:
        call.do(AnswerTool(lost.id, lost.name, {"error": LOST_CALL}))


def verify_memory(call: CallAggregate, _: UsageReported) -> None:
    """The first bill of a new session shows whether it has read the conversation."""
    record = call.record
    if not record.restored_by or not record.prompt_tokens:
        return
    method = record.restored_by
    since = call.given_samples + call.resent_samples - call.given_before
    given = since * _TOKENS_PER_SECOND // SAMPLE_RATE_HZ
    remembered = record.prompt_tokens - record.first_prompt_tokens - given
    if method == "handle":
        expected = record.prompt_tokens_before - record.first_prompt_tokens
    else:
        expected = call.seeded_characters // _CHARACTERS_PER_TOKEN
    evidence: Evidence = {
        "prompt_tokens": record.prompt_tokens,
        "first_prompt_tokens": record.first_prompt_tokens,
        "given_tokens": given,
        "expected_tokens": expected,
    }
    telling = expected >= _LEAST_TELLING_TOKENS[method]
    verdict: Literal["kept", "lost", "unknown"] = "unknown"
    if telling:  # a context that was compressed meanwhile is shorter, but not by so much
        verdict = "lost" if 4 * remembered < expected else "kept"
    call.decide(ModelMemoryVerified, method=method, verdict=verdict, evidence=evidence)
