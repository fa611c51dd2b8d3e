"""Letting the model think before the end of an answer is certain, and taking it back.

The window is closed early, and what the model says is kept. If the silence grows long enough after
all, the reply is there at once; if the candidate goes on, it is dropped unheard, what it cost is
recorded, and a new window continues where the early one ended: no sample is sent twice, none is
missing.
"""

from domain.aggregate import CallAggregate
from domain.effects import CloseActivity, OpenActivity
from domain.events import EagerEndTried, EagerEndWithdrawn
from domain.rules.floor import correct_history, count_late_audio, expect_reply, send_up_to, so_far, withdraw_reply
from domain.sound.endpointing import CERTAIN
from domain.sound.rates import MODEL_RATE_HZ, millis, samples


def try_end(call: CallAggregate) -> None:
    """Close the window early, if policy allows it and the answer sounds finished."""
    policy, hearing, completeness = call.policy.eager, call.hearing, call.endpointing.completeness
    if not policy.enabled or not call.policy.local_turns or call.record.eager or completeness is None:
        return
    if hearing.silent_samples < samples(policy.after_ms) or completeness < policy.completeness_pct * CERTAIN // 100:
        return
    answer = call.record.answer
    assert answer is not None
    send_up_to(call, hearing.next_sample)
    call.decide(
        EagerEndTried,
        turn=answer.turn,
        to_sample=call.uplink_sample,
        evidence=hearing.evidence() | call.endpointing.evidence(*so_far(call)),
    )
    call.do(CloseActivity())
    count_late_audio(call)
    expect_reply(call, "answer")


def withdraw(call: CallAggregate) -> None:
    """The candidate goes on, or the session is lost: the answer was not over, as far as the model
    is concerned."""
    record, reply = call.record, call.record.reply
    if not record.eager:
        return
    assert record.answer is not None
    received = call.playout.end_sample - call.playout.start_sample if reply is not None and reply.started else 0
    call.decide(
        EagerEndWithdrawn,
        turn=record.answer.turn,
        generation=record.generation,
        received_ms=millis(received, MODEL_RATE_HZ),
        waited_ms=(call.now_us - reply.requested_at_us) // 1000 if reply is not None else 0,
    )
    if reply is not None:
        withdraw_reply(call, "candidate_spoke_on")
    call.do(OpenActivity())
    correct_history(call)
