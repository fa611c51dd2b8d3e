"""A call changes its owner: its process hands it over in good order, or another one takes it over
from the log."""

from domain.aggregate import CallAggregate
from domain.effects import HandOver
from domain.events import CallHandedOver
from domain.inputs import CallTakenOver, HandOverRequested
from domain.rules.barge_in import dismiss
from domain.rules.ending import start_clocks
from domain.rules.links import client_gone, dial_anew
from domain.sound.rates import MODEL_RATE_HZ, samples
from domain.states import Link, State
from domain.timers import Timer

_NEVER_REUSED_MS = 10_000
"""More than the clocks of two machines differ by."""


def taken_over(call: CallAggregate, takeover: CallTakenOver) -> None:
    """Both links ended with the previous process; anything said since the log's last event is lost.

    While nobody had the call, its waits went on: a client that came with the last process has been
    away since then.
    """
    here = Link.CLIENT not in call.record.missing
    away_since_us = call.progress.last_input_us if here else call.progress.away_since_us
    call.timers.clear()
    if call.record.state is State.INTERRUPTED:
        dismiss(call, "client_lost", "client_lost")
    call.deferred_loss = None
    call.playout.forget_sent()
    _skip_positions(call)
    start_clocks(call)
    if here:
        client_gone(call, "taken_over")
    if call.record.clients:
        call.progress.away_since_us = away_since_us
        waits_until_us = away_since_us + call.policy.links.resume_wait_ms * 1000
        call.timers.start(Timer.RESUME, waits_until_us)
        if call.now_us < waits_until_us:
            dial_anew(call, "taken_over")


def taken_over_after_close(call: CallAggregate, _: CallTakenOver) -> None:
    """The client has another grace period to send unacknowledged audio."""
    call.timers.clear()
    call.timers.start(Timer.GRACE, call.now_us + call.policy.links.grace_ms * 1000)


def _skip_positions(call: CallAggregate) -> None:
    """The client may have been sent, and have played, audio that was never stored: its positions
    stay unused."""
    unrecorded_ms = (call.now_us - call.progress.last_input_us) // 1000
    ahead_ms = unrecorded_ms + call.policy.playout.lead_ms + _NEVER_REUSED_MS
    call.interviewer_audio.jump(samples(ahead_ms, MODEL_RATE_HZ))


def hand_over_requested(call: CallAggregate, request: HandOverRequested) -> None:
    call.timers.start(Timer.HANDOVER, call.now_us + request.wait_ms * 1000)


def hand_over_after_close(call: CallAggregate, request: HandOverRequested) -> None:
    """A client that has audio left to send has landed elsewhere; a process that stops has time for
    a grace period."""
    if request.reason == "asked":
        hand_over(call)


def hand_over_if_quiet(call: CallAggregate) -> None:
    """Nobody hears or says anything, and nothing is awaited, or nobody is there to be disturbed."""
    record = call.record
    quiet = record.state is State.LISTENING and record.reply is None and not call.hearing.speaking
    if quiet or Link.CLIENT in record.missing:
        hand_over(call)


def hand_over(call: CallAggregate) -> None:
    """Begin the handover: the next owner finds all of the call in the log."""
    call.timers.clear()
    call.finishing = "handover"


def record_handed_over(call: CallAggregate) -> None:
    """The last event of an owner, after its last audio."""
    reason = call.record.ownership.reason
    call.decide(CallHandedOver, reason=reason)
    call.do(HandOver(reason))
