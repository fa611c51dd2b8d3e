"""What Gemini sends: audio, transcripts, the ends of its turns, tools, and what it says about its
session."""

from domain.aggregate import CallAggregate
from domain.effects import AnswerTool, FlushPlayback
from domain.events import EndingAgreed, PlayoutOverflowed, ReplyContinued, ReplyStarted, ReplyWithdrawn
from domain.inputs import (
    CandidateTranscribed,
    GenerationCompleted,
    GoAwayReceived,
    ModelAudio,
    ModelInterruptionReported,
    ModelTurnCompleted,
    ToolCallRequested,
)
from domain.interview import END_TOOL
from domain.record.model_session import Rotation
from domain.record.reply import Phase, Reply
from domain.rules.attribution import still_of_the_cut_reply
from domain.rules.barge_in import confirm
from domain.rules.ending import close_without_goodbye
from domain.rules.floor import (
    count_late_audio,
    drop_late_audio,
    expect_reply,
    stop_answer,
    stop_waiting,
    withdraw_reply,
)
from domain.rules.playback import finish_if_heard
from domain.states import State
from domain.timers import Timer


def audio(call: CallAggregate, chunk: ModelAudio) -> None:
    """Audio of the reply we wait for, or, if we wait for none, of one that the model began by
    itself."""
    count = len(chunk.pcm) // 2
    if still_of_the_cut_reply(call.record, call.policy, call.now_us):
        drop_late_audio(call, count)
        return
    if call.record.reply is None:
        expect_reply(call, "unprompted")
    reply = call.record.reply
    assert reply is not None
    first_sample = call.interviewer_audio.next_sample - count
    if not reply.has_audio:
        call.timers.stop(Timer.REPLY)
        count_late_audio(call)
        call.decide(
            ReplyStarted,
            generation=reply.generation,
            first_model_sample=first_sample,
            evidence={"waited_ms": (call.now_us - reply.requested_at_us) // 1000, "samples": count},
        )
    elif reply.may_continue:
        after = "turn_completed" if reply.ended_at_us else "interruption_reported"
        call.decide(ReplyContinued, generation=reply.generation, after=after)
    refused_before = call.playout.refused == reply.generation
    if not call.playout.push(reply.generation, first_sample, count) and not refused_before:
        call.decide(PlayoutOverflowed, generation=reply.generation, samples=count)


def audio_while_resuming(call: CallAggregate, chunk: ModelAudio) -> None:
    """The client is missing: a reply goes on to arrive. A voice that waits to be heard makes new
    ones pointless."""
    if call.record.window_open and call.policy.local_turns:
        audio_over_candidate(call, chunk)
    else:
        audio(call, chunk)


def audio_over_candidate(call: CallAggregate, chunk: ModelAudio) -> None:
    """While the candidate has the floor, audio is either late (of a reply that was cut), or Gemini
    decides turns."""
    if call.record.eager:
        audio(call, chunk)  # kept until the end of the answer is certain
    elif call.policy.local_turns:
        drop_late_audio(call, len(chunk.pcm) // 2)
    else:
        if call.record.state is State.CANDIDATE_SPEAKING:
            stop_answer(call, "model_replied", "model_replied")
        audio(call, chunk)


def candidate_transcribed(call: CallAggregate, said: CandidateTranscribed) -> None:
    answer = call.record.answer
    pausing = call.record.window_open and call.hearing.silent_samples > 0
    if pausing and answer is not None and said.turn == answer.turn:
        call.endpointing.transcribed(said.text)  # in time to say whether more will come


def completed(call: CallAggregate, _: GenerationCompleted) -> None:
    finish_if_heard(call)


def turn_completed(call: CallAggregate, ended: ModelTurnCompleted) -> None:
    """A turn without audio is either the model's choice, or the silent-turn fault that the watchdog
    waits for."""
    reply = call.record.reply
    if reply is not None and reply.phase is Phase.SILENT:
        if ended.waiting_for_input:
            evidence = {"waited_ms": (call.now_us - reply.requested_at_us) // 1000}
            call.decide(ReplyWithdrawn, generation=reply.generation, reason="model_chose_silence", evidence=evidence)
            stop_waiting(call)
        else:
            _wait_no_longer(call, reply)
    finish_if_heard(call)
    reply = call.record.reply
    if call.record.end_agreed and call.record.state is State.LISTENING and (reply is None or not reply.has_audio):
        close_without_goodbye(call)


def _wait_no_longer(call: CallAggregate, reply: Reply) -> None:
    """A turn that ended in silence will hardly go on; but it may be the end of an older one, so not
    at once."""
    links = call.policy.links
    timeout_ms = links.nudge_timeout_ms if reply.cause == "nudge" else links.reply_timeout_ms
    latest_us = call.now_us + links.continuation_timeout_ms * 1000
    call.timers.start(Timer.REPLY, min(latest_us, reply.requested_at_us + timeout_ms * 1000))


def interruption_reported(call: CallAggregate, reported: ModelInterruptionReported) -> None:
    """Where we decide turns this only confirms a cut of ours, or is a phantom; either way nothing
    moves.

    A reply that a phantom stopped is over when it was heard as far as it came; then the model is
    asked to go on.
    """
    reply = call.record.reply
    if call.policy.local_turns:
        stopped_a_reply = reply is not None and reply.truncated
        if not reported.generation and not stopped_a_reply:
            call.ignore(reported)
        return
    if call.record.state in (State.MODEL_SPEAKING, State.INTERRUPTED):
        confirm(call, "model", "model_interrupted")
    elif reply is not None and reply.has_audio:
        withdraw_reply(call, "model_interrupted")
        call.do(FlushPlayback())


def tool_called(call: CallAggregate, request: ToolCallRequested) -> None:
    """One function exists: the model ends the interview."""
    if request.name == END_TOOL:
        call.decide(EndingAgreed, tool_call_id=request.tool_call_id)
        call.do(AnswerTool(request.tool_call_id, request.name, {"result": "ok"}))
    else:
        error = f"There is no function {request.name}; go on without it."
        call.do(AnswerTool(request.tool_call_id, request.name, {"error": error}))


def going_away(call: CallAggregate, notice: GoAwayReceived) -> None:
    """Rotate at a quiet moment (see housekeeping), near the end at a less quiet one, at the end in
    any case."""
    if call.record.session.rotation is Rotation.NONE:  # it was said of a session that is gone
        call.ignore(notice)
        return
    links = call.policy.links
    for timer, margin_ms in ((Timer.ROTATION, links.rotation_margin_ms), (Timer.SESSION_END, links.rotation_latest_ms)):
        call.timers.start(timer, call.now_us + max(0, notice.time_left_ms - margin_ms) * 1000)
