"""One row a call: who, with which agent, how it stands and how it ended, and what can be counted
about it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from domain import events as ev
from domain import inputs as inp
from domain.event import Event
from domain.ports import Notification
from domain.states import State
from projections.connection import Connection
from projections.read_model import ReadModel, UnexpectedEventError, changed, storable
from projections.token_usage import token_counts

_OPEN = """
INSERT INTO calls (
    call_id, tenant, agent, candidate_reference, candidate_name, role, language, opened_at, state, last_version
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""
_ADD_ROUND_TRIP = """
INSERT INTO calls_round_trips (call_id, tenant, version, round_trip_us)
VALUES ($1, (SELECT tenant FROM calls WHERE call_id = $1), $2, $3)
"""
_ADD_TOKENS = """
INSERT INTO calls_token_usage AS sums (call_id, tenant, kind, modality, tokens)
SELECT $1, (SELECT tenant FROM calls WHERE call_id = $1), kind, modality, tokens
FROM unnest($2::text[], $3::text[], $4::bigint[]) AS added (kind, modality, tokens)
ON CONFLICT (call_id, kind, modality) DO UPDATE SET tokens = sums.tokens + excluded.tokens
"""

_SETTLE = """
UPDATE calls SET last_version = settled.version
FROM unnest($1::uuid[], $2::bigint[]) AS settled (call_id, version) WHERE calls.call_id = settled.call_id
"""
# While a link is missing a call stays in `resuming`, whatever else is decided; only `restored` and
# the end leave it.
_MOVE = "state = CASE WHEN state = 'closed' OR (state = 'resuming' AND NOT $3) THEN state ELSE $2 END"
_SPEAK = f"turns = greatest(turns, $4), {_MOVE}"
_CLOSE = f"closed_reason = $4, closed_detail = $5, closed_at_us = $6, {_MOVE}"

_KINDS: tuple[type[Event], ...] = (
    ev.CallOpened,
    ev.CallClosed,
    ev.LinkLost,
    ev.LinkRestored,
    ev.CandidateStarted,
    ev.CandidateStopped,
    ev.ModelStarted,
    ev.ModelFinished,
    ev.BargeInSuspected,
    ev.BargeInConfirmed,
    ev.BargeInDismissed,
    inp.ModelConnected,
    inp.ModelLost,
    inp.ClientLost,
    inp.RoundTripMeasured,
    inp.UsageReported,
)


class Calls(ReadModel):
    """The table of calls."""

    name = "calls"
    tables = ("calls", "calls_round_trips", "calls_token_usage")
    topics = frozenset(kind.TOPIC for kind in _KINDS)

    async def apply(self, connection: Connection, notification: Notification, event: Event) -> None:
        call_id, version = notification.originator_id, notification.originator_version
        match event:
            case ev.CallOpened():
                await _open(connection, call_id, version, event)
                return
            case inp.RoundTripMeasured():
                await connection.execute(_ADD_ROUND_TRIP, call_id, version, event.round_trip_us)
            case inp.UsageReported():
                await _add_tokens(connection, call_id, token_counts(event.usage))
        assignments, values = _changes(event)
        if assignments:
            statement = f"UPDATE calls SET {assignments} WHERE call_id = $1"  # noqa: S608 - of constants of this file
            if not changed(await connection.execute(statement, call_id, *values)):
                raise UnexpectedEventError("the call was never opened: its first event is not in the log before this")

    async def settle(self, connection: Connection, versions: Mapping[Any, int]) -> None:
        await connection.execute(_SETTLE, list(versions), list(versions.values()))


async def _open(connection: Connection, call_id: Any, version: int, event: ev.CallOpened) -> None:
    await connection.execute(
        _OPEN,
        call_id,
        event.tenant,
        event.agent.id,
        storable(event.candidate.reference),
        storable(event.candidate.name),
        storable(event.context.role),
        event.context.language,
        wall_time(event.opened_at),
        State.RESUMING.value,
        version,
    )


async def _add_tokens(connection: Connection, call_id: Any, counts: dict[tuple[str, str], int]) -> None:
    kinds, modalities = [kind for kind, _ in counts], [modality for _, modality in counts]
    await connection.execute(_ADD_TOKENS, call_id, kinds, modalities, list(counts.values()))


def _changes(event: Event) -> tuple[str, tuple[Any, ...]]:
    """What `event` assigns in the row of its call, and the values from $2 on."""
    match event:
        case ev.CallClosed(reason=reason, detail=detail, at_us=at_us):
            return _CLOSE, (State.CLOSED.value, True, reason, storable(detail), at_us)
        case ev.CandidateStarted(turn=turn):
            return _SPEAK, (State.CANDIDATE_SPEAKING.value, False, turn)
        case ev.BargeInConfirmed(turn=turn):
            confirmed = f"barge_ins_confirmed = barge_ins_confirmed + 1, {_SPEAK}"
            return confirmed, (State.CANDIDATE_SPEAKING.value, False, turn)
        case ev.BargeInDismissed():
            return f"barge_ins_dismissed = barge_ins_dismissed + 1, {_MOVE}", (State.MODEL_SPEAKING.value, False)
        case inp.ModelConnected(model=model):
            return "model = $2", (model,)
        case inp.ClientLost():
            return "client_losses = client_losses + 1", ()
        case inp.ModelLost():
            return "model_losses = model_losses + 1", ()
    target = state_after(event)
    if target is None:
        return "", ()
    return _MOVE, (target.value, isinstance(event, ev.LinkLost | ev.LinkRestored))


def state_after(event: Event) -> State | None:
    """The state a call is in after `event`; None if it moves nothing."""
    match event:
        case ev.LinkLost():
            return State.RESUMING
        case ev.LinkRestored(missing=missing):
            return None if missing else _restored(event)
        case ev.CandidateStopped() | ev.ModelFinished():
            return State.LISTENING
        case ev.ModelStarted():
            return State.MODEL_SPEAKING
        case ev.BargeInSuspected():
            return State.INTERRUPTED
        case _:
            return None


def _restored(event: ev.LinkRestored) -> State:
    if event.voice_active:
        return State.CANDIDATE_SPEAKING
    return State.MODEL_SPEAKING if event.audio_unplayed else State.LISTENING


def wall_time(text: str) -> datetime:
    """An ISO 8601 time; UTC where it does not say."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
