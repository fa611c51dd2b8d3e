"""A voice over the interviewer: hold at once, then confirm or dismiss.

The first evidence holds playback, which costs nothing if it was a cough; what follows decides.
Positions are the candidate's, so that a burst of resent audio is predicted as it was spoken.
"""

from typing import Any, Literal

from domain.aggregate import CallAggregate
from domain.effects import FlushPlayback, ForgetInterviewerAudio, HoldPlayback, ReleasePlayback
from domain.event import Evidence
from domain.events import BargeInConfirmed, BargeInDismissed, BargeInSuspected, ReplyCut
from domain.inputs import CandidateFrame, MicMuted
from domain.record.answer import Suspicion
from domain.rules.floor import (
    end_if_muted,
    open_window,
    stop_waiting,
    stream_to_model,
    watch_playback,
    with_preroll,
)
from domain.sound.rates import MODEL_RATE_HZ, SAMPLE_RATE_HZ, millis, samples
from domain.timers import Timer


def frame_in_model_speaking(call: CallAggregate, _: CandidateFrame) -> None:
    stream_to_model(call)
    if not call.policy.local_turns or not call.hearing.begins(call.policy.barge_in.suspect_voiced_ms):
        return
    if not begins_at_the_end(call):
        suspect(call)
    elif call.hearing.fallen_samples >= samples(call.policy.endpoint.quick_ms):
        call.hearing.rest()  # it ended before the interviewer did


def begins_at_the_end(call: CallAggregate) -> bool:
    """Whether so little is left to hear that the voice is the next answer: it takes the floor when
    all was heard."""
    reply, playout = call.record.reply, call.playout
    left = playout.end_sample - playout.heard_sample(call.now_us)
    return reply is not None and reply.complete and left <= samples(call.policy.barge_in.overlap_ms, MODEL_RATE_HZ)


def suspect(call: CallAggregate) -> None:
    """Hold playback: it may be an interruption."""
    reply, onset = call.record.reply, call.hearing.onset_sample
    assert reply is not None and onset is not None
    call.playout.hold(call.now_us)
    call.decide(
        BargeInSuspected,
        generation=reply.generation,
        onset_sample=onset,
        onset_at_us=call.hearing.onset_at_us,
        rule="suspect_voiced",
        evidence=call.hearing.evidence(),
    )
    call.timers.start(Timer.CEILING, call.now_us + 2 * call.policy.barge_in.ceiling_ms * 1000)
    call.timers.stop(Timer.STALL)
    call.do(HoldPlayback())


def frame_in_interrupted(call: CallAggregate, _: CandidateFrame) -> None:
    policy, hearing = call.policy.barge_in, call.hearing
    suspicion = call.record.suspicion
    assert suspicion is not None
    if hearing.strong_samples >= samples(policy.confirm_voiced_ms) and not hearing.fading:
        confirm(call, "voiced", "confirm_strong")
    elif hearing.voiced_samples >= samples(policy.confirm_long_ms) and not hearing.fallen_samples:
        confirm(call, "voiced", "confirm_long")
    elif hearing.fallen_samples >= samples(policy.dismiss_silence_ms):
        dismiss(call, "silence", "dismiss_fallen")
    elif not hearing.speaking:
        dismiss(call, "silence", "dismiss_ended")
    elif _weighed_samples(call, suspicion) >= samples(policy.ceiling_ms):
        decide_by_share(call)


def _weighed_samples(call: CallAggregate, suspicion: Suspicion) -> int:
    """How much audio the ceiling bounds: since the onset, at most a window before the hold."""
    window = samples(call.policy.voice.start_window_ms)
    return call.hearing.next_sample - max(suspicion.onset_sample, suspicion.held_sample - window)


def decide_by_share(call: CallAggregate) -> None:
    """No suspicion lasts for ever: of voice and silence the larger share wins."""
    suspicion = call.record.suspicion
    assert suspicion is not None
    by_clock = (call.now_us - suspicion.held_at_us) * SAMPLE_RATE_HZ // 1_000_000  # frames may have failed to come
    suspected = max(call.hearing.next_sample - suspicion.onset_sample, by_clock)
    if call.hearing.speaking and call.hearing.voiced_samples * 2 >= suspected:
        confirm(call, "ceiling", "ceiling_majority")
    else:
        dismiss(call, "ceiling", "ceiling_majority")


def muted_while_interrupted(call: CallAggregate, _: MicMuted) -> None:
    dismiss(call, "muted", "muted")
    call.hearing.rest()


def confirm(call: CallAggregate, reason: Literal["voiced", "ceiling", "played_out", "model"], rule: str) -> None:
    """It is an interruption: the candidate has the floor, with everything since before the onset."""
    record = call.record
    reply = record.reply
    assert reply is not None
    onset = record.suspicion.onset_sample if record.suspicion else call.hearing.next_sample
    onset_at_us = record.suspicion.onset_at_us if record.suspicion else call.now_us
    from_sample = with_preroll(call, call.hearing.recalled(onset))
    generation = reply.generation
    cut = cut_facts(call)
    call.decide(
        BargeInConfirmed,
        generation=generation,
        turn=record.turn + 1,
        from_sample=from_sample,
        onset_sample=onset,
        onset_at_us=onset_at_us,
        reason=reason,
        rule=rule,
        evidence=call.hearing.evidence() | suspicion_evidence(call, onset, onset_at_us),
    )
    if reason != "played_out":
        call.decide(ReplyCut, generation=generation, **cut)
    call.timers.stop(Timer.CEILING)
    stop_waiting(call)
    call.playout.drop()
    call.do(FlushPlayback(), ForgetInterviewerAudio(call.interviewer_audio.next_sample))
    call.endpointing.answer_begins()
    open_window(call, from_sample)
    end_if_muted(call)


def dismiss(call: CallAggregate, reason: Literal["silence", "ceiling", "muted", "client_lost"], rule: str) -> None:
    """It was none: play on, nothing lost."""
    record = call.record
    suspicion, reply = record.suspicion, record.reply
    assert suspicion is not None and reply is not None
    call.decide(
        BargeInDismissed,
        generation=reply.generation,
        reason=reason,
        held_ms=(call.now_us - suspicion.held_at_us) // 1000,
        rule=rule,
        evidence=call.hearing.evidence() | suspicion_evidence(call, suspicion.onset_sample, suspicion.onset_at_us),
    )
    call.timers.stop(Timer.CEILING)
    call.hearing.dismiss()
    call.playout.release(call.now_us)
    watch_playback(call)
    call.do(ReleasePlayback())


def suspicion_evidence(call: CallAggregate, onset_sample: int, onset_at_us: int) -> Evidence:
    """How long the decision took, in the candidate's audio and on the clock; of that audio,
    `weighed_ms` count for the ceiling."""
    suspicion = call.record.suspicion
    return {
        "weighed_ms": millis(_weighed_samples(call, suspicion)) if suspicion is not None else 0,
        "suspected_ms": millis(call.hearing.next_sample - onset_sample),
        "suspected_clock_ms": (call.now_us - onset_at_us) // 1000,
    }


def cut_facts(call: CallAggregate) -> dict[str, Any]:
    """What had been received, sent and heard of the reply when it was cut; the text in proportion
    to the sound."""
    reply, playout = call.record.reply, call.playout
    assert reply is not None
    heard_sample = playout.heard_sample(call.now_us)
    received = playout.end_sample - playout.start_sample
    heard = max(0, heard_sample - playout.start_sample)
    words = reply.text.split()
    heard_words = words[: round(len(words) * heard / received)] if received else []
    return {
        "received_ms": millis(received, MODEL_RATE_HZ),
        "sent_ms": millis(playout.sent_sample - playout.start_sample, MODEL_RATE_HZ),
        "heard_ms": millis(heard, MODEL_RATE_HZ),
        "heard_text": " ".join(heard_words),
        "evidence": {
            "first_model_sample": playout.start_sample,
            "sent_model_sample": playout.sent_sample,
            "heard_model_sample": heard_sample,
            "reported_model_sample": playout.played_sample,
        },
    }
