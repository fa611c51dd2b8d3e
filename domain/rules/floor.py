"""Who has the floor: opening and closing an answer's window, asking the model for a reply, and giving one up."""

from typing import Literal

from domain.effects import (
    CloseActivity,
    FlushPlayback,
    ForgetInterviewerAudio,
    OpenActivity,
    ResetDetector,
    SendCandidateAudio,
    SendText,
)
from domain.events import (
    CandidateStarted,
    CandidateStopped,
    DetectorReset,
    GenerationCancelled,
    GenerationRequested,
    LateAudioDropped,
)
from domain.interview import NUDGE, OPENING
from domain.memory import CallMemory
from domain.policy import samples
from domain.timers import Timer


def stream_to_model(call: CallMemory) -> None:
    """Where Gemini decides turns it hears everything, silence too."""
    waiting = call.hearing.next_sample - call.uplink_sample
    if not call.policy.local_turns and waiting >= samples(call.policy.endpoint.send_chunk_ms):
        send_up_to_now(call)


def send_up_to_now(call: CallMemory) -> None:
    """Send what the model has not been given of the stream up to the newest frame."""
    if call.uplink_sample < call.hearing.next_sample:
        call.do(SendCandidateAudio(call.uplink_sample, call.hearing.next_sample))
        call.uplink_sample = call.hearing.next_sample


def with_preroll(call: CallMemory, onset_sample: int) -> int:
    """Where a window for a voice that began at `onset_sample` starts: before it, never inside an earlier window."""
    answer = call.record.answer
    sent_before = answer.to_sample if answer is not None and answer.to_sample is not None else 0
    return max(onset_sample - samples(call.policy.voice.preroll_ms), min(sent_before, onset_sample), 0)


def open_window(call: CallMemory, from_sample: int) -> None:
    """Open Gemini's activity window and send the audio from `from_sample` on."""
    if call.policy.local_turns:
        call.uplink_sample = from_sample
        call.do(OpenActivity())
        send_up_to_now(call)


def start_answer(call: CallMemory) -> None:
    """The floor goes to the candidate. A reply that nobody has heard yet is given up: both stretches are one turn."""
    onset = call.hearing.onset_sample
    assert onset is not None
    from_sample = with_preroll(call, onset)
    turn = call.record.turn + 1
    reply = call.record.reply
    if reply is not None:
        if reply.cause != "opening" and call.record.turn:
            turn = call.record.turn
        give_up_reply(call, "candidate_spoke_on")
    call.decide(
        CandidateStarted,
        turn=turn,
        onset_sample=onset,
        onset_at_us=call.hearing.onset_at_us,
        from_sample=from_sample,
        evidence=call.hearing.evidence(),
    )
    open_window(call, from_sample)


def give_up_reply(call: CallMemory, reason: str) -> None:
    """Cancel a reply of which nothing was heard."""
    reply = call.record.reply
    assert reply is not None
    sent = call.playout.in_flight
    call.decide(
        GenerationCancelled,
        generation=reply.generation,
        reason=reason,
        evidence={"waited_ms": (call.now_us - reply.requested_at_us) // 1000, "audio_had_begun": int(reply.started)},
    )
    stop_waiting(call)
    call.playout.drop()
    call.do(ForgetInterviewerAudio(call.interviewer_audio.next_sample))
    if sent:
        call.do(FlushPlayback())


def expect_reply(call: CallMemory, cause: Literal["opening", "answer", "nudge", "resent", "unprompted"]) -> None:
    """Number the next reply and watch over its coming."""
    timeout_ms = call.policy.links.reply_timeout_ms
    call.decide(
        GenerationRequested,
        generation=call.record.generation + 1,
        cause=cause,
        turn=call.record.turn,
        evidence={"timeout_ms": timeout_ms},
    )
    call.timers.start(Timer.REPLY, call.now_us + timeout_ms * 1000)


def ask_to_open(call: CallMemory) -> None:
    """The interviewer speaks first."""
    expect_reply(call, "opening")
    call.do(SendText(OPENING))


def nudge(call: CallMemory) -> None:
    """Ask a model that says nothing to go on."""
    expect_reply(call, "nudge")
    call.do(SendText(NUDGE))


def watch_playback(call: CallMemory) -> None:
    """From now on, a client that holds audio has `stall_ms` to play some of it."""
    if call.playout.in_flight and not call.playout.held:
        call.timers.start(Timer.STALL, call.now_us + call.policy.playout.stall_ms * 1000)
    else:
        call.timers.stop(Timer.STALL)


def stop_waiting(call: CallMemory) -> None:
    """No reply is awaited any more."""
    call.timers.stop(Timer.REPLY)
    call.timers.stop(Timer.CONTINUATION)
    call.timers.stop(Timer.STALL)


def stop_answer(call: CallMemory, reason: Literal["silence", "muted", "model_replied"]) -> None:
    """The answer is over: close the window, and expect a reply."""
    answer = call.record.answer
    assert answer is not None
    call.decide(
        CandidateStopped,
        turn=answer.turn,
        end_sample=call.hearing.end_sample,
        end_at_us=call.hearing.end_at_us,
        to_sample=call.hearing.next_sample,
        reason=reason,
        evidence=call.hearing.evidence() | {"threshold_ms": call.policy.endpoint.silence_ms},
    )
    if call.policy.local_turns:
        send_up_to_now(call)
        call.do(CloseActivity())
    count_late_audio(call)
    expect_reply(call, "answer")
    reset_detector(call)


def reset_detector(call: CallMemory) -> None:
    """Silero's memory sticks after long noise: alone, it starts afresh when the floor becomes free.

    The cascade refreshes it by itself when it has gone deaf; a reset would only cost it the next onset.
    """
    if call.policy.voice.detector != "silero":
        return
    call.decide(DetectorReset, sample=call.hearing.next_sample)
    call.do(ResetDetector())


def end_if_muted(call: CallMemory) -> None:
    """The floor went to a candidate whose microphone is off by now: no frame will come to end the answer."""
    if call.record.muted:
        stop_answer(call, "muted")


def drop_late_audio(call: CallMemory, count: int) -> None:
    """`count` samples of a reply that was cut: nobody will hear them."""
    call.late_generation = call.late_generation or call.record.owed
    call.late_chunks += 1
    call.late_samples += count


def count_late_audio(call: CallMemory) -> None:
    """Say how much of a cut reply arrived after its cut."""
    if call.late_chunks:
        call.decide(
            LateAudioDropped, generation=call.late_generation, chunks=call.late_chunks, samples=call.late_samples
        )
        call.late_generation = call.late_chunks = call.late_samples = 0
