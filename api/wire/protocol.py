"""The messages of `viva.v1` (docs/protocol.md), decoded and encoded. No socket in here; both ends
use it.

What a client sends is never trusted: everything that does not fit raises `PeerError` with a code
and a sentence.
"""

import struct
from typing import Annotated, Any, NamedTuple

import msgspec

from domain.errors import PeerError

SUBPROTOCOL = "viva.v1"
MAX_TEXT_BYTES = 16 * 1024
MAX_AUDIO_BYTES = 64 * 1024
LOWEST_RATE_HZ, HIGHEST_RATE_HZ = 8_000, 48_000

_UP = struct.Struct("<B3xI")
_DOWN = struct.Struct("<B3xIIQ")
_KIND_UP, _KIND_DOWN = 1, 2

Sample = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class Hello(msgspec.Struct, frozen=True, tag="hello"):
    token: Annotated[str, msgspec.Meta(max_length=4_096)]
    rate_hz: int
    played_sample: Sample = 0
    agent: Annotated[str, msgspec.Meta(max_length=200)] = ""
    client_id: Annotated[str, msgspec.Meta(max_length=64)] = ""
    seen_version: Sample = 0
    seen_epoch: Sample = 0


class Playback(msgspec.Struct, frozen=True, tag="playback"):
    played_sample: Sample
    held: bool = False


class Mute(msgspec.Struct, frozen=True, tag="mute"):
    pass


class Unmute(msgspec.Struct, frozen=True, tag="unmute"):
    pass


class Ping(msgspec.Struct, frozen=True, tag="ping"):
    id: Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class Pong(msgspec.Struct, frozen=True, tag="pong"):
    id: Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class Hangup(msgspec.Struct, frozen=True, tag="hangup"):
    reason: Annotated[str, msgspec.Meta(max_length=500)] = ""


ClientMessage = Hello | Playback | Mute | Unmute | Ping | Pong | Hangup
CLIENT_TYPES: tuple[str, ...] = ("hello", "playback", "mute", "unmute", "ping", "pong", "hangup")


class ClientAudio(NamedTuple):
    """One audio message of a client: mono PCM16 little-endian at the rate of its hello."""

    seq: int
    pcm: bytes


class ServerAudio(NamedTuple):
    """One audio message of the server: mono PCM16 little-endian at 24 kHz, from `sample` of the
    stream on."""

    seq: int
    generation: int
    sample: int
    pcm: bytes


_messages = msgspec.json.Decoder(ClientMessage)
_anything = msgspec.json.Decoder()


def decode_control(text: str | bytes) -> ClientMessage:
    """A control message of a client. Raises `PeerError`."""
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if len(raw) > MAX_TEXT_BYTES:
        raise PeerError("message_too_big", f"A control message has at most {MAX_TEXT_BYTES} bytes: send less at once.")
    try:
        message: ClientMessage = _messages.decode(raw)
        return message
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _complaint(raw, error) from error


def _complaint(raw: bytes, error: Exception) -> PeerError:
    """Say whether it was no JSON, no message that we know, or one with wrong fields."""
    try:
        value: Any = _anything.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return PeerError("malformed_json", "That was not JSON: send each control message as one JSON object.")
    if not isinstance(value, dict):
        return PeerError("malformed_message", "A control message is a JSON object with a `type`: send one.")
    kind = value.get("type")
    if isinstance(kind, str) and kind not in CLIENT_TYPES:
        known = ", ".join(CLIENT_TYPES)
        return PeerError("unknown_type", f"This message's type is not known: use one of {known}.")
    return PeerError("malformed_message", f"A field is missing or wrong: {error}. See docs/protocol.md.")


def decode_audio(message: bytes) -> ClientAudio:
    """A binary message of a client. Raises `PeerError`."""
    if len(message) > MAX_AUDIO_BYTES + _UP.size:
        raise PeerError("message_too_big", f"An audio message has at most {MAX_AUDIO_BYTES} bytes: send less at once.")
    if len(message) < _UP.size or message[0] != _KIND_UP:
        raise PeerError("malformed_audio", "An audio message begins with its 8 byte header: kind 1, zeros, seq.")
    _, seq = _UP.unpack_from(message)
    pcm = message[_UP.size :]
    if not pcm or len(pcm) % 2:
        raise PeerError("malformed_audio", "PCM16 has two bytes per sample: send a whole number of them, at least one.")
    return ClientAudio(seq, pcm)


def encode_client_audio(audio: ClientAudio) -> bytes:
    """What a client sends."""
    return _UP.pack(_KIND_UP, audio.seq) + audio.pcm


def encode_server_audio(audio: ServerAudio) -> bytes:
    """What the server sends."""
    return _DOWN.pack(_KIND_DOWN, audio.seq & 0xFFFF_FFFF, audio.generation, audio.sample) + audio.pcm


def decode_server_audio(message: bytes) -> ServerAudio:
    """What a client receives. Raises `PeerError` if it is not an audio message."""
    if len(message) < _DOWN.size or message[0] != _KIND_DOWN:
        raise PeerError("malformed_audio", "This is not an audio message of viva.v1: use a server that speaks it.")
    _, seq, generation, sample = _DOWN.unpack_from(message)
    return ServerAudio(seq, generation, sample, message[_DOWN.size :])


def encode_control(message: ClientMessage | dict[str, Any]) -> str:
    """A control message as text, of either side."""
    return msgspec.json.encode(message).decode()


CLOSE_CODES = {
    "hello_expected": 4400,
    "malformed_json": 4400,
    "malformed_message": 4400,
    "unknown_type": 4400,
    "bad_sample_rate": 4400,
    "malformed_audio": 4400,
    "audio_gap": 4400,
    "audio_ahead": 4400,
    "token_invalid": 4401,
    "token_expired": 4401,
    "call_unknown": 4404,
    "subprotocol_expected": 4406,
    "hello_timeout": 4408,
    "replaced": 4409,
    "call_closed": 4410,
    "already_connected": 4423,
    "client_too_slow": 4413,
    "playback_stalled": 4413,
    "too_many_messages": 4429,
    "message_too_big": 1009,
    "server_full": 1013,
    "call_busy": 1013,
    "store_unavailable": 1013,
    "moving": 1012,
}
"""The websocket close code of each error; those not named close with 1011."""
