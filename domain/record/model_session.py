"""What the newest Gemini session knows, and by what the next one would: the part of the fold that
is about sessions."""

from domain import events as ev
from domain import inputs as inp
from domain.models import prompt_tokens
from domain.record.record import Known, Record, ToolCall
from domain.states import Link


def leave_session(record: Record, fresh: bool) -> None:
    """What the next session will know: what the handle stands for, or what it is told of the
    history."""
    if fresh:
        record.handle, record.unheard = "", None
        record.tool_calls.clear()
        here = record.reply is not None and record.reply_is_here
        generation = record.generation if here else record.history.newest_reply
        record.known = Known(generation, record.earlier_sample if record.answer_is_due else record.asked_sample)
    else:
        record.known = Known(record.held.generation, record.held.sample)
        record.tool_calls = [call for call in record.tool_calls if call.held]
        if record.unheard is not None and record.unheard.generation > record.held.generation:
            record.unheard = None
    record.remembered = record.known.generation


def handle_issued(record: Record, event: inp.ResumptionHandleIssued) -> None:
    record.resumable = event.resumable and bool(event.handle)
    if record.resumable:  # an empty handle must never overwrite a good one
        record.handle = event.handle
        if record.reply is not None and record.reply.started and record.reply.complete:  # it is not being made any more
            record.known = Known(record.reply.generation, max(record.known.sample, record.reply.asked_sample))
        record.held = Known(record.known.generation, record.known.sample)
        for call in record.tool_calls:
            call.held = True


def model_connected(record: Record, event: inp.ModelConnected) -> None:
    if Link.MODEL in record.missing:
        record.connected_at_us = event.at_us
        record.forgotten = record.generation
        record.resumable = event.resumed and bool(record.handle)
        record.prompt_tokens_before = record.prompt_tokens
        record.restored_by = "handle" if event.resumed else "seed" if event.seeded else ""
        if not record.restored_by:
            record.known, record.remembered = Known(), 0


def going_away(record: Record, _: inp.GoAwayReceived) -> None:
    record.rotation_due = Link.MODEL not in record.missing


def session_aged(record: Record, _: ev.SessionAged) -> None:
    record.rotation_due = True


def tool_called(record: Record, event: inp.ToolCallRequested) -> None:
    record.tool_calls.append(ToolCall(event.tool_call_id, event.name, event.at_us))


def tool_calls_cancelled(record: Record, event: inp.ToolCallsCancelled) -> None:
    record.tool_calls = [call for call in record.tool_calls if call.id not in event.tool_call_ids]


def usage_reported(record: Record, event: inp.UsageReported) -> None:
    tokens = prompt_tokens(event.usage)
    if tokens:
        record.prompt_tokens = tokens
        record.first_prompt_tokens = record.first_prompt_tokens or tokens


def memory_verified(record: Record, event: ev.ModelMemoryVerified) -> None:
    record.restored_by = ""
    if event.verdict == "lost" and event.method == "handle":
        record.amnesic = record.rotation_due = True
