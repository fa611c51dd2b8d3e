"""Who has the floor: opening and closing an answer's window, asking the model for a reply, and
giving one up."""

from typing import Literal

from domain.aggregate import CallAggregate, LateAudio
from domain.effects import (
    CloseActivity,
    FlushPlayback,
    ForgetInterviewerAudio,
    OpenActivity,
    ResetDetector,
    SendCandidateAudio,
    SendNote,
    SendText,
)
from domain.events import (
    CandidateStarted,
    CandidateStopped,
    DetectorReset,
    HistoryCorrected,
    LateAudioDropped,
    ReplyRequested,
    ReplyWithdrawn,
)
from domain.interview import NUDGE, OPENING, heard_note
from domain.sound.rates import millis, samples
from domain.timers import Timer


def stream_to_model(call: CallAggregate) -> None:
    """Where Gemini decides turns it hears everything, silence too."""
    waiting = call.hearing.next_sample - call.delivery.sent_sample
    if not call.policy.local_turns and waiting >= samples(call.policy.endpoint.send_chunk_ms):
        send_up_to_now(call)


def send_up_to(call: CallAggregate, to_sample: int) -> None:
    """Send what the model has not been given of the stream before `to_sample`."""
    if call.delivery.sent_sample < to_sample:
        call.do(SendCandidateAudio(call.delivery.sent_sample, to_sample))
        call.delivery.sent_sample = to_sample


def send_up_to_now(call: CallAggregate) -> None:
    """Send what the model has not been given of the stream up to the newest frame."""
    send_up_to(call, call.hearing.next_sample)


def with_preroll(call: CallAggregate, onset_sample: int) -> int:
    """Where a window for a voice that began at `onset_sample` starts: before it, never inside an
    earlier window."""
    answer = call.record.answer
    sent_before = answer.end.to_sample if answer is not None and answer.end is not None else 0
    voice = call.policy.voice
    before = min(onset_sample, call.hearing.sound_before(onset_sample)) - samples(voice.preroll_ms)
    return max(before, onset_sample - samples(voice.preroll_most_ms), min(sent_before, onset_sample), 0)


def open_window(call: CallAggregate, from_sample: int) -> None:
    """Open Gemini's activity window and send the audio from `from_sample` on."""
    if call.policy.local_turns:
        call.delivery.sent_sample = from_sample
        call.do(OpenActivity())
        correct_history(call)
        send_up_to_now(call)


def give_from(call: CallAggregate, from_sample: int) -> None:
    """A new session is given the answer under way: in a window of its own, or where Gemini decides,
    in the stream."""
    if call.policy.local_turns:
        open_window(call, from_sample)
    else:
        call.delivery.sent_sample = min(call.delivery.sent_sample, from_sample)
        send_up_to_now(call)


def give_again(call: CallAggregate, from_sample: int, to_sample: int) -> None:
    """A new session is given an answer that is over."""
    if call.policy.local_turns:
        call.do(OpenActivity(), SendCandidateAudio(from_sample, to_sample), CloseActivity())
    else:
        give_from(call, from_sample)


def correct_history(call: CallAggregate) -> None:
    """Tell the model, within the window just opened, what of its last reply was not heard."""
    unheard = call.record.unheard
    if unheard is None or call.policy.history.correction == "none" or not call.policy.local_turns:
        return
    session = call.record.session
    if session.knew_replies_to < unheard.generation <= session.began_after:
        return
    call.decide(
        HistoryCorrected,
        generation=unheard.generation,
        method="note",
        heard_ms=unheard.heard_ms,
        heard_text=unheard.heard_text,
    )
    call.do(SendNote(heard_note(unheard.heard_text, unheard.heard_ms)))


def start_answer(call: CallAggregate, rule: str = "voice_start") -> None:
    """The floor goes to the candidate. A reply that nobody has heard yet is given up: both
    stretches are one turn."""
    onset = call.hearing.onset_sample
    assert onset is not None
    from_sample = with_preroll(call, onset)
    turn = call.record.turn + 1
    reply, answer = call.record.reply, call.record.answer
    call.endpointing.answer_begins()
    if reply is not None:
        if reply.cause != "opening" and answer is not None:
            turn = call.record.turn
            end_sample = answer.end.end_sample if answer.end is not None else 0
            call.endpointing.goes_on(millis(onset - end_sample))
        withdraw_reply(call, "candidate_spoke_on")
    call.decide(
        CandidateStarted,
        turn=turn,
        onset_sample=onset,
        onset_at_us=call.hearing.onset_at_us,
        from_sample=from_sample,
        rule=rule,
        evidence=call.hearing.evidence(),
    )
    open_window(call, from_sample)


def withdraw_reply(call: CallAggregate, reason: str) -> None:
    """Cancel a reply of which nothing was heard."""
    reply = call.record.reply
    assert reply is not None
    sent = call.playout.in_flight
    call.decide(
        ReplyWithdrawn,
        generation=reply.generation,
        reason=reason,
        evidence={"waited_ms": (call.now_us - reply.requested_at_us) // 1000, "audio_had_begun": int(reply.has_audio)},
    )
    stop_waiting(call)
    call.playout.drop()
    call.do(ForgetInterviewerAudio(call.interviewer_audio.next_sample))
    if sent:
        call.do(FlushPlayback())


def expect_reply(call: CallAggregate, cause: Literal["opening", "answer", "nudge", "resent", "unprompted"]) -> None:
    """Number the next reply and watch over its coming."""
    links = call.policy.links
    timeout_ms = links.nudge_timeout_ms if cause == "nudge" else links.reply_timeout_ms
    call.decide(
        ReplyRequested,
        generation=call.record.generation + 1,
        cause=cause,
        turn=call.record.turn,
        evidence={"timeout_ms": timeout_ms},
    )
    call.timers.start(Timer.REPLY, call.now_us + timeout_ms * 1000)


def ask_to_open(call: CallAggregate) -> None:
    """The interviewer speaks first."""
    expect_reply(call, "opening")
    call.do(SendText(OPENING))


def nudge(call: CallAggregate) -> None:
    """Ask a model that says nothing to go on."""
    expect_reply(call, "nudge")
    call.do(SendText(NUDGE))


def watch_playback(call: CallAggregate) -> None:
    """From now on, a client that holds audio has `stall_ms` to play some of it."""
    if call.playout.in_flight and not call.playout.held:
        call.timers.start(Timer.STALL, call.now_us + call.policy.playout.stall_ms * 1000)
    else:
        call.timers.stop(Timer.STALL)


def stop_waiting(call: CallAggregate) -> None:
    """No reply is awaited any more."""
    call.timers.stop(Timer.REPLY)
    call.timers.stop(Timer.CONTINUATION)
    call.timers.stop(Timer.STALL)


def so_far(call: CallAggregate) -> tuple[int, int]:
    """How long the answer under way is so far, in ms of sound and pauses, and how far its voice has
    sunk."""
    answer, hearing = call.record.answer, call.hearing
    assert answer is not None
    spoken = hearing.end_sample - answer.first_sample - samples(call.policy.voice.preroll_ms)
    return max(0, millis(spoken)), hearing.tail_level


def stop_answer(call: CallAggregate, reason: Literal["silence", "muted", "model_replied"], rule: str) -> None:
    """The answer is over: close the window, and expect a reply."""
    answer, hearing, eager = call.record.answer, call.hearing, call.record.eager
    assert answer is not None
    if call.policy.local_turns and not eager:
        send_up_to(call, min(hearing.next_sample, hearing.end_sample + samples(call.policy.endpoint.send_silence_ms)))
    call.decide(
        CandidateStopped,
        turn=answer.turn,
        end_sample=hearing.end_sample,
        end_at_us=hearing.end_at_us,
        to_sample=call.delivery.sent_sample if call.policy.local_turns else hearing.next_sample,
        reason=reason,
        rule=rule,
        evidence=hearing.evidence() | call.endpointing.evidence(*so_far(call)) | {"eager": int(eager)},
    )
    hearing.rest()
    if not eager:
        if call.policy.local_turns:
            call.do(CloseActivity())
        count_late_audio(call)
        expect_reply(call, "answer")
    reset_detector(call)


def reset_detector(call: CallAggregate) -> None:
    """Silero's state sticks after long noise: without the cascade, it starts afresh when the floor
    becomes free.

    The cascade refreshes it by itself when it has gone deaf; a reset would only cost it the next
    onset.
    """
    if call.policy.voice.detector != "silero":
        return
    call.decide(DetectorReset, sample=call.hearing.next_sample)
    call.do(ResetDetector())


def end_if_muted(call: CallAggregate) -> None:
    """The floor went to a candidate whose microphone is off by now: no frame will come to end the
    answer."""
    if call.record.muted:
        stop_answer(call, "muted", "muted")


def drop_late_audio(call: CallAggregate, count: int) -> None:
    """`count` samples of a stale reply came: nobody will hear them."""
    late, speaker = call.progress.late_audio, call.record.stale_speaker
    generation = late.generation or (speaker.generation if speaker is not None else 0)
    call.progress.late_audio = LateAudio(generation, late.chunks + 1, late.samples + count)


def count_late_audio(call: CallAggregate) -> None:
    """Say how much of a stale reply arrived after it was over."""
    late = call.progress.late_audio
    if late.chunks:
        call.decide(LateAudioDropped, generation=late.generation, chunks=late.chunks, samples=late.samples)
        call.progress.late_audio = LateAudio()
