"""Pings: answered ones measure, unanswered ones end the connection, and tokens are renewed in
between."""

import asyncio
from time import monotonic
from typing import Any, cast

import pytest

from api.live.call import LiveCall
from api.routes.heartbeat import Heartbeat
from api.wire.send_queue import SendQueue
from api.wire.tokens import TokenMint
from tests.domain.calls import a_call

pytestmark = pytest.mark.simulated

INTERVAL_S = 0.02


class Connection:
    """A send queue that keeps what it is given."""

    def __init__(self, lifetime_s: int = 600, silence_s: float = 30.0) -> None:
        self.leap_s = 0.0
        self.messages: list[dict[str, Any]] = []
        self.call = a_call()
        self.pinged = asyncio.Event()
        self.heartbeat = Heartbeat(
            cast(LiveCall, self),
            cast(SendQueue, self),
            TokenMint("k" * 32, lifetime_s),
            INTERVAL_S,
            silence_s,
            lambda: monotonic() + self.leap_s,
        )

    def send(self, message: dict[str, Any]) -> bool:
        self.messages.append(message)
        self.pinged.set()
        return True


async def test_silence_ends_it() -> None:
    """Given a client of which nothing comes, it is pinged until the silence is as long as it may
    be."""
    connection = Connection(silence_s=0.2)
    await asyncio.wait_for(connection.heartbeat.run(), 5)
    numbers = [message["id"] for message in connection.messages]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= 3
    assert all("version" in message for message in connection.messages)


async def test_whatever_comes_keeps_it_alive() -> None:
    """Given a client that answers no ping but sends something now and then, it goes on."""
    connection = Connection(silence_s=0.2)
    running = asyncio.create_task(connection.heartbeat.run())
    for _ in range(8):
        await asyncio.sleep(0.1)
        connection.heartbeat.heard()
    assert not running.done()
    await asyncio.wait_for(running, 5)


async def test_a_server_that_stood_still_does_not_blame_its_client() -> None:
    """Given a clock that leaps, as after a stall, what is heard right after it counts."""
    connection = Connection(silence_s=3.0)
    running = asyncio.create_task(connection.heartbeat.run())
    await connection.pinged.wait()
    connection.leap_s = 10.0
    await asyncio.sleep(3 * INTERVAL_S)
    connection.heartbeat.heard()
    await asyncio.sleep(0.15)
    assert not running.done()
    connection.leap_s = 20.0
    await asyncio.wait_for(running, 5)


async def test_round_trips_are_measured_now_and_then() -> None:
    """Given answers to every ping, the first is reported, then the longest of twelve seconds;
    nonsense measures nothing."""
    connection = Connection()
    running = asyncio.create_task(connection.heartbeat.run())
    round_trips = []
    for expected in range(1, 8):
        await asyncio.wait_for(connection.pinged.wait(), 5)
        connection.pinged.clear()
        if expected == 5:
            connection.leap_s = 12.0
            connection.heartbeat.heard()
        round_trips.append(connection.heartbeat.answered(expected))
        assert connection.heartbeat.answered(expected) is None
    assert connection.heartbeat.answered(99) is None
    assert [each is not None for each in round_trips] == [True, False, False, False, True, False, False]
    assert 0 <= max(each for each in round_trips if each is not None) < 5_000_000
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_tokens_are_renewed_at_half_their_life() -> None:
    """Given a token's life, a fresh one for the same call is sent before half of it is over."""
    connection = Connection(lifetime_s=0, silence_s=0.1)
    await asyncio.wait_for(connection.heartbeat.run(), 5)
    kinds = [message["type"] for message in connection.messages]
    assert kinds[:4] == ["token", "ping", "token", "ping"]
    lasting = Connection(silence_s=0.1)
    await asyncio.wait_for(lasting.heartbeat.run(), 5)
    assert {message["type"] for message in lasting.messages} == {"ping"}
