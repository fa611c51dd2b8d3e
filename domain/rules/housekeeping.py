"""What follows every input: audio goes out as playback moves on, segments are sealed, sessions
rotated in quiet."""

from domain.aggregate import CallAggregate
from domain.effects import ForgetCandidateAudio, SendInterviewerAudio
from domain.events import CandidateAudioRecorded, DecisionEvent, InterviewerAudioRecorded, SnapshotTaken
from domain.ports import Side
from domain.record.answer import Window
from domain.record.model_session import Rotation
from domain.recovery.snapshot import take_snapshot
from domain.rules.ending import record_settled
from domain.rules.floor import watch_playback
from domain.rules.links import model_lost, rotate
from domain.rules.playback import believed_from_us, finish_if_heard
from domain.rules.takeover import hand_over_if_quiet, record_handed_over
from domain.sound.rates import samples
from domain.sound.segments import SegmentBuffer
from domain.states import Link, State
from domain.timers import Timer

_PLAYOUT_WAKE_US = 100_000
_SEGMENT_SLACK_US = 500_000
_LAST_SEGMENTS_US = 100_000


def follow_up(call: CallAggregate) -> None:
    """Run after every input. What one step decides, the next one sees."""
    if call.deferred_loss is not None and call.record.state is not State.INTERRUPTED:
        lost, call.deferred_loss = call.deferred_loss, None
        if call.record.state is not State.CLOSED:
            model_lost(call, lost)
    if call.record.state is State.MODEL_SPEAKING:
        _watch_reply(call)
    if call.record.end_agreed and call.record.state is State.LISTENING:
        _watch_ending(call)
    if call.record.chose_silence and call.record.state is State.LISTENING:
        _watch_silence(call)
    if call.record.session.rotation is not Rotation.NONE and not call.record.leaving:
        _rotate_if_it_may(call)
    if call.record.leaving:
        hand_over_if_quiet(call)
    if call.playout.unsent:
        _pump(call)
    _keep_segments(call)


def seal_and_snapshot(call: CallAggregate) -> None:
    """Run last: a decision is recorded together with all audio that came before it.

    So the log is always a gap-free prefix of the call, and running the core over it gives the call
    again.
    """
    if call.finishing or any(isinstance(event, DecisionEvent) for event in call.decided):
        seal_all(call)
    if call.finishing:
        finishing, call.finishing = call.finishing, ""
        if finishing == "settle":
            record_settled(call)
        else:
            record_handed_over(call)
    elif call.fully_sealed and call.decided:
        _snapshot_if_due(call)


def _snapshot_if_due(call: CallAggregate) -> None:
    """With something that is recorded anyway; a closed call has little ahead that would make it
    worth it."""
    due_us = call.progress.snapshot_at_us + call.policy.recording.snapshot_every_ms * 1000
    if call.now_us >= due_us and call.deferred_loss is None and call.record.state is not State.CLOSED:
        call.progress.snapshot_at_us = call.now_us
        call.decide(SnapshotTaken, snapshot=take_snapshot(call))


def _watch_reply(call: CallAggregate) -> None:
    """A reply that was heard as far as it came should go on, or be over."""
    finish_if_heard(call)
    reply = call.record.reply
    heard = call.record.state is State.MODEL_SPEAKING and not call.playout.unplayed
    if not heard or reply is None:
        call.timers.stop(Timer.CONTINUATION)
    elif reply.complete:
        call.timers.start(Timer.CONTINUATION, believed_from_us(call, reply))
    elif not call.timers.running(Timer.CONTINUATION):
        call.timers.start(Timer.CONTINUATION, call.now_us + call.policy.links.continuation_timeout_ms * 1000)


def _watch_ending(call: CallAggregate) -> None:
    """The model called the end: a goodbye may follow, or nothing at all."""
    if call.record.reply is None and not call.timers.running(Timer.REPLY):
        call.timers.start(Timer.REPLY, call.now_us + call.policy.links.reply_timeout_ms * 1000)


def _watch_silence(call: CallAggregate) -> None:
    """The model chose to say nothing: the candidate may go on, but not for ever."""
    if not call.timers.running(Timer.REPLY):
        call.timers.start(Timer.REPLY, call.now_us + call.policy.links.chosen_silence_ms * 1000)


def _rotate_if_it_may(call: CallAggregate) -> None:
    """Nobody speaks, nothing is awaited, and Gemini has said by which handle it goes on from here,
    if by any.

    Near the session's end it is enough that no reply is being made: what has arrived of it plays
    on.
    """
    record, timers, reply = call.record, call.timers, call.record.reply
    session = record.session
    ending = timers.running(Timer.SESSION_END)
    quiet = record.state is State.LISTENING and reply is None and not call.hearing.speaking
    pressing = ending and not timers.running(Timer.ROTATION) and record.state is not State.INTERRUPTED
    undisturbed = reply is None or (reply.heard and reply.complete)
    forgot = session.rotation is Rotation.HISTORY_LOST
    resumable = session.handle is not None and session.handle.current
    if (quiet and (resumable or forgot)) or (pressing and undisturbed):
        rotate(call, "session_ending" if ending else "history_lost" if forgot else "session_old")


def _pump(call: CallAggregate) -> None:
    record = call.record
    speaking = record.reply is not None and (record.state is not State.RESUMING or record.reply_is_here)
    if not speaking or record.eager or Link.CLIENT in record.missing or call.playout.held:
        return
    for part in call.playout.take(call.now_us):
        call.do(SendInterviewerAudio(part.generation, part.from_sample, part.to_sample))
    if not call.timers.running(Timer.STALL):
        watch_playback(call)
    if call.playout.unsent:  # the candidate's frames wake us often enough; this is for when there are none
        call.timers.start(Timer.PLAYOUT, call.now_us + _PLAYOUT_WAKE_US)
    else:
        call.timers.stop(Timer.PLAYOUT)


def _keep_segments(call: CallAggregate) -> None:
    buffers = call.candidate_audio, call.interviewer_audio
    if any(buffer.waiting and (buffer.full or buffer.due) for buffer in buffers):
        seal_all(call)
    elif not call.fully_sealed and not call.timers.running(Timer.SEGMENT):
        in_us = call.policy.recording.segment_ms * 1000 + _SEGMENT_SLACK_US
        if call.record.state is State.CLOSED:  # the client waits for nothing but its acknowledgement
            in_us = _LAST_SEGMENTS_US
        call.timers.start(Timer.SEGMENT, call.now_us + in_us)


def seal_all(call: CallAggregate) -> None:
    """Store both sides' audio gathered so far."""
    _seal(call, call.candidate_audio)
    _seal(call, call.interviewer_audio)
    call.timers.stop(Timer.SEGMENT)


def _seal(call: CallAggregate, buffer: SegmentBuffer) -> None:
    """Store a side's audio gathered so far, with the event that names it."""
    if not buffer.waiting:
        return
    loudness, segment = buffer.loudness, buffer.seal()
    call.do(segment)
    count = len(segment.pcm) // 2
    if segment.side is Side.CANDIDATE:
        call.decide(
            CandidateAudioRecorded,
            sha256=segment.sha256,
            first_sample=segment.first_sample,
            samples=count,
            client_seq=call.client_seq,
            partial_samples=call.partial_samples,
            level=loudness.level,
            peak=loudness.peak,
            clipped_samples=loudness.clipped_samples,
            noise_floor=call.hearing.noise_floor,
        )
        call.do(ForgetCandidateAudio(needed_from(call)))
    else:
        call.decide(
            InterviewerAudioRecorded,
            sha256=segment.sha256,
            first_model_sample=segment.first_sample,
            samples=count,
            level=loudness.level,
            peak=loudness.peak,
            clipped_samples=loudness.clipped_samples,
            noise_floor=loudness.quietest,
        )


def needed_from(call: CallAggregate) -> int:
    """The oldest sample of the candidate's stream that memory holds, as the model may need it soon.

    Older audio of a very long answer is read back from the log.
    """
    policy, record = call.policy, call.record
    barge_in, voice = policy.barge_in, policy.voice
    suspected_ms = voice.preroll_most_ms + voice.start_window_ms + barge_in.ceiling_ms + 2 * barge_in.recall_ms
    next_sample = call.hearing.next_sample
    of_answer = [] if policy.local_turns else [call.delivery.sent_sample]
    answer = record.answer
    if answer is not None and (answer.is_open or (record.reply is not None and answer.window is Window.CLOSED)):
        of_answer.append(answer.first_sample)
    if call.progress.missed_from is not None:
        of_answer.append(call.progress.missed_from)
    kept_from = max(min(of_answer, default=next_sample), next_sample - samples(policy.links.window_keep_ms))
    return max(0, min(kept_from, next_sample - samples(suspected_ms + 1_000)))
