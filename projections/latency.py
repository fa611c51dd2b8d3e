"""How long everybody waited: a row for each reply, and one for each barge-in.

Rows hold moments on the call's own clock; the views subtract them, under the names of the measures.
A reply is measured against the end of the last stretch of the answer that it replies to.
"""

# ruff: noqa: S608 - statements are composed of constants of this file only

from collections.abc import Awaitable, Callable
from typing import Any

from domain import events as ev
from domain.event import Event
from domain.ports import Notification
from projections.calls import wall_time
from projections.connection import Connection
from projections.read_model import ReadModel, UnexpectedEventError, changed

_OPEN = "INSERT INTO latency_calls (call_id, tenant, agent, opened_at) VALUES ($1, $2, $3, $4)"
_TENANT = "(SELECT tenant FROM latency_calls WHERE call_id = $1)"
_STOP_ANSWER = f"""
INSERT INTO latency_answers (call_id, tenant, turn, end_at_us, decided_at_us)
VALUES ($1, {_TENANT}, $2, $3, $4)
ON CONFLICT (call_id, turn) DO UPDATE SET end_at_us = excluded.end_at_us, decided_at_us = excluded.decided_at_us
"""
_REQUEST_REPLY = f"""
INSERT INTO latency_replies (call_id, tenant, generation, turn, cause, requested_at_us)
VALUES ($1, {_TENANT}, $2, $3, $4, $5)
"""
_REPLY = "WHERE call_id = $1 AND generation = $2"
_START_REPLY = f"UPDATE latency_replies SET first_audio_at_us = $3 {_REPLY}"
_PLAY_REPLY = f"UPDATE latency_replies SET played_at_us = $3 {_REPLY}"
_CANCEL_REPLY = f"UPDATE latency_replies SET cancelled = played_at_us IS NULL {_REPLY}"
_SUSPECT = f"""
INSERT INTO latency_barge_ins (call_id, tenant, version, generation, onset_at_us, suspected_at_us)
VALUES ($1, {_TENANT}, $2, $3, $4, $5)
"""
_OPEN_SUSPICION = "WHERE call_id = $1 AND outcome IS NULL"
_CONFIRM = f"""
UPDATE latency_barge_ins SET outcome = 'confirmed', decided_at_us = $2, reason = $3, turn = $4, onset_at_us = $5
{_OPEN_SUSPICION}
"""
_CONFIRM_AT_ONCE = f"""
INSERT INTO latency_barge_ins (
    call_id, tenant, version, generation, onset_at_us, outcome, decided_at_us, reason, turn
) VALUES ($1, {_TENANT}, $2, $3, $4, 'confirmed', $5, $6, $7)
"""
_DISMISS = f"""
UPDATE latency_barge_ins SET outcome = 'dismissed', decided_at_us = $2, reason = $3, held_ms = $4 {_OPEN_SUSPICION}
"""


async def _opened(connection: Connection, at: Notification, event: ev.CallOpened) -> str:
    opened_at = wall_time(event.opened_at)
    return await connection.execute(_OPEN, at.originator_id, event.tenant, event.agent.id, opened_at)


async def _candidate_stopped(connection: Connection, at: Notification, event: ev.CandidateStopped) -> str:
    return await connection.execute(_STOP_ANSWER, at.originator_id, event.turn, event.end_at_us, event.at_us)


async def _reply_requested(connection: Connection, at: Notification, event: ev.ReplyRequested) -> str:
    return await connection.execute(
        _REQUEST_REPLY, at.originator_id, event.generation, event.turn, event.cause, event.at_us
    )


async def _reply_started(connection: Connection, at: Notification, event: ev.ReplyStarted) -> str:
    return await connection.execute(_START_REPLY, at.originator_id, event.generation, event.at_us)


async def _model_started(connection: Connection, at: Notification, event: ev.ModelStarted) -> str:
    return await connection.execute(_PLAY_REPLY, at.originator_id, event.generation, event.played_at_us)


async def _reply_withdrawn(connection: Connection, at: Notification, event: ev.ReplyWithdrawn) -> str:
    return await connection.execute(_CANCEL_REPLY, at.originator_id, event.generation)


async def _barge_in_suspected(connection: Connection, at: Notification, event: ev.BargeInSuspected) -> str:
    return await connection.execute(
        _SUSPECT, at.originator_id, at.originator_version, event.generation, event.onset_at_us, event.at_us
    )


async def _barge_in_confirmed(connection: Connection, at: Notification, event: ev.BargeInConfirmed) -> str:
    """Where Gemini decides turns, nothing was suspected before."""
    tag = await connection.execute(_CONFIRM, at.originator_id, event.at_us, event.reason, event.turn, event.onset_at_us)
    if changed(tag):
        return tag
    return await connection.execute(
        _CONFIRM_AT_ONCE,
        at.originator_id,
        at.originator_version,
        event.generation,
        event.onset_at_us,
        event.at_us,
        event.reason,
        event.turn,
    )


async def _barge_in_dismissed(connection: Connection, at: Notification, event: ev.BargeInDismissed) -> str:
    return await connection.execute(_DISMISS, at.originator_id, event.at_us, event.reason, event.held_ms)


_HANDLERS: dict[type[Event], Callable[[Connection, Notification, Any], Awaitable[str]]] = {
    ev.CallOpened: _opened,
    ev.CandidateStopped: _candidate_stopped,
    ev.ReplyRequested: _reply_requested,
    ev.ReplyStarted: _reply_started,
    ev.ModelStarted: _model_started,
    ev.ReplyWithdrawn: _reply_withdrawn,
    ev.BargeInSuspected: _barge_in_suspected,
    ev.BargeInConfirmed: _barge_in_confirmed,
    ev.BargeInDismissed: _barge_in_dismissed,
}


class Latency(ReadModel):
    """Replies and barge-ins with their moments."""

    name = "latency"
    tables = ("latency_calls", "latency_answers", "latency_replies", "latency_barge_ins")
    topics = frozenset(kind.TOPIC for kind in _HANDLERS)

    async def apply(self, connection: Connection, notification: Notification, event: Event) -> None:
        if not changed(await _HANDLERS[type(event)](connection, notification, event)):
            raise UnexpectedEventError(f"{event.TOPIC} speaks of something that was never begun")
