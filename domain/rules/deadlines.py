"""What happens when a deadline passes. Deadlines are looked at with every input: time comes in with
all of them."""

from collections.abc import Callable

from domain.aggregate import CallAggregate
from domain.effects import TellError
from domain.events import ReplyOverdue, SessionAged
from domain.record.model_session import Rotation
from domain.rules.barge_in import decide_by_share
from domain.rules.ending import close, close_without_goodbye, settle
from domain.rules.floor import nudge, withdraw_reply
from domain.rules.links import rotate
from domain.rules.playback import finish, finish_if_heard
from domain.rules.takeover import hand_over
from domain.states import Link, State
from domain.timers import Timer


def pass_deadlines(call: CallAggregate) -> None:
    """Act on every deadline that is due."""
    for timer in call.timers.pop_due(call.now_us):
        if call.record.state is State.CLOSED and timer not in _AFTER_CLOSE:
            continue  # the call was closed by an earlier deadline of the same moment
        rule = _RULES.get(timer)
        if rule is not None:
            rule(call)


def _interview_too_long(call: CallAggregate) -> None:
    evidence = {"duration_minutes": call.opened.context.duration_minutes, "overtime_ms": call.policy.links.overtime_ms}
    close(call, "duration_reached", "The time set for the interview, and its overtime, is over.", evidence)


def _suspected_too_long(call: CallAggregate) -> None:
    if call.record.state is State.INTERRUPTED:
        decide_by_share(call)


def _session_ends(call: CallAggregate) -> None:
    if call.record.session.rotation is not Rotation.NONE and call.record.state is not State.INTERRUPTED:
        rotate(call, "session_ending")


def _session_is_old(call: CallAggregate) -> None:
    session = call.record.session
    if Link.MODEL not in call.record.missing and session.rotation is Rotation.NONE:
        call.decide(SessionAged, age_ms=(call.now_us - session.connected_at_us) // 1000)


def _segment_due(call: CallAggregate) -> None:
    for buffer in (call.candidate_audio, call.interviewer_audio):
        buffer.due = buffer.waiting


def _reply_overdue(call: CallAggregate) -> None:
    """Nudge once, then dial again."""
    record, links, reply = call.record, call.policy.links, call.record.reply
    if record.end_agreed and record.state is State.LISTENING and (reply is None or not reply.has_audio):
        close_without_goodbye(call)
        return
    if Link.MODEL in record.missing:
        return
    if reply is None:
        _silence_too_long(call)
        return
    if reply.has_audio:
        return
    nudged = reply.cause == "nudge"
    waited_ms = (call.now_us - reply.requested_at_us) // 1000
    timeout_ms = links.nudge_timeout_ms if nudged else links.reply_timeout_ms
    evidence = {"timeout_ms": timeout_ms, "turn_ended": int(reply.ended)}
    call.decide(
        ReplyOverdue,
        generation=reply.generation,
        action="redialled" if nudged else "nudged",
        waited_ms=waited_ms,
        rule="nudge_timeout" if nudged else "reply_timeout",
        evidence=evidence,
    )
    if nudged:
        rotate(call, "reply_overdue")
    else:
        withdraw_reply(call, "overdue")
        nudge(call)


def _silence_too_long(call: CallAggregate) -> None:
    """The model chose to say nothing, and nobody has said anything since: an interview does not
    stand still."""
    record, timeout_ms = call.record, call.policy.links.chosen_silence_ms
    if not record.chose_silence or record.state is not State.LISTENING:
        return
    evidence = {"timeout_ms": timeout_ms, "chose_silence": 1}
    call.decide(
        ReplyOverdue,
        generation=record.generation,
        action="nudged",
        waited_ms=timeout_ms,
        rule="chosen_silence",
        evidence=evidence,
    )
    nudge(call)


def _reply_broke_off(call: CallAggregate) -> None:
    finish_if_heard(call)
    reply = call.record.reply
    if call.record.state is not State.MODEL_SPEAKING or reply is None or reply.complete or call.playout.unplayed:
        return
    waited_ms = call.policy.links.continuation_timeout_ms
    evidence = {"timeout_ms": waited_ms, "truncated": int(reply.truncated)}
    call.decide(
        ReplyOverdue,
        generation=reply.generation,
        action="finished",
        waited_ms=waited_ms,
        rule="continuation_timeout",
        evidence=evidence,
    )
    finish(call)


def _client_did_not_come(call: CallAggregate) -> None:
    if call.record.clients == 0:
        evidence = {"waited_ms": call.policy.links.hello_wait_ms}
        close(call, "never_connected", "No client said hello to this call in time.", evidence)
    else:
        evidence = {"waited_ms": call.policy.links.resume_wait_ms}
        close(call, "client_gone", "The client did not come back in time.", evidence)


def _playback_stalled(call: CallAggregate) -> None:
    if not call.playout.in_flight or call.playout.held:
        return
    seconds = call.policy.playout.stall_ms // 1000
    message = f"No audio was played for {seconds} s: play what is sent and report it with `playback` messages."
    call.do(TellError("playback_stalled", message))
    playout = call.playout
    evidence = {"played_model_sample": playout.played_sample, "sent_model_sample": playout.sent_sample}
    close(call, "playback_stalled", message, evidence, error_code="playback_stalled")


_AFTER_CLOSE = (Timer.GRACE, Timer.SEGMENT)
_RULES: dict[Timer, Callable[[CallAggregate], None]] = {
    Timer.REPLY: _reply_overdue,
    Timer.CONTINUATION: _reply_broke_off,
    Timer.CEILING: _suspected_too_long,
    Timer.RESUME: _client_did_not_come,
    Timer.STALL: _playback_stalled,
    Timer.SESSION_END: _session_ends,
    Timer.SESSION_AGE: _session_is_old,
    Timer.DURATION: _interview_too_long,
    Timer.GRACE: settle,
    Timer.SEGMENT: _segment_due,
    Timer.HANDOVER: hand_over,
    # Timer.PLAYOUT, Timer.ROTATION: waking up was all; housekeeping does what is due
}
