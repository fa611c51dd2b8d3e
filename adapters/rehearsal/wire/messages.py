"""The server's messages, ready to send: JSON in binary frames, as Gemini sends them."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

_encode = msgspec.json.encode
_AUDIO_HEAD = (
    b'{"serverContent":{"modelTurn":{"role":"model","parts":[{"inlineData":{"mimeType":"audio/pcm;rate=24000","data":"'
)
_AUDIO_TAIL = b'"}}]}'
_END = b"}}"
_GIANT_BYTES = 17 * 1024 * 1024
_GARBAGE = {
    "json": b'{"serverContent":{"modelTurn":',
    "binary": bytes(range(256)),
    "empty": b"{}",
    "list": b"[1,2]",
    "unknown": b'{"novelty":{"on":true},"serverContent":{"mood":"good"}}',
    "wrong": b'{"serverContent":{"modelTurn":"a text"},"goAway":[1]}',
}


def setup_complete(session_id: str) -> bytes:
    return _encode({"setupComplete": {"sessionId": session_id}})


def audio(pcm: bytes, said: str = "") -> bytes:
    """A message with one piece of the model's voice (24 kHz PCM16), and in the same message the
    words it begins."""
    transcription = b',"outputTranscription":' + _encode({"text": said}) if said else b""
    return _AUDIO_HEAD + base64.b64encode(pcm) + _AUDIO_TAIL + transcription + _END


def is_audio(frame: bytes) -> bool:
    """Whether this message carries a piece of the model's voice."""
    return frame.startswith(_AUDIO_HEAD)


def server_content(**fields: Any) -> bytes:
    return _encode({"serverContent": fields})


def input_transcription(text: str) -> bytes:
    return server_content(inputTranscription={"text": text})


def interim_input_transcription(text: str) -> bytes:
    """What was understood so far of a window that is still open; the next one replaces it."""
    return server_content(interimInputTranscription={"text": text})


def output_transcription(text: str) -> bytes:
    return server_content(outputTranscription={"text": text})


def turn_complete(usage: Mapping[str, Any], *, waiting: bool = False) -> bytes:
    """The end of a turn, or with `waiting` the news that the model chose to say nothing. Usage
    shares its message."""
    content = {"waitingForInput": True, "turnComplete": True} if waiting else {"turnComplete": True}
    return _encode({"serverContent": content, "usageMetadata": usage})


def usage(prompt: tuple[int, int], response_audio_tokens: int, tool_tokens: int = 0) -> dict[str, Any]:
    """A usage snapshot. `prompt` is (text, audio) tokens of the context that this turn was
    generated from."""
    text_tokens, audio_tokens = prompt
    return {
        "promptTokenCount": text_tokens + audio_tokens,
        "responseTokenCount": response_audio_tokens,
        "totalTokenCount": text_tokens + audio_tokens + response_audio_tokens + tool_tokens,
        "promptTokensDetails": _by_modality(text_tokens, audio_tokens),
        "responseTokensDetails": _by_modality(0, response_audio_tokens),
    } | ({"toolUsePromptTokenCount": tool_tokens} if tool_tokens else {})


def resumption(handle: str) -> bytes:
    """A resumption handle, or with an empty one the news that the session cannot be resumed right
    now.

    Protobuf's JSON leaves out empty and false fields, and so does Gemini.
    """
    return _encode({"sessionResumptionUpdate": {"newHandle": handle, "resumable": True} if handle else {}})


def go_away(time_left_ms: int) -> bytes:
    """The announcement of this connection's end, as a protobuf duration."""
    return _encode({"goAway": {"timeLeft": f"{time_left_ms / 1000:g}s"}})


def tool_call(call_id: str, name: str, arguments: Mapping[str, Any]) -> bytes:
    return _encode({"toolCall": {"functionCalls": [{"id": call_id, "name": name, "args": arguments}]}})


def tool_call_cancellation(ids: Sequence[str]) -> bytes:
    return _encode({"toolCallCancellation": {"ids": ids}})


def garbage(kind: str) -> bytes:
    """A message that means nothing: broken JSON, bytes, nothing at all, the wrong shape, or one
    that is far too big."""
    if kind == "giant":
        return b'{"novelty":"' + bytes([0x61]) * _GIANT_BYTES + b'"}'
    return _GARBAGE[kind]


def _by_modality(text_tokens: int, audio_tokens: int) -> list[dict[str, Any]]:
    counts = (("TEXT", text_tokens), ("AUDIO", audio_tokens))
    return [{"modality": modality, "tokenCount": count} for modality, count in counts if count]
