"""Who said what: one line for each answer of the candidate and each reply of the interviewer.

Lines are ordered by (`turn`, `who`, `number`), never by arrival. The interviewer's replies carry
the turn that caused them, and "candidate" sorts before "interviewer": an answer stands before its
reply even where its transcript came last. The opening has turn 0.
"""

# ruff: noqa: S608 - statements are composed of constants of this file only

from collections.abc import Awaitable, Callable
from typing import Any

from domain import events as ev
from domain import inputs as inp
from domain.event import Event
from domain.ports import Notification
from projections.connection import Connection
from projections.read_model import ReadModel, UnexpectedEventError, changed, storable

_OPEN = "INSERT INTO transcript_calls (call_id, tenant) VALUES ($1, $2)"

_START_ANSWER = """
INSERT INTO transcript_lines AS line (call_id, tenant, who, number, turn, outcome, barge_in, started_at_us)
VALUES ($1, (SELECT tenant FROM transcript_calls WHERE call_id = $1), 'candidate', $2, $2, 'speaking', $3, $4)
ON CONFLICT (call_id, who, number) DO UPDATE SET
    outcome = 'speaking', ended_at_us = NULL, barge_in = line.barge_in OR excluded.barge_in,
    started_at_us = least(line.started_at_us, excluded.started_at_us)
"""
_STOP_ANSWER = """
UPDATE transcript_lines SET outcome = 'finished', ended_at_us = $3
WHERE call_id = $1 AND who = 'candidate' AND number = $2
"""
# An interim text stands until the next piece, final or not, replaces it.
_ADD_ANSWER_TEXT = """
INSERT INTO transcript_lines AS line (call_id, tenant, who, number, turn, outcome, text, interim_text)
VALUES ($1, (SELECT tenant FROM transcript_calls WHERE call_id = $1), 'candidate', $2, $2, 'pending', $3, $4)
ON CONFLICT (call_id, who, number) DO UPDATE SET
    text = line.text || excluded.text, interim_text = excluded.interim_text
"""

_REQUEST_REPLY = """
INSERT INTO transcript_lines (call_id, tenant, who, number, turn, outcome)
VALUES ($1, (SELECT tenant FROM transcript_calls WHERE call_id = $1), 'interviewer', $2, $3, 'pending')
ON CONFLICT (call_id, who, number) DO UPDATE SET turn = excluded.turn
"""
# Text that the core could attribute to no reply (number 0) is kept with the turn it arrived in.
_ADD_REPLY_TEXT = """
INSERT INTO transcript_lines AS line (call_id, tenant, who, number, turn, outcome, text)
VALUES ($1, (SELECT tenant FROM transcript_calls WHERE call_id = $1), 'interviewer', $2,
        coalesce((SELECT max(turn) FROM transcript_lines WHERE call_id = $1), 0),
        CASE WHEN $2 = 0 THEN 'unattributed' ELSE 'pending' END, $3)
ON CONFLICT (call_id, who, number) DO UPDATE SET text = line.text || excluded.text
"""
_REPLY = "WHERE call_id = $1 AND who = 'interviewer' AND number = $2"
_START_REPLY = f"UPDATE transcript_lines SET outcome = 'playing', started_at_us = $3 {_REPLY}"
_FINISH_REPLY = f"UPDATE transcript_lines SET outcome = 'finished', ended_at_us = $3 {_REPLY}"
# A reply that was cut is given up as well: what was heard of it stays.
_CANCEL_REPLY = f"""
UPDATE transcript_lines
SET outcome = CASE WHEN started_at_us IS NULL THEN 'cancelled' ELSE outcome END,
    ended_at_us = coalesce(ended_at_us, $3) {_REPLY}
"""
_CUT_REPLY = f"""
UPDATE transcript_lines
SET outcome = 'cut', interrupted = true, ended_at_us = $3, heard_ms = $4, heard_text = $5 {_REPLY}
"""
_CLOSE = """
UPDATE transcript_lines
SET ended_at_us = $2, outcome = CASE WHEN outcome = 'pending' THEN 'cancelled' ELSE 'call_ended' END
WHERE call_id = $1 AND ended_at_us IS NULL
  AND (outcome IN ('speaking', 'playing') OR (who = 'interviewer' AND outcome = 'pending'))
"""


async def _opened(connection: Connection, call: Any, event: ev.CallOpened) -> str:
    return await connection.execute(_OPEN, call, event.tenant)


async def _candidate_started(connection: Connection, call: Any, event: ev.CandidateStarted) -> str:
    return await connection.execute(_START_ANSWER, call, event.turn, False, event.onset_at_us)


async def _barge_in_confirmed(connection: Connection, call: Any, event: ev.BargeInConfirmed) -> str:
    """The interviewer is silent for good; if it was in the middle of something, `ReplyCut` says so
    next."""
    await connection.execute(_FINISH_REPLY, call, event.generation, event.at_us)
    return await connection.execute(_START_ANSWER, call, event.turn, True, event.onset_at_us)


async def _candidate_stopped(connection: Connection, call: Any, event: ev.CandidateStopped) -> str:
    return await connection.execute(_STOP_ANSWER, call, event.turn, event.end_at_us)


async def _candidate_transcribed(connection: Connection, call: Any, event: inp.CandidateTranscribed) -> str:
    text = storable(event.text)
    final, interim = ("", text) if event.interim else (text, "")
    return await connection.execute(_ADD_ANSWER_TEXT, call, event.turn, final, interim)


async def _reply_requested(connection: Connection, call: Any, event: ev.ReplyRequested) -> str:
    return await connection.execute(_REQUEST_REPLY, call, event.generation, event.turn)


async def _model_transcribed(connection: Connection, call: Any, event: inp.ModelTranscribed) -> str:
    return await connection.execute(_ADD_REPLY_TEXT, call, event.generation, storable(event.text))


async def _model_started(connection: Connection, call: Any, event: ev.ModelStarted) -> str:
    return await connection.execute(_START_REPLY, call, event.generation, event.played_at_us)


async def _model_finished(connection: Connection, call: Any, event: ev.ModelFinished) -> str:
    return await connection.execute(_FINISH_REPLY, call, event.generation, event.at_us)


async def _reply_withdrawn(connection: Connection, call: Any, event: ev.ReplyWithdrawn) -> str:
    return await connection.execute(_CANCEL_REPLY, call, event.generation, event.at_us)


async def _reply_cut(connection: Connection, call: Any, event: ev.ReplyCut) -> str:
    heard_text = storable(event.heard_text)
    return await connection.execute(_CUT_REPLY, call, event.generation, event.at_us, event.heard_ms, heard_text)


async def _closed(connection: Connection, call: Any, event: ev.CallClosed) -> None:
    await connection.execute(_CLOSE, call, event.at_us)


_HANDLERS: dict[type[Event], Callable[[Connection, Any, Any], Awaitable[str | None]]] = {
    ev.CallOpened: _opened,
    ev.CandidateStarted: _candidate_started,
    ev.BargeInConfirmed: _barge_in_confirmed,
    ev.CandidateStopped: _candidate_stopped,
    inp.CandidateTranscribed: _candidate_transcribed,
    ev.ReplyRequested: _reply_requested,
    inp.ModelTranscribed: _model_transcribed,
    ev.ModelStarted: _model_started,
    ev.ModelFinished: _model_finished,
    ev.ReplyWithdrawn: _reply_withdrawn,
    ev.ReplyCut: _reply_cut,
    ev.CallClosed: _closed,
}


class Transcript(ReadModel):
    """The lines of every call."""

    name = "transcript"
    tables = ("transcript_calls", "transcript_lines")
    topics = frozenset(kind.TOPIC for kind in _HANDLERS)

    async def apply(self, connection: Connection, notification: Notification, event: Event) -> None:
        tag = await _HANDLERS[type(event)](connection, notification.originator_id, event)
        if tag is not None and not changed(tag):
            raise UnexpectedEventError(f"{event.TOPIC} speaks of a line that was never begun")
