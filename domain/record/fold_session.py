"""What events mean for the model's session: what it knows, and by what the next one is dialled."""

from msgspec.structs import replace

from domain import events as ev
from domain import inputs as inp
from domain.models import prompt_tokens
from domain.record.fold_table import FoldTable
from domain.record.model_session import Knowledge, ToolCall
from domain.record.record import Record
from domain.states import Link

FOLDS = FoldTable()


def session_lost(record: Record, event: ev.LinkLost) -> Record:
    """The next session knows the history that its handle stands for, or the conversation that it is
    seeded with."""
    conversation = Knowledge(
        generation=record.generation if record.reply_is_here else record.newest_reply,
        sample=record.earlier_sample if record.answer_is_due else record.asked_sample,
    )
    session = record.session.lost(
        model=event.model, attempt=event.attempt, fresh=event.fresh, conversation=conversation
    )
    unheard = record.unheard
    if unheard is not None and (event.fresh or unheard.generation > session.knows.generation):
        unheard = None
    reply = record.reply.session_lost() if record.reply is not None else None
    return replace(record, session=session, unheard=unheard, reply=reply, stale=())


@FOLDS.of(inp.ModelConnected)
def _model_connected(record: Record, event: inp.ModelConnected) -> Record:
    if Link.MODEL not in record.missing:
        return record
    session = record.session.connected(
        at_us=event.at_us,
        generation=record.generation,
        resumed=event.resumed,
        seeded_characters=event.seeded_characters,
    )
    return replace(record, session=session)


@FOLDS.of(inp.ResumptionHandleIssued)
def _handle_issued(record: Record, event: inp.ResumptionHandleIssued) -> Record:
    session, reply = record.session, record.reply
    made = reply is not None and reply.has_audio and reply.complete
    if event.resumable and event.handle and reply is not None and made:  # it is not being made any more
        session = session.learned(reply.generation, reply.asked_sample)
    return replace(record, session=session.handle_issued(event.handle, resumable=event.resumable))


@FOLDS.of(inp.GoAwayReceived)
def _going_away(record: Record, _: inp.GoAwayReceived) -> Record:
    return record if Link.MODEL in record.missing else replace(record, session=record.session.going_away())


@FOLDS.of(ev.SessionAged)
def _session_aged(record: Record, _: ev.SessionAged) -> Record:
    return replace(record, session=record.session.going_away())


@FOLDS.of(ev.ModelHistoryVerified)
def _history_verified(record: Record, event: ev.ModelHistoryVerified) -> Record:
    return replace(record, session=record.session.verified(event.method, event.verdict))


@FOLDS.of(inp.ToolCallRequested)
def _tool_called(record: Record, event: inp.ToolCallRequested) -> Record:
    call = ToolCall(id=event.tool_call_id, name=event.name, at_us=event.at_us)
    return replace(record, session=record.session.tool_called(call))


@FOLDS.of(inp.ToolCallsCancelled)
def _tool_calls_cancelled(record: Record, event: inp.ToolCallsCancelled) -> Record:
    return replace(record, session=record.session.tool_calls_cancelled(event.tool_call_ids))


@FOLDS.of(inp.UsageReported)
def _usage_reported(record: Record, event: inp.UsageReported) -> Record:
    tokens = prompt_tokens(event.usage)
    return replace(record, session=record.session.billed(tokens)) if tokens else record
