"""What events mean for the model's replies, awaited, heard and stale."""

from collections.abc import Callable

from msgspec.structs import replace

from domain import events as ev
from domain import inputs as inp
from domain.errors import BugError
from domain.event import Event
from domain.record.fold_table import FoldTable
from domain.record.record import MOST_STALE, Record
from domain.record.reply import Reply, StaleReply, UnheardReply
from domain.states import Trigger, fire

FOLDS = FoldTable()


def _reply_of(record: Record, event: Event) -> Reply:
    if record.reply is None:
        raise BugError(f"{event.TOPIC} needs a reply, and none was requested")
    return record.reply


def retire_reply(record: Record, reply: Reply | None, *, played_out: bool = False) -> Record:
    """`reply` is over for us. Unless Gemini has ended it, or its session is gone, it is stale from now on."""
    if reply is None or reply.ended or reply.session != record.session.number:
        return replace(record, reply=None)
    stale = StaleReply(
        generation=reply.generation,
        began=reply.has_audio,
        may_talk=not reply.complete and not played_out,
        asked_sample=reply.asked_sample,
    )
    return replace(record, reply=None, stale=(*record.stale, stale)[-MOST_STALE:])


@FOLDS.of(ev.ReplyRequested)
def _reply_requested(record: Record, event: ev.ReplyRequested) -> Record:
    reply = Reply(
        generation=event.generation,
        cause=event.cause,
        turn=event.turn,
        requested_at_us=event.at_us,
        asked_sample=record.asked_sample,
        session=record.session.number,
    )
    return replace(record, generation=event.generation, reply=reply, chose_silence=False)


@FOLDS.of(ev.ReplyStarted)
def _reply_started(record: Record, event: ev.ReplyStarted) -> Record:
    reply = _reply_of(record, event)
    session = record.session
    if event.generation > session.began_after:
        session = session.replied_after(reply.requested_at_us)
    return replace(record, reply=reply.started(event.at_us, event.first_model_sample), session=session)


@FOLDS.of(ev.ReplyContinued)
def _reply_continued(record: Record, event: ev.ReplyContinued) -> Record:
    reply = _reply_of(record, event)
    return replace(record, reply=reply.continued())


@FOLDS.of(ev.ReplyWithdrawn)
def _reply_withdrawn(record: Record, event: ev.ReplyWithdrawn) -> Record:
    reply, unheard = record.reply, record.unheard
    cut_before = unheard is not None and unheard.generation == event.generation
    if reply is not None and reply.has_audio and not cut_before:
        unheard = UnheardReply(generation=event.generation)
    silent = event.reason == "model_chose_silence" and reply is not None and reply.cause != "nudge"
    # Nobody heard a goodbye that is withdrawn: the model may call the end again.
    end_agreed = record.end_agreed and event.reason != "candidate_spoke_on"
    gone = replace(record, reply=None, unheard=unheard, end_agreed=end_agreed, chose_silence=silent)
    return retire_reply(gone, reply)


@FOLDS.of(ev.ReplyCut)
def _reply_cut(record: Record, event: ev.ReplyCut) -> Record:
    unheard = UnheardReply(generation=event.generation, heard_ms=event.heard_ms, heard_text=event.heard_text)
    return replace(record, unheard=unheard)


@FOLDS.of(ev.HistoryCorrected)
def _history_corrected(record: Record, _: ev.HistoryCorrected) -> Record:
    return replace(record, unheard=None)


@FOLDS.of(ev.ModelStarted)
def _model_started(record: Record, event: ev.ModelStarted) -> Record:
    reply = _reply_of(record, event)
    return replace(
        record,
        state=fire(record.state, Trigger.MODEL_STARTED),
        reply=reply.played(),
        newest_reply=reply.generation,
        unheard=None,  # of an older one, it is too late to speak
        answer=record.answer.replied_to() if record.answer is not None else None,
    )


@FOLDS.of(ev.ModelFinished)
def _model_finished(record: Record, _: ev.ModelFinished) -> Record:
    finished = replace(record, state=fire(record.state, Trigger.MODEL_FINISHED), reply=None)
    return retire_reply(finished, record.reply, played_out=True)  # it had its time to go on


def _with_stale(record: Record, generation: int, change: Callable[[StaleReply], StaleReply]) -> Record:
    stale = tuple(change(reply) if reply.generation == generation else reply for reply in record.stale)
    return replace(record, stale=stale)


@FOLDS.of(inp.ModelTranscribed)
def _model_transcribed(record: Record, event: inp.ModelTranscribed) -> Record:
    if record.reply is None or record.reply.generation != event.generation:
        return record
    return replace(record, reply=record.reply.said(event.text))


@FOLDS.of(inp.GenerationCompleted)
def _generation_completed(record: Record, event: inp.GenerationCompleted) -> Record:
    if record.reply is not None and record.reply.generation == event.generation:
        return replace(record, reply=record.reply.completed())
    return _with_stale(record, event.generation, StaleReply.completed)


@FOLDS.of(inp.ModelInterruptionReported)
def _interruption_reported(record: Record, event: inp.ModelInterruptionReported) -> Record:
    if any(reply.generation == event.generation for reply in record.stale):
        return _with_stale(record, event.generation, StaleReply.interrupted)
    return record if record.reply is None else replace(record, reply=record.reply.interrupted())


@FOLDS.of(inp.ModelTurnCompleted)
def _model_turn_completed(record: Record, event: inp.ModelTurnCompleted) -> Record:
    """Gemini goes in order: with a reply, all older ones are ended."""
    reply = record.reply
    stale = tuple(older for older in record.stale if older.generation > event.generation)
    ended = next((older for older in record.stale if older.generation == event.generation), None)
    session = record.session
    if ended is not None:
        session = session.learned(ended.generation, ended.asked_sample)
        good = ended.began  # cut, or heard to its end before Gemini thought so: the session is good either way
    elif reply is not None and reply.generation == event.generation:
        session = session.learned(reply.generation, reply.asked_sample)
        good = reply.has_audio  # a turn without audio proves nothing about the session
        reply, stale = reply.turn_ended(event.at_us), ()
    else:
        return record
    return replace(record, reply=reply, stale=stale, session=session.proved_good() if good else session)


@FOLDS.of(ev.EndingAgreed)
def _ending_agreed(record: Record, _: ev.EndingAgreed) -> Record:
    return replace(record, end_agreed=True)
