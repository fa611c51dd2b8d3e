"""Connections that do not get as far as `ready`: each gets an error that says why, and no call
comes to harm."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import jwt
import pytest

from api.wire.protocol import ClientAudio, encode_client_audio
from api.wire.tokens import TokenMint
from domain.inputs import ClientViolatedProtocol
from tests.api.connections.bare_socket import HELLO, bare
from tests.fixtures.server import SECRET, Desk

pytestmark = [pytest.mark.simulated, pytest.mark.asyncio(loop_scope="module")]


def _altered(token: str) -> str:
    head, body, signature = token.split(".")
    return ".".join((head, body[:-2] + ("AA" if body[-2:] != "AA" else "BB"), signature))


def _unsigned(call_id: str) -> str:
    return jwt.encode({"sub": call_id, "aud": "viva.v1", "exp": 2**33}, "", algorithm="none")


TOKENS = {
    "no token at all": ("", "token_invalid", 4401),
    "rubbish": ("rubbish", "token_invalid", 4401),
    "three dots": ("...", "token_invalid", 4401),
    "not ASCII": ("töken.ü.é", "token_invalid", 4401),
    "altered": (_altered, "token_invalid", 4401),
    "unsigned": (lambda token: _unsigned(str(uuid4())), "token_invalid", 4401),
    "another key": (lambda token: TokenMint("x" * 40, 60).issue(uuid4()).text, "token_invalid", 4401),
    "expired": (lambda token: TokenMint(SECRET, -10).issue(uuid4()).text, "token_expired", 4401),
    "of no call": (lambda token: TokenMint(SECRET, 60).issue(uuid4()).text, "call_unknown", 4404),
    "for another audience": (
        lambda token: jwt.encode({"sub": str(uuid4()), "aud": "other", "exp": 2**33}, SECRET, algorithm="HS256"),
        "token_invalid",
        4401,
    ),
    "of something that is no call": (
        lambda token: jwt.encode({"sub": "me", "aud": "viva.v1", "exp": 2**33}, SECRET, algorithm="HS256"),
        "token_invalid",
        4401,
    ),
    "without an end": (
        lambda token: jwt.encode({"sub": str(uuid4()), "aud": "viva.v1"}, SECRET, algorithm="HS256"),
        "token_invalid",
        4401,
    ),
}


@pytest.mark.parametrize("name", list(TOKENS))
async def test_a_token_that_is_not_good(desk: Desk, name: str) -> None:
    """Given a token that cannot be used, the error says so and the healthy call takes its hello
    afterwards."""
    token, code, close_code = TOKENS[name]
    opened = await desk.open()
    async with bare(desk) as socket:
        await socket.send(HELLO | {"token": token(opened.token) if callable(token) else token})
        assert await socket.ending() == close_code
    assert [(error["code"], error["fatal"]) for error in socket.errors] == [(code, True)]
    assert socket.errors[0]["message"].endswith(".")
    async with bare(desk) as healthy:
        assert (await healthy.hello(opened.token))["resumed"] is False


FIRST_MESSAGES: dict[str, tuple[Any, str, int]] = {
    "audio": (b"\1\0\0\0\0\0\0\0\0\0", "hello_expected", 4400),
    "nothing in binary": (b"", "hello_expected", 4400),
    "another message": ({"type": "ping", "id": 1}, "hello_expected", 4400),
    "no JSON": ("hello", "malformed_json", 4400),
    "an empty text": ("", "malformed_json", 4400),
    "no object": ("[]", "malformed_message", 4400),
    "a number": ("1e999", "malformed_json", 4400),
    "deep nesting": ("[" * 5_000, "malformed_json", 4400),
    "no type": ({"token": "t", "rate_hz": 16_000}, "malformed_message", 4400),
    "a type that is no text": ({"type": 1}, "malformed_message", 4400),
    "no rate": ({"type": "hello", "token": "t"}, "malformed_message", 4400),
    "no token": ({"type": "hello", "rate_hz": 16_000}, "malformed_message", 4400),
    "a token that is no text": ({"type": "hello", "token": 1, "rate_hz": 16_000}, "malformed_message", 4400),
    "a long token": ({"type": "hello", "token": "t" * 5_000, "rate_hz": 16_000}, "malformed_message", 4400),
    "a rate that is text": ({"type": "hello", "token": "t", "rate_hz": "16000"}, "malformed_message", 4400),
    "a rate that is a fraction": ({"type": "hello", "token": "t", "rate_hz": 16_000.5}, "malformed_message", 4400),
    "a rate that is null": ({"type": "hello", "token": "t", "rate_hz": None}, "malformed_message", 4400),
    "a negative position": (HELLO | {"token": "t", "played_sample": -1}, "malformed_message", 4400),
    "a position beyond time": (HELLO | {"token": "t", "played_sample": 2**60}, "malformed_message", 4400),
    "an unknown type": ({"type": "sing"}, "unknown_type", 4400),
    "too long a text": (json.dumps({"type": "hello", "token": "t" * 17_000}), "message_too_big", 1009),
}


@pytest.mark.parametrize("name", list(FIRST_MESSAGES))
async def test_a_first_message_that_is_no_hello(desk: Desk, name: str) -> None:
    """Given something else than a good hello, the typed error says what to do."""
    message, code, close_code = FIRST_MESSAGES[name]
    async with bare(desk) as socket:
        await socket.send(message)
        assert await socket.ending() == close_code
    assert [error["code"] for error in socket.errors] == [code]
    assert len(socket.errors[0]["message"]) > 20
    assert len(socket.messages) == 1


@pytest.mark.parametrize("rate_hz", [0, -1, 7_999, 48_001, 1_000_000_000])
async def test_an_impossible_sample_rate_ends_its_call(desk: Desk, rate_hz: int) -> None:
    """Given a good token and a rate that nothing has, the call ends, and its log says why."""
    opened = await desk.open()
    async with bare(desk) as socket:
        await socket.send(HELLO | {"token": opened.token, "rate_hz": rate_hz})
        assert await socket.ending() == 4400
    assert socket.errors[0]["code"] == "bad_sample_rate"
    events = await desk.log(opened.call_id)
    assert [event.code for event in events if isinstance(event, ClientViolatedProtocol)] == ["bad_sample_rate"]


async def test_saying_nothing(desk: Desk) -> None:
    """Given a connection without a hello, it is closed after the time that it has."""
    async with bare(desk) as socket:
        assert await socket.ending() == 4408
    assert socket.errors[0]["code"] == "hello_timeout"


@pytest.mark.parametrize("subprotocol", ["", "viva.v2"])
async def test_without_the_subprotocol(desk: Desk, subprotocol: str) -> None:
    """Given a websocket without viva.v1, the close code and its reason say what is missing."""
    opened = await desk.open()
    async with bare(desk, subprotocol) as socket:
        await socket.send(HELLO | {"token": opened.token})
        assert await socket.ending() == 4406
    assert "viva.v1" in (socket.socket.close_reason or "")
    assert not socket.messages


async def test_a_call_that_is_over(desk: Desk) -> None:
    """Given the token of a closed call: what was not acknowledged is taken in its grace period;
    then it is unknown."""
    opened = await desk.open()
    async with bare(desk) as socket:
        await socket.hello(opened.token)
        await socket.send({"type": "hangup"})
        await socket.until("closed")
        await asyncio.sleep(0.1)
        async with bare(desk) as late:
            assert (await late.hello(opened.token))["state"] == "closed"
            closed = await late.until("closed")
            assert (closed["reason"], closed["detail"]) == ("hangup_by_candidate", "The candidate hung up")
            assert 0 < closed["grace_ms"] < 1_000
            await late.send(encode_client_audio(ClientAudio(0, bytes(640))))
            assert (await late.until("ack"))["seq"] == 0
    await desk.settled(opened)
    while desk.services.registry.count:
        await desk.services.store.writer.flush()
    async with bare(desk) as later:
        await later.send(HELLO | {"token": opened.token})
        assert await later.ending() == 4404
    assert later.errors[0]["code"] == "call_unknown"


async def test_the_token_decides_which_call_it_is(desk: Desk) -> None:
    """Given two calls, each token leads to its own, and a fresh one from `ready` to the same."""
    one, other = await desk.open(), await desk.open()
    async with bare(desk) as socket:
        ready = await socket.hello(other.token)
        assert ready["call_id"] == other.call_id
    async with bare(desk) as socket:
        assert (await socket.hello(one.token))["call_id"] == one.call_id
    async with bare(desk) as socket:
        again = await socket.hello(ready["token"])
        assert (again["call_id"], again["resumed"]) == (other.call_id, True)
