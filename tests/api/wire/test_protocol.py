"""The messages of viva.v1: whatever arrives is a message or a typed error, and what was encoded
comes back."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.wire import protocol
from api.wire.protocol import CLOSE_CODES, ClientAudio, ServerAudio
from domain.errors import PeerError

PCM = st.binary(min_size=2, max_size=400).map(lambda data: data[: len(data) // 2 * 2])
UINT32 = st.integers(0, 2**32 - 1)
SAMPLE = st.integers(0, 2**53)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=20))
FIELDS = st.sampled_from(["type", "token", "rate_hz", "played_sample", "held", "id", "reason", "agent", "x"])
OBJECTS = st.dictionaries(FIELDS, st.one_of(SCALARS, st.sampled_from(protocol.CLIENT_TYPES)), max_size=6)
MESSAGES = st.one_of(
    st.builds(protocol.Hello, token=st.text(max_size=50), rate_hz=st.integers(-(2**40), 2**40), played_sample=SAMPLE),
    st.builds(protocol.Playback, played_sample=SAMPLE, held=st.booleans()),
    st.just(protocol.Mute()),
    st.just(protocol.Unmute()),
    st.builds(protocol.Ping, id=SAMPLE),
    st.builds(protocol.Pong, id=SAMPLE),
    st.builds(protocol.Hangup, reason=st.text(max_size=200)),
)


@given(st.one_of(st.text(), st.text(alphabet='{}[]",:0123456789.e-+truefalsn\\u \ud800'), OBJECTS.map(json.dumps)))
def test_any_text_is_a_message_or_a_typed_error(text: str) -> None:
    """Given any text, decoding returns a message or raises an error with a known code and a
    sentence."""
    try:
        assert isinstance(protocol.decode_control(text), protocol.ClientMessage)
    except PeerError as error:
        assert error.code in ("malformed_json", "malformed_message", "unknown_type", "message_too_big")
        assert len(error.message) > 20


@given(st.binary(max_size=200))
def test_any_bytes_are_audio_or_a_typed_error(data: bytes) -> None:
    """Given any bytes, decoding returns whole samples or raises."""
    try:
        audio = protocol.decode_audio(data)
        assert audio.pcm
        assert len(audio.pcm) % 2 == 0
    except PeerError as error:
        assert error.code == "malformed_audio"


@given(MESSAGES)
def test_control_messages_come_back(message: protocol.ClientMessage) -> None:
    """Given any message of a client, what is encoded decodes to it."""
    assert protocol.decode_control(protocol.encode_control(message)) == message


@given(UINT32, PCM)
def test_audio_of_the_client_comes_back(seq: int, pcm: bytes) -> None:
    """Given any audio, what is encoded decodes to it."""
    audio = ClientAudio(seq, pcm)
    assert protocol.decode_audio(protocol.encode_client_audio(audio)) == audio


@given(UINT32, UINT32, st.integers(0, 2**64 - 1), PCM)
def test_audio_of_the_server_comes_back(seq: int, generation: int, sample: int, pcm: bytes) -> None:
    """Given any audio, also late in a long call, what is encoded decodes to it."""
    audio = ServerAudio(seq, generation, sample, pcm)
    assert protocol.decode_server_audio(protocol.encode_server_audio(audio)) == audio


def test_the_bounds_are_those_of_the_documentation() -> None:
    """Given exactly the largest messages they are taken; one more byte is too much."""
    whole = protocol.encode_client_audio(ClientAudio(0, bytes(64 * 1024)))
    assert len(protocol.decode_audio(whole).pcm) == 65_536
    with pytest.raises(PeerError) as caught:
        protocol.decode_audio(whole + b"\0\0")
    assert caught.value.code == "message_too_big"
    text = '{"type":"ping","id":1}'
    assert protocol.decode_control(text.ljust(16 * 1024)) == protocol.Ping(1)
    with pytest.raises(PeerError) as caught:
        protocol.decode_control(text.ljust(16 * 1024 + 1))
    assert caught.value.code == "message_too_big"


def test_an_error_does_not_repeat_what_was_sent() -> None:
    """Given a secret in a wrong place, the complaint does not carry it anywhere."""
    for text in ('{"type":"hush-hush"}', '{"type":"hello","token":"t","rate_hz":"hush-hush"}', '"hush-hush"'):
        with pytest.raises(PeerError) as caught:
            protocol.decode_control(text)
        assert "hush" not in caught.value.message


def test_every_close_code_can_be_sent() -> None:
    """Given the table, its codes are ones that a websocket may close with."""
    assert all(code in (1009, 1012, 1013) or 4000 <= code < 5000 for code in CLOSE_CODES.values())
