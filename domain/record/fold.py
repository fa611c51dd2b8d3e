"""What each event means for the record: the only place that changes it.

`Call.handle` emits events and folds them at once; recovery and replay fold the same events read
back. Events that change nothing here (transcripts of usage, round trips and the like) are facts for
the projections.
"""

from collections.abc import Callable
from typing import Any

from domain import events as ev
from domain import inputs as inp
from domain.event import Event
from domain.machine import fire
from domain.record.model_session import (
    going_away,
    handle_issued,
    leave_session,
    memory_verified,
    model_connected,
    session_aged,
    tool_called,
    tool_calls_cancelled,
    usage_reported,
)
from domain.record.record import Answer, Known, Record, Reply, Suspicion, Unheard
from domain.states import Link, State, Trigger


def fold(record: Record, event: Event) -> None:
    """Apply `event` to `record`. After the end only whose the call is changes, and that it settles."""
    record.version = event.originator_version
    meaning = _MEANINGS.get(type(event))
    if meaning is not None and (record.state is not State.CLOSED or meaning in _AFTER_CLOSE):
        meaning(record, event)


def _opened(record: Record, event: ev.CallOpened) -> None:
    record.agent, record.process = event.agent, event.process
    record.model = event.agent.models[0]
    record.attempts = 1


def _link_lost(record: Record, event: ev.LinkLost) -> None:
    record.state = fire(record.state, Trigger.LINK_LOST)
    record.missing.add(event.link)
    if event.link is Link.MODEL:
        record.attempts, record.model = event.attempt, event.model
        record.rotation_due, record.owed, record.session_changed = False, 0, True
        record.resumable = record.amnesic = False
        leave_session(record, event.fresh)
        if record.reply is not None:
            record.reply.orphaned = True
            if record.reply.playing and not record.reply.complete:
                record.reply.complete = record.reply.truncated = True


def _link_restored(record: Record, event: ev.LinkRestored) -> None:
    record.missing.discard(event.link)
    if not record.missing:
        record.session_changed = False
        record.state = fire(
            record.state,
            Trigger.RESTORED,
            voice_active=event.voice_active,
            audio_unplayed=event.audio_unplayed,
        )


def _open_answer(record: Record, event: ev.CandidateStarted | ev.BargeInConfirmed) -> None:
    record.turn = event.turn
    if event.turn not in record.untranscribed:
        record.untranscribed.append(event.turn)
    before = record.answer
    if before is None or before.turn != event.turn:
        record.earlier_sample = record.asked_sample
    record.history.candidate_began(event.turn)
    first_sample = before.first_sample if before is not None and before.turn == event.turn else event.from_sample
    record.answer = Answer(
        turn=event.turn, from_sample=event.from_sample, first_sample=first_sample, opened_at_us=event.at_us
    )


def _candidate_started(record: Record, event: ev.CandidateStarted) -> None:
    if record.state is not State.CANDIDATE_SPEAKING:  # after `restored` the floor is the candidate's already
        record.state = fire(record.state, Trigger.CANDIDATE_STARTED)
    _open_answer(record, event)


def _candidate_stopped(record: Record, event: ev.CandidateStopped) -> None:
    record.state = fire(record.state, Trigger.CANDIDATE_STOPPED)
    assert record.answer is not None
    record.answer.to_sample = record.asked_sample = event.to_sample
    record.eager = False
    record.answer.end_sample = event.end_sample
    record.answer.end_at_us, record.answer.stopped_at_us = event.end_at_us, event.at_us


def _reply_requested(record: Record, event: ev.ReplyRequested) -> None:
    record.generation, record.chose_silence = event.generation, False
    record.reply = Reply(event.generation, event.cause, event.turn, event.at_us, asked_sample=record.asked_sample)


def _reply_started(record: Record, event: ev.ReplyStarted) -> None:
    assert record.reply is not None
    record.reply.started, record.reply.started_at_us = True, event.at_us
    record.reply.first_model_sample = event.first_model_sample
    record.reply.ended = False  # what ended before its first audio was another turn
    if event.generation > record.forgotten:  # it answers what came after the answers to these calls
        record.tool_calls = [call for call in record.tool_calls if call.at_us > record.reply.requested_at_us]


def _reply_continued(record: Record, _: ev.ReplyContinued) -> None:
    assert record.reply is not None
    record.reply.complete = record.reply.ended = record.reply.truncated = False
    record.reply.ended_at_us = 0


def _let_reply_go(record: Record) -> None:
    if record.reply is not None and not record.reply.ended and not record.reply.orphaned:
        record.owed, record.owed_audio = record.reply.generation, not record.reply.complete
        record.owed_started, record.owed_asked_sample = record.reply.started, record.reply.asked_sample
    record.reply = None


def _reply_withdrawn(record: Record, event: ev.ReplyWithdrawn) -> None:
    if event.reason == "candidate_spoke_on":
        record.ending = False  # nobody heard the goodbye: the model may call the end again
    cut_before = record.unheard is not None and record.unheard.generation == event.generation
    if record.reply is not None and record.reply.started and not cut_before:
        record.unheard = Unheard(event.generation)
    _let_reply_go(record)


def _reply_cut(record: Record, event: ev.ReplyCut) -> None:
    record.unheard = Unheard(event.generation, event.heard_ms, event.heard_text)
    record.history.reply_cut(event.generation, event.heard_text)


def _history_corrected(record: Record, _: ev.HistoryCorrected) -> None:
    record.unheard = None


def _eager_end_tried(record: Record, event: ev.EagerEndTried) -> None:
    record.eager, record.asked_sample = True, event.to_sample


def _eager_end_withdrawn(record: Record, event: ev.EagerEndWithdrawn) -> None:
    record.eager = False
    assert record.answer is not None
    record.answer.opened_at_us = event.at_us  # its window opens once more, and the reply in vain may talk into it


def _model_started(record: Record, _: ev.ModelStarted) -> None:
    record.state = fire(record.state, Trigger.MODEL_STARTED)
    assert record.reply is not None
    record.reply.playing = True
    record.history.reply_began(record.reply.generation, record.reply.text)
    record.unheard = None  # of an older one, it is too late to speak
    if record.answer is not None and record.answer.to_sample is not None:
        record.answer.replied = True


def _model_finished(record: Record, _: ev.ModelFinished) -> None:
    record.state = fire(record.state, Trigger.MODEL_FINISHED)
    _let_reply_go(record)
    record.owed_audio = False  # it had its time to go on


def _barge_in_suspected(record: Record, event: ev.BargeInSuspected) -> None:
    record.state = fire(record.state, Trigger.BARGE_IN_SUSPECTED)
    record.suspicion = Suspicion(
        event.onset_sample, event.onset_at_us, event.at_us, event.evidence.get("at_sample", event.onset_sample)
    )


def _barge_in_dismissed(record: Record, _: ev.BargeInDismissed) -> None:
    record.state = fire(record.state, Trigger.BARGE_IN_DISMISSED)
    record.suspicion = None


def _barge_in_confirmed(record: Record, event: ev.BargeInConfirmed) -> None:
    by_model = event.reason == "model"
    record.state = fire(record.state, Trigger.MODEL_INTERRUPTED if by_model else Trigger.BARGE_IN_CONFIRMED)
    record.suspicion = None
    _let_reply_go(record)
    _open_answer(record, event)


def _model_transcribed(record: Record, event: inp.ModelTranscribed) -> None:
    if record.reply is not None and record.reply.generation == event.generation:
        record.reply.text += event.text
    record.history.reply_said(event.generation, event.text)


def _candidate_transcribed(record: Record, event: inp.CandidateTranscribed) -> None:
    # Of earlier turns nothing more will come; an interim text is replaced by a later one.
    awaited = event.turn if event.interim else event.turn + 1
    record.history.candidate_said(event.turn, event.text, interim=event.interim)
    record.untranscribed = [turn for turn in record.untranscribed if turn >= awaited]


def _generation_completed(record: Record, event: inp.GenerationCompleted) -> None:
    if record.reply is not None and record.reply.generation == event.generation:
        record.reply.complete, record.reply.truncated, record.reply.ended_at_us = True, False, 0
    elif record.owed == event.generation:
        record.owed_audio = False


def _interruption_reported(record: Record, event: inp.ModelInterruptionReported) -> None:
    if event.generation and record.owed == event.generation:
        record.owed_audio = record.owed_audio and record.owed_started  # what had begun may talk on until its end
    elif record.reply is not None and record.reply.started and not record.reply.complete:
        record.reply.truncated = True


def _model_turn_completed(record: Record, event: inp.ModelTurnCompleted) -> None:
    if event.generation == record.owed:
        if record.owed:
            record.known = Known(record.owed, max(record.known.sample, record.owed_asked_sample))
        record.owed = 0
        if record.owed_started:  # cut or heard to its end before Gemini thought so: either way it was a good session
            record.attempts = 0
    elif record.reply is not None and record.reply.generation == event.generation:
        record.owed = 0
        record.reply.ended = True
        record.known = Known(event.generation, max(record.known.sample, record.reply.asked_sample))
        if record.reply.started:  # a turn without audio proves nothing about the session
            record.reply.ended_at_us = 0 if record.reply.complete else event.at_us
            record.reply.complete = True
            record.attempts = 0
        elif event.waiting_for_input:
            record.chose_silence = record.reply.cause != "nudge"


def _client_connected(record: Record, _: inp.ClientConnected) -> None:
    record.clients += 1


def _muted(record: Record, event: inp.MicMuted | inp.MicUnmuted) -> None:
    record.muted = isinstance(event, inp.MicMuted)


def _ending(record: Record, _: ev.EndingAgreed) -> None:
    record.ending = True


def _closed(record: Record, event: ev.CallClosed) -> None:
    record.state = fire(record.state, Trigger.CLOSE)
    record.close_reason, record.close_detail = event.reason, event.detail
    record.reply = record.suspicion = record.unheard = None
    record.eager = False
    record.missing.clear()


def _settled(record: Record, _: ev.CallSettled) -> None:
    record.settled = True


def _hand_over_requested(record: Record, event: inp.HandOverRequested) -> None:
    record.leaving = event.reason


def _handed_over(record: Record, _: ev.CallHandedOver) -> None:
    record.handed_over, record.process = True, ""


def _taken_over(record: Record, event: inp.CallTakenOver) -> None:
    record.epoch, record.process = event.epoch, event.process
    record.takeovers.append((event.epoch, event.originator_version))
    record.leaving, record.handed_over = "", False


_AFTER_CLOSE = (_settled, _hand_over_requested, _handed_over, _taken_over)


_MEANINGS: dict[type[Event], Callable[[Record, Any], None]] = {
    ev.CallOpened: _opened,
    ev.LinkLost: _link_lost,
    ev.LinkRestored: _link_restored,
    ev.CandidateStarted: _candidate_started,
    ev.CandidateStopped: _candidate_stopped,
    ev.EagerEndTried: _eager_end_tried,
    ev.EagerEndWithdrawn: _eager_end_withdrawn,
    ev.ReplyCut: _reply_cut,
    ev.HistoryCorrected: _history_corrected,
    ev.ReplyRequested: _reply_requested,
    ev.ReplyStarted: _reply_started,
    ev.ReplyWithdrawn: _reply_withdrawn,
    ev.ReplyContinued: _reply_continued,
    ev.ModelStarted: _model_started,
    ev.ModelFinished: _model_finished,
    ev.BargeInSuspected: _barge_in_suspected,
    ev.BargeInDismissed: _barge_in_dismissed,
    ev.BargeInConfirmed: _barge_in_confirmed,
    ev.SessionAged: session_aged,
    ev.ModelMemoryVerified: memory_verified,
    ev.EndingAgreed: _ending,
    ev.CallClosed: _closed,
    ev.CallSettled: _settled,
    ev.CallHandedOver: _handed_over,
    inp.ModelTranscribed: _model_transcribed,
    inp.CandidateTranscribed: _candidate_transcribed,
    inp.GenerationCompleted: _generation_completed,
    inp.ModelInterruptionReported: _interruption_reported,
    inp.ModelTurnCompleted: _model_turn_completed,
    inp.ResumptionHandleIssued: handle_issued,
    inp.ClientConnected: _client_connected,
    inp.ModelConnected: model_connected,
    inp.MicMuted: _muted,
    inp.MicUnmuted: _muted,
    inp.GoAwayReceived: going_away,
    inp.ToolCallRequested: tool_called,
    inp.ToolCallsCancelled: tool_calls_cancelled,
    inp.UsageReported: usage_reported,
    inp.HandOverRequested: _hand_over_requested,
    inp.CallTakenOver: _taken_over,
}
