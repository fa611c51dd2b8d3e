"""What effects say to the client, as messages of `viva.v1`."""

from typing import Any, assert_never
from uuid import UUID

from api.wire.protocol import MAX_AUDIO_BYTES
from api.wire.tokens import Token
from domain import effects as fx
from domain.sound.rates import MODEL_RATE_HZ

PlainMessage = (
    fx.TellState
    | fx.TellTranscript
    | fx.TellLatency
    | fx.TellError
    | fx.HoldPlayback
    | fx.ReleasePlayback
    | fx.FlushPlayback
)


def message_of(effect: PlainMessage) -> dict[str, Any]:
    """The control message for an effect, without its `version`."""
    match effect:
        case fx.TellState(state, missing):
            return {"type": "state", "state": state, "missing": missing}
        case fx.TellTranscript(version, side, number, turn, text, interim):
            said = {"version": version, "who": side, "number": number, "turn": turn, "text": text, "interim": interim}
            return {"type": "transcript"} | said
        case fx.TellLatency():
            return {"type": "latency", **effect._asdict()}
        case fx.TellError(code, message):
            return complaint(code, message)
        case fx.HoldPlayback():
            return {"type": "hold"}
        case fx.ReleasePlayback():
            return {"type": "release"}
        case fx.FlushPlayback():
            return {"type": "flush"}
        case _:
            assert_never(effect)


def complaint(code: str, message: str) -> dict[str, Any]:
    """A fatal error message."""
    return {"type": "error", "code": code, "message": message, "fatal": True}


def ready_message(
    effect: fx.TellReady, call_id: UUID, token: Token, next_seq: int, ping_interval_ms: int
) -> dict[str, Any]:
    """The answer to a hello: how the call stands, and what is this connection's."""
    return {
        "type": "ready",
        "call_id": str(call_id),
        "resumed": effect.resumed,
        "token": token.text,
        "token_expires_at": token.expires,
        "epoch": effect.epoch,
        "kept_version": effect.kept_version,
        "next_seq": next_seq,
        "state": effect.state,
        "missing": effect.missing,
        "muted": effect.muted,
        "held": effect.held,
        "rate_hz": MODEL_RATE_HZ,
        "lead_ms": effect.lead_ms,
        "report_ms": effect.lead_ms // 2,
        "ping_interval_ms": ping_interval_ms,
        "silence_ms": effect.silence_ms,
        "max_message_bytes": MAX_AUDIO_BYTES,
        "resume_wait_ms": effect.resume_wait_ms,
    }


def closed_message(effect: fx.TellClosed, *, durable: bool) -> dict[str, Any]:
    """The call is over; `durable`: and that is stored."""
    return {
        "type": "closed",
        "reason": effect.reason,
        "detail": effect.detail,
        "grace_ms": effect.grace_ms,
        "durable": durable,
    }
