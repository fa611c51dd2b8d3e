"""Reading calls over HTTP: the list, one call, its transcript, its latencies.

All of it comes from the views of the projections, which follow the log by some milliseconds: a call
that was opened just now may not be there yet. Every error has the body `{"code", "message"}`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, Protocol, TypeVar
from uuid import UUID

import msgspec
from litestar import Controller, Request, Response, get
from litestar.di import NamedDependency
from litestar.exceptions import ValidationException
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, QueryParameter, SkipValidation
from msgspec import Meta

from domain.errors import PeerError


class Pool(Protocol):
    """The part of an asyncpg pool that reading uses."""

    async def fetch(self, query: str, *args: Any) -> list[Any]:
        """All rows."""

    async def fetchrow(self, query: str, *args: Any) -> Any:
        """The first row, or None."""


class CallNotFoundError(PeerError):
    """There is no such call."""

    def __init__(self, call_id: FromPath[UUID]) -> None:
        super().__init__("call_not_found", f"there is no call {call_id}: take the id from GET /calls")


class ErrorBody(msgspec.Struct, frozen=True):
    code: Annotated[str, Meta(description="Stable, for programs.")]
    message: Annotated[str, Meta(description="For people: what to do.")]


class CallView(msgspec.Struct, frozen=True, kw_only=True):
    call_id: UUID
    tenant: str
    agent: Annotated[str, Meta(description="The id of the interviewer.")]
    candidate_reference: Annotated[str, Meta(description="The candidate's id in the system that opened the call.")]
    candidate_name: Annotated[str, Meta(description="Personal data.")]
    role: str
    language: Annotated[str, Meta(description="A BCP 47 tag.")]
    opened_at: Annotated[datetime, Meta(description="The zero of the call's clock, UTC.")]
    state: Annotated[
        Literal["listening", "candidate_speaking", "model_speaking", "interrupted", "resuming", "closed"],
        Meta(description="The state of the call now."),
    ]
    closed_reason: Annotated[str | None, Meta(description="Why it ended, for programs; null while it is open.")]
    closed_detail: Annotated[str | None, Meta(description="Why it ended, for people; null while it is open.")]
    duration_ms: Annotated[float | None, Meta(description="From opening to closing; null while it is open.")]
    turns: Annotated[int, Meta(description="Answers of the candidate.")]
    barge_ins_confirmed: Annotated[int, Meta(description="Times the candidate interrupted the interviewer.")]
    barge_ins_dismissed: Annotated[int, Meta(description='Times playback was held for a cough or an "uh-huh".')]
    model: Annotated[str | None, Meta(description="The Gemini model connected last; null before the first.")]
    tokens: Annotated[
        dict[str, dict[str, int]],
        Meta(description="Billed tokens, by kind (prompt, response, ...; cached is part of prompt) and modality."),
    ]
    round_trip_p50_ms: Annotated[float | None, Meta(description="Median network round trip; null if unmeasured.")]
    client_losses: Annotated[int, Meta(description="Connections of the client that ended without a hangup.")]
    model_losses: Annotated[int, Meta(description="Gemini sessions that ended, and dials that failed.")]
    last_version: Annotated[int, Meta(description="The version of the newest event that is counted here.")]


class CallPage(msgspec.Struct, frozen=True):
    calls: Annotated[list[CallView], Meta(description="Newest first.")]
    next_before: Annotated[
        UUID | None, Meta(description="Ask with `before` set to this for older calls; null at the end.")
    ]


class LineView(msgspec.Struct, frozen=True, kw_only=True):
    turn: Annotated[int, Meta(description="The candidate's answer; a reply has the turn it replies to, the opening 0.")]
    who: Literal["candidate", "interviewer"]
    number: Annotated[int, Meta(description="The turn, or for the interviewer the generation; 0 if it is not known.")]
    said: Annotated[str, Meta(description="Personal data. The text; of a cut reply only what was heard, estimated.")]
    full_text: Annotated[str, Meta(description="Personal data. All that was transcribed, heard or not.")]
    provisional: Annotated[bool, Meta(description="Whether the text ends in an interim transcript.")]
    started_at_ms: Annotated[float | None, Meta(description="Onset, or first sample played, on the call's clock.")]
    ended_at_ms: Annotated[float | None, Meta(description="End of the voice or of playback; null while it lasts.")]
    outcome: Annotated[str, Meta(description="speaking, playing, finished, cut, call_ended, pending, unattributed.")]
    interrupted: Annotated[bool, Meta(description="Whether this reply was cut off while it was heard.")]
    heard_ms: Annotated[int | None, Meta(description="How much of a cut reply was played; null for others.")]
    barge_in: Annotated[bool, Meta(description="Whether this answer began by interrupting the interviewer.")]


class TranscriptView(msgspec.Struct, frozen=True):
    call_id: UUID
    lines: Annotated[list[LineView], Meta(description="In the order of the conversation.")]


class ReplyView(msgspec.Struct, frozen=True, kw_only=True):
    generation: Annotated[int, Meta(description="The number of the reply.")]
    turn: Annotated[int, Meta(description="The answer it replies to; 0 for the opening.")]
    cause: Literal["opening", "answer", "nudge", "resent", "unprompted"]
    cancelled: Annotated[bool, Meta(description="Whether it was given up before anything of it was heard.")]
    played_at_ms: Annotated[float | None, Meta(description="First sample played, on the call's clock; null if none.")]
    endpoint_delay_ms: Annotated[float | None, Meta(description="End of speech to the decision that the turn is over.")]
    model_first_audio_ms: Annotated[float | None, Meta(description="That decision to the model's first audio.")]
    playout_ms: Annotated[float | None, Meta(description="First audio received to first sample played.")]
    response_latency_ms: Annotated[float | None, Meta(description="End of speech to first sample played: the sum.")]


class BargeInView(msgspec.Struct, frozen=True, kw_only=True):
    generation: Annotated[int, Meta(description="The reply that was spoken over.")]
    turn: Annotated[int | None, Meta(description="The answer that a confirmed one began; null for others.")]
    onset_at_ms: Annotated[float, Meta(description="Start of the voice, on the call's clock.")]
    outcome: Literal["confirmed", "dismissed", "undecided"]
    reason: Annotated[str | None, Meta(description="What decided it; null while undecided.")]
    hold_latency_ms: Annotated[float | None, Meta(description="Onset to holding playback; null if it was not held.")]
    yield_latency_ms: Annotated[float | None, Meta(description="Onset to confirmation; null unless confirmed.")]
    confirm_delay_ms: Annotated[float | None, Meta(description="Onset to the decision, either way.")]
    held_time_ms: Annotated[float | None, Meta(description="How long playback was held; null unless dismissed.")]


class LatencyView(msgspec.Struct, frozen=True):
    call_id: UUID
    replies: list[ReplyView]
    barge_ins: list[BargeInView]


View = TypeVar("View", bound=msgspec.Struct)

_CALL = "SELECT * FROM viva_calls WHERE call_id = $1"
_NEWEST = "SELECT * FROM viva_calls ORDER BY opened_at DESC, call_id DESC LIMIT $1"
_OLDER = """
SELECT * FROM viva_calls WHERE (opened_at, call_id) < ($2, $3) ORDER BY opened_at DESC, call_id DESC LIMIT $1
"""
_LINES = "SELECT * FROM viva_transcript WHERE call_id = $1 ORDER BY turn, who, number"
_REPLIES = "SELECT * FROM viva_latency WHERE call_id = $1 ORDER BY generation"
_BARGE_INS = "SELECT * FROM viva_barge_ins WHERE call_id = $1 ORDER BY onset_at_ms"

InjectedPool = NamedDependency[SkipValidation[Pool]]
_NOT_FOUND = {404: ResponseSpec(data_container=ErrorBody, description="There is no such call.")}


def answer_not_found(_: Request[Any, Any, Any], error: CallNotFoundError) -> Response[ErrorBody]:
    """404 with the typed body."""
    return Response(ErrorBody(error.code, error.message), status_code=404)


def answer_invalid(_: Request[Any, Any, Any], error: ValidationException) -> Response[ErrorBody]:
    """400 with the typed body, naming the parameter."""
    complaints = error.extra if isinstance(error.extra, list) else []
    named = "; ".join(f"{each.get('key')}: {each.get('message')}" for each in complaints if isinstance(each, dict))
    return Response(ErrorBody("invalid_parameter", named or error.detail), status_code=400)


class ReadingController(Controller):
    """The read endpoints. They take an asyncpg pool from the dependency named `pool`."""

    path = "/calls"
    tags = ("calls",)
    exception_handlers = {CallNotFoundError: answer_not_found, ValidationException: answer_invalid}  # noqa: RUF012

    @get("/", summary="List calls, newest first", responses=_NOT_FOUND)
    async def list_calls(
        self,
        pool: InjectedPool,
        before: Annotated[UUID | None, QueryParameter(description="Only calls older than this one.")] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=200, description="How many at most.")] = 50,
    ) -> CallPage:
        if before is None:
            rows = await pool.fetch(_NEWEST, limit + 1)
        else:
            rows = await pool.fetch(_OLDER, limit + 1, (await _call(pool, before)).opened_at, before)
        calls = [_call_view(row) for row in rows[:limit]]
        return CallPage(calls, calls[-1].call_id if len(rows) > limit else None)

    @get("/{call_id:uuid}", summary="One call", responses=_NOT_FOUND)
    async def read_call(self, pool: InjectedPool, call_id: FromPath[UUID]) -> CallView:
        return await _call(pool, call_id)

    @get("/{call_id:uuid}/transcript", summary="What was said and heard", responses=_NOT_FOUND)
    async def read_transcript(self, pool: InjectedPool, call_id: FromPath[UUID]) -> TranscriptView:
        await _call(pool, call_id)
        return TranscriptView(call_id, _views(LineView, await pool.fetch(_LINES, call_id)))

    @get("/{call_id:uuid}/latency", summary="How long everybody waited", responses=_NOT_FOUND)
    async def read_latency(self, pool: InjectedPool, call_id: FromPath[UUID]) -> LatencyView:
        await _call(pool, call_id)
        replies = _views(ReplyView, await pool.fetch(_REPLIES, call_id))
        return LatencyView(call_id, replies, _views(BargeInView, await pool.fetch(_BARGE_INS, call_id)))


async def _call(pool: Pool, call_id: FromPath[UUID]) -> CallView:
    row = await pool.fetchrow(_CALL, call_id)
    if row is None:
        raise CallNotFoundError(call_id)
    return _call_view(row)


def _call_view(row: Any) -> CallView:
    fields = dict(row)
    # asyncpg gives JSON as text, and a UUID class of its own that msgspec does not take.
    fields |= {"call_id": UUID(int=row["call_id"].int), "tokens": msgspec.json.decode(row["tokens"])}
    return msgspec.convert(fields, CallView)


def _views(kind: type[View], rows: Sequence[Any]) -> list[View]:
    names = kind.__struct_fields__
    return [msgspec.convert({name: row[name] for name in names}, kind) for row in rows]
