"""Each frame of the candidate's voice while the floor is free or theirs."""

from domain.inputs import CandidateFrame, MicMuted, MicUnmuted
from domain.memory import CallMemory
from domain.policy import samples
from domain.rules.floor import send_up_to_now, start_answer, stop_answer, stream_to_model, with_preroll


def frame_in_listening(call: CallMemory, _: CandidateFrame) -> None:
    stream_to_model(call)
    reply = call.record.reply
    if not call.policy.local_turns and reply is not None and reply.started:
        return  # Gemini answers already, and would say if the candidate interrupted
    if call.hearing.onset_sample is not None:
        start_answer(call)


def frame_in_candidate_speaking(call: CallMemory, _: CandidateFrame) -> None:
    stream_to_model(call)
    if call.policy.local_turns:
        waiting = call.hearing.next_sample - call.uplink_sample
        if waiting >= samples(call.policy.endpoint.send_chunk_ms):
            send_up_to_now(call)
    if call.hearing.silent_samples >= samples(call.policy.endpoint.silence_ms) or not call.hearing.speaking:
        stop_answer(call, "silence")


def frame_in_resuming(call: CallMemory, _: CandidateFrame) -> None:
    """Nobody can be told now; a voice is remembered from its beginning, however long ago it ended."""
    onset = call.hearing.onset_sample
    if onset is not None and call.missed_from is None and not call.record.window_open:
        call.missed_from = with_preroll(call, onset)


def frame_in_closed(call: CallMemory, _: CandidateFrame) -> None:
    """Late audio of the grace period is stored, and decided on no more."""
    call.after_close_frames += 1


def muted(call: CallMemory, _: MicMuted) -> None:
    call.hearing.rest()


def muted_while_speaking(call: CallMemory, _: MicMuted) -> None:
    """A microphone muted in the middle of a word ends the turn: nothing more can come."""
    stop_answer(call, "muted")
    call.hearing.rest()


def unmuted(call: CallMemory, _: MicUnmuted) -> None:
    call.hearing.rest()
