"""What both ends are told when they are connected to a call: the client in `ready`, Gemini in its
set-up."""

from typing import Any

from adapters.gemini.live_setup import LiveSetup
from api.wire import protocol
from api.wire.tokens import Token
from domain.call import Call
from domain.events import CallOpened
from domain.interview import system_instruction
from domain.policy import MODEL_RATE_HZ


def ready_message(call: Call, next_seq: int, token: Token, ping_interval_ms: int, kept: int) -> dict[str, Any]:
    """The answer to a hello, without its `version`; `kept` is up to where what the client was told
    still holds."""
    record, policy = call.record, call.policy
    return {
        "type": "ready",
        "call_id": str(call.id),
        "resumed": record.clients > 1,
        "token": token.text,
        "token_expires_at": token.expires,
        "epoch": record.epoch,
        "kept_version": kept,
        "next_seq": next_seq,
        "state": record.state,
        "missing": sorted(record.missing),
        "muted": record.muted,
        "held": call.playout.held,
        "rate_hz": MODEL_RATE_HZ,
        "lead_ms": policy.playout.lead_ms,
        "report_ms": policy.playout.lead_ms // 2,
        "ping_interval_ms": ping_interval_ms,
        "silence_ms": policy.links.silence_ms,
        "max_message_bytes": protocol.MAX_AUDIO_BYTES,
        "resume_wait_ms": policy.links.resume_wait_ms,
    }


def live_setup(opened: CallOpened) -> LiveSetup:
    """How the interviewer's session is set up for a call."""
    return LiveSetup(
        instruction=system_instruction(opened.agent, opened.context, opened.candidate),
        voice=opened.agent.voice,
        language=opened.context.language,
        turns=opened.policy.endpoint.turns,
        silence_ms=opened.policy.endpoint.silence_ms,
    )
