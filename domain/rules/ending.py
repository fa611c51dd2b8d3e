"""The end of a call, and the clocks that bound it."""

from domain.aggregate import CallAggregate
from domain.effects import EndStreams, ForgetCall, TellClosed, TellError
from domain.event import Evidence
from domain.events import CallClosed, CallSettled
from domain.inputs import ClientConnected, ClientLost, ClientViolatedProtocol, HangupRequested, QueueOverflowed
from domain.sound.rates import FRAME_SAMPLES, millis
from domain.timers import Timer

_NOT_SAVED = (
    "This interview can no longer be saved, so it was ended. Nothing is wrong on your side: please try again in a few "
    "minutes, or tell whoever invited you."
)

CLIENT_AT_FAULT = frozenset({"protocol_violation", "playback_stalled", "client_too_slow"})
"""Reasons of a close after which nothing more is taken from the client."""


def start_clocks(call: CallAggregate) -> None:
    """A call waits for its client, and lasts no longer than its interview may: both from its
    opening on."""
    links = call.policy.links
    call.timers.start(Timer.RESUME, links.hello_wait_ms * 1000)
    duration_ms = call.opened.context.duration_minutes * 60_000 + links.overtime_ms
    call.timers.start(Timer.DURATION, duration_ms * 1000)


def close(
    call: CallAggregate, reason: str, detail: str, evidence: Evidence | None = None, *, error_code: str = ""
) -> None:
    """End the call, once; audio that is not yet acknowledged is still taken for the grace period.

    The `error_code` is that of the client's fault, if it was at fault.
    """
    call.timers.clear()
    call.playout.drop()
    call.candidate_audio.due = call.interviewer_audio.due = True  # stored, and acknowledged, without waiting
    evidence = (evidence or {}) | _spoken_and_given(call)
    call.decide(CallClosed, reason=reason, detail=detail, ignored=dict(call.progress.ignored), evidence=evidence)
    call.timers.start(Timer.GRACE, call.now_us + call.policy.links.grace_ms * 1000)
    call.do(TellClosed(reason, detail, call.policy.links.grace_ms, error_code), EndStreams())


def _spoken_and_given(call: CallAggregate) -> Evidence:
    """What the model was spared: silence is recorded, and not sent. Audio for a new session goes
    out once more."""
    heard, given = call.hearing.next_sample, call.delivery.given_samples
    in_samples = {
        "heard_ms": heard,
        "given_ms": given,
        "resent_ms": call.delivery.resent_samples,
        "not_sent_ms": heard - given,
    }
    return {name: millis(count) for name, count in in_samples.items()}


def close_without_goodbye(call: CallAggregate) -> None:
    """The model called the end and says nothing more."""
    close(call, "completed", "The interview is over: the interviewer ended it.")


def settle(call: CallAggregate) -> None:
    """Nothing more will be recorded."""
    if call.record.settled:
        return
    call.timers.clear()
    call.finishing = "settle"


def record_settled(call: CallAggregate) -> None:
    """The last event of a call, after its last audio."""
    after_close_ms = millis(call.progress.after_close_frames * FRAME_SAMPLES)
    call.decide(CallSettled, client_seq=call.client_seq, after_close_ms=after_close_ms)
    call.do(ForgetCall())


def hung_up(call: CallAggregate, request: HangupRequested) -> None:
    by = {"candidate": "The candidate hung up", "operator": "An operator ended the call", "server": "The server ended"}
    close(call, f"hangup_by_{request.by}", f"{by[request.by]}: {request.reason}." if request.reason else by[request.by])


def violated(call: CallAggregate, violation: ClientViolatedProtocol) -> None:
    call.do(TellError(violation.code, violation.message))
    close(call, "protocol_violation", f"{violation.code}: {violation.message}", error_code=violation.code)


def queue_overflowed(call: CallAggregate, failure: QueueOverflowed) -> None:
    if failure.queue == "client":
        call.do(TellError("client_too_slow", failure.reason))
        close(call, "client_too_slow", failure.reason, error_code="client_too_slow")
    else:  # how full it was is in the failure, which is recorded as well
        close(call, "log_unavailable", _NOT_SAVED)


def client_lost_after_close(call: CallAggregate, lost: ClientLost) -> None:
    """One that has lost its line may have audio left to send: it is waited for until the grace
    period ends."""
    if lost.left:
        settle(call)


def client_connected_after_close(call: CallAggregate, _: ClientConnected) -> None:
    """It may still send unacknowledged audio in the rest of the grace period."""
    record, left_us = call.record, call.timers.left_us(Timer.GRACE, call.now_us)
    call.do(TellClosed(record.close_reason, record.close_detail, left_us // 1000))
