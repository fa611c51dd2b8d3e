"""The simulated loop: time jumps, nothing waits, order is kept, and what breaks is seen."""

import asyncio
from time import monotonic

import pytest

from tests.fakes.simulated_loop import SimulatedLoop, StandstillError, simulate


def test_an_hour_takes_no_time() -> None:
    """Given a sleep of an hour, the clock says an hour later, and the wall's clock does not."""

    async def sleep(loop: SimulatedLoop) -> int:
        await asyncio.sleep(3_600)
        return loop.now_us

    began = monotonic()
    assert simulate(sleep) == 3_600_000_000
    assert monotonic() - began < 5


def test_what_is_due_at_the_same_moment_keeps_its_order() -> None:
    """Given many timers for one moment, they run in the order in which they were asked for, at that
    moment."""
    ran: list[tuple[int, int]] = []

    async def ask(loop: SimulatedLoop) -> None:
        for number in range(50):
            loop.at_us(20_000, lambda number=number: ran.append((number, loop.now_us)))
        await asyncio.sleep(1)

    simulate(ask)
    assert ran == [(number, 20_000) for number in range(50)]


def test_a_moment_that_has_passed_is_now() -> None:
    """Given a timer for the past, time does not go back."""
    ran: list[int] = []

    async def ask(loop: SimulatedLoop) -> None:
        await asyncio.sleep(2)
        loop.at_us(1_000_000, lambda: ran.append(loop.now_us))
        await asyncio.sleep(1)

    simulate(ask)
    assert ran == [2_000_000]


def test_a_standstill_says_so() -> None:
    """Given something that nobody will ever bring, the run ends with an error instead of hanging."""

    async def wait(_: SimulatedLoop) -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(StandstillError):
        simulate(wait)


def test_what_breaks_in_a_callback_breaks_the_run() -> None:
    """Given a timer that raises, its own error comes out."""

    async def wait(loop: SimulatedLoop) -> None:
        loop.at_us(1_000, lambda: 1 // 0)
        await asyncio.sleep(1)

    with pytest.raises(ZeroDivisionError):
        simulate(wait)
