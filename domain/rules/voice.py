"""Each frame of the candidate's voice while the floor is free or theirs."""

from domain.aggregate import CallAggregate
from domain.effects import PredictEndOfTurn
from domain.inputs import CandidateFrame, EndOfTurnPredicted, MicMuted, MicUnmuted
from domain.rules import eager
from domain.rules.floor import send_up_to, so_far, start_answer, stop_answer, stream_to_model, with_preroll
from domain.sound.rates import SAMPLE_RATE_HZ, millis, samples

_HEARD_BY_DETECTOR = 8 * SAMPLE_RATE_HZ
"""The turn detector hears at most the last 8 s of an answer."""


def frame_in_listening(call: CallAggregate, _: CandidateFrame) -> None:
    stream_to_model(call)
    reply = call.record.reply
    if not call.policy.local_turns and reply is not None and reply.has_audio:
        return  # Gemini answers already, and would say if the candidate interrupted
    if call.hearing.begins(call.policy.voice.start_voiced_ms):
        start_answer(call)


def frame_in_candidate_speaking(call: CallAggregate, _: CandidateFrame) -> None:
    stream_to_model(call)
    hearing = call.hearing
    hearing.learn_level()
    if hearing.pause_samples:
        call.endpointing.goes_on(millis(hearing.pause_samples))
        eager.withdraw(call)
    if call.policy.local_turns:
        send_heard_audio(call)
        if hearing.silent_samples and call.endpointing.wants_prediction(millis(hearing.silent_samples)):
            ask_turn_detector(call)
    if not end_if_over(call):
        eager.try_end(call)


def send_heard_audio(call: CallAggregate) -> None:
    """Send the answer as it is heard, but of a long pause only its beginning, until it is clear
    that more follows."""
    if call.record.eager:
        return
    policy, hearing = call.policy.endpoint, call.hearing
    heard = hearing.next_sample - max(0, hearing.silent_samples - samples(policy.send_silence_ms))
    if heard - call.delivery.sent_sample >= samples(policy.send_chunk_ms):
        send_up_to(call, heard)


def ask_turn_detector(call: CallAggregate) -> None:
    """Have somebody listen to how this pause was entered; the verdict comes as an input."""
    answer, now = call.record.answer, call.hearing.next_sample
    assert answer is not None
    call.do(PredictEndOfTurn(max(answer.first_sample, now - _HEARD_BY_DETECTOR), now))


def end_of_turn_predicted(call: CallAggregate, verdict: EndOfTurnPredicted) -> None:
    """Only the pause that is still going on counts."""
    hearing = call.hearing
    if verdict.to_sample <= hearing.end_sample or not hearing.speaking:
        call.ignore(verdict)
        return
    call.endpointing.predicted(verdict.completeness)
    if not end_if_over(call):
        eager.try_end(call)


def end_if_over(call: CallAggregate) -> bool:
    """End the answer once its silence is long enough for the evidence there is."""
    hearing = call.hearing
    if not hearing.speaking:
        stop_answer(call, "silence", "longest_silence")
    elif hearing.silent_samples >= samples(call.endpointing.wait_ms(*so_far(call))):
        stop_answer(call, "silence", f"endpoint_{call.policy.endpoint.strategy}")
    else:
        return False
    return True


def frame_in_resuming(call: CallAggregate, _: CandidateFrame) -> None:
    """The model cannot be reached now; note where a voice began, however long ago it ended."""
    begun = call.hearing.begins(call.policy.voice.start_voiced_ms)
    onset = call.hearing.onset_sample
    if begun and onset is not None and call.progress.missed_from is None and not call.record.window_open:
        call.progress.missed_from = with_preroll(call, onset)


def frame_in_closed(call: CallAggregate, _: CandidateFrame) -> None:
    """Late audio of the grace period is stored, and decided on no more."""
    call.progress.after_close_frames += 1


def muted(call: CallAggregate, _: MicMuted) -> None:
    call.hearing.rest()


def muted_while_speaking(call: CallAggregate, _: MicMuted) -> None:
    """A microphone muted in the middle of a word ends the turn: nothing more can come."""
    stop_answer(call, "muted", "muted")


def unmuted(call: CallAggregate, _: MicUnmuted) -> None:
    call.hearing.rest()
