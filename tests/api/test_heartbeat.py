"""Pings: answered ones measure, unanswered ones end the connection, and tokens are renewed in between."""

import asyncio
from typing import Any, cast

import pytest

from api.call_session import CallSession
from api.heartbeat import Heartbeat
from api.outlet import Outlet
from api.tokens import TokenMint
from tests.domain.calls import a_call

INTERVAL_S = 0.02


class Connection:
    """An outlet that keeps what it is given, and answers pings if it is told to."""

    def __init__(self, lifetime_s: int = 600) -> None:
        self.told: list[dict[str, Any]] = []
        self.call = a_call()
        self.pinged = asyncio.Event()
        self.heartbeat = Heartbeat(
            cast(CallSession, self), cast(Outlet, self), TokenMint("k" * 32, lifetime_s), INTERVAL_S
        )

    def send(self, message: dict[str, Any]) -> bool:
        self.told.append(message)
        self.pinged.set()
        return True


async def test_two_unanswered_pings_end_it() -> None:
    """Given a client that answers nothing, exactly two pings are sent."""
    connection = Connection()
    await asyncio.wait_for(connection.heartbeat.run(), 5)
    assert [message["id"] for message in connection.told] == [1, 2]
    assert all("version" in message for message in connection.told)


async def test_answers_keep_it_alive_and_are_measured() -> None:
    """Given answers, also to the second ping only, it goes on; nonsense and repetitions measure nothing."""
    connection = Connection()
    running = asyncio.create_task(connection.heartbeat.run())
    for expected in range(1, 8):
        await asyncio.wait_for(connection.pinged.wait(), 5)
        connection.pinged.clear()
        if expected % 2 == 0:
            round_trip_us = connection.heartbeat.answered(expected)
            assert round_trip_us is not None
            assert 0 <= round_trip_us < 5_000_000
            assert connection.heartbeat.answered(expected) is None
    assert connection.heartbeat.answered(99) is None
    assert not running.done()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_tokens_are_renewed_at_half_their_life() -> None:
    """Given a token's life, a fresh one for the same call is sent before half of it is over."""
    connection = Connection(lifetime_s=0)
    await asyncio.wait_for(connection.heartbeat.run(), 5)
    assert [message["type"] for message in connection.told] == ["token", "ping", "token", "ping"]
    lasting = Connection()
    await asyncio.wait_for(lasting.heartbeat.run(), 5)
    assert {message["type"] for message in lasting.told} == {"ping"}
