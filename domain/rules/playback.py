"""What the client says about its playback: a reply begins when it is heard, and ends when it has
been heard."""

from domain.aggregate import CallAggregate
from domain.effects import ForgetInterviewerAudio
from domain.events import ModelFinished, ModelStarted
from domain.inputs import PlaybackReported
from domain.record.record import Reply
from domain.rules.barge_in import confirm
from domain.rules.ending import close
from domain.rules.floor import nudge, reset_detector, start_answer, watch_playback
from domain.sound.rates import MODEL_RATE_HZ, millis, samples
from domain.states import State
from domain.timers import Timer


def reported_in_speech(call: CallAggregate, report: PlaybackReported) -> None:
    """In `listening` and `model_speaking`."""
    believe(call, report)
    start_if_heard(call)
    finish_if_heard(call)


def start_if_heard(call: CallAggregate) -> None:
    """A reply begins when its first sample was heard."""
    reply, playout = call.record.reply, call.playout
    if (
        call.record.state is State.LISTENING
        and reply is not None
        and reply.started
        and playout.generation == reply.generation
        and playout.played_sample > playout.start_sample
    ):
        start_speaking(call)


def reported_in_interrupted(call: CallAggregate, report: PlaybackReported) -> None:
    """Had everything been heard when the candidate began, it is not an interruption but the next
    answer."""
    believe(call, report)
    reply = call.record.reply
    if reply is not None and reply.complete and not call.playout.unplayed:
        confirm(call, "played_out")


def reported_otherwise(call: CallAggregate, report: PlaybackReported) -> None:
    """While a link is missing or after a flush: only the position counts."""
    believe(call, report)


def believe(call: CallAggregate, report: PlaybackReported) -> None:
    if call.playout.report(report.played_sample, report.held, call.now_us):
        watch_playback(call)
        call.do(ForgetInterviewerAudio(call.playout.played_sample))


def start_speaking(call: CallAggregate) -> None:
    """The first sample was heard; when, follows from how much has been played since."""
    reply, playout = call.record.reply, call.playout
    assert reply is not None
    since_start_ms = millis(playout.played_sample - playout.start_sample, MODEL_RATE_HZ)
    played_at_us = max(reply.started_at_us, call.now_us - since_start_ms * 1000)
    answer = call.record.answer if reply.cause in ("answer", "nudge", "resent") else None
    end_at_us = answer.end_at_us if answer else -1
    stopped_at_us = answer.stopped_at_us if answer else -1
    call.decide(
        ModelStarted,
        generation=reply.generation,
        turn=reply.turn,
        played_at_us=played_at_us,
        evidence={
            "voice_end_at_us": end_at_us,
            "endpoint_at_us": stopped_at_us,
            "requested_at_us": reply.requested_at_us,
            "first_audio_at_us": reply.started_at_us,
            "played_model_sample": playout.played_sample,
        },
    )


def finish_if_heard(call: CallAggregate) -> None:
    """A reply is finished when it is complete *and* played out."""
    reply, playout = call.record.reply, call.playout
    heard = call.record.state is State.MODEL_SPEAKING and reply is not None and not playout.unplayed
    if heard and reply is not None and reply.complete and call.now_us >= believed_from_us(call, reply):
        finish(call)


def believed_from_us(call: CallAggregate, reply: Reply) -> int:
    """From when on a turn's end is believed: at once, unless it came without the audio's, and may
    be premature."""
    return reply.ended_at_us + call.policy.links.turn_end_wait_ms * 1000 if reply.ended_at_us else 0


def finish(call: CallAggregate) -> None:
    """The floor is free again."""
    reply, playout = call.record.reply, call.playout
    assert reply is not None
    truncated = reply.truncated
    call.decide(
        ModelFinished,
        generation=reply.generation,
        evidence={
            "first_model_sample": playout.start_sample,
            "played_model_sample": playout.played_sample,
            "truncated": int(truncated),
        },
    )
    call.timers.stop(Timer.STALL)
    call.timers.stop(Timer.CONTINUATION)
    if call.record.ending:
        close(call, "completed", "The interview is over: the interviewer said goodbye.")
        return
    if call.hearing.speaking and call.policy.local_turns and _is_an_answer(call):
        start_answer(call)  # it began over the interviewer's last words
        return
    call.hearing.rest()
    reset_detector(call)
    if truncated:
        nudge(call)


def _is_an_answer(call: CallAggregate) -> bool:
    """Less voice is enough for a suspicion: a click over the last words takes the floor no more
    than one after them."""
    return call.hearing.voiced_samples >= samples(call.policy.voice.start_voiced_ms)
