"""An event loop in simulated time that has sockets: servers and their clients, all on this one loop.

Laws: time jumps to what is due next only while nobody outside of the loop is at work for it. While
a thread computes or Postgres executes, the clock stands still: a busy machine makes a test slower,
and changes nothing that it measures. Work outside that takes longer than a second does not hold the
clock any more, since it may itself wait for something that is due: time passes as on the wall then.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

from asyncpg.protocol import Protocol as PostgresProtocol

from tests.fakes.postgres_wire import Conversation
from tests.fakes.simulated_loop import JumpingSelector, SimulatedLoop, StandstillError

_CLOCK_STANDS_S = 1.0
_STANDSTILL_S = 10.0
_COMPUTING_S = 0.1
"""What a job takes, by the loop's clock, for which there is a worker of its own: it computes."""
_POLLS = 2
"""What one end of a connection sent can be read at the other at once; a look more costs little."""
wall_s = time.monotonic
"""The wall's clock, also where `tests.fakes.simulated_clock` has put another one in its place."""


def _hand_over(done: asyncio.Future[Any], later: asyncio.Future[Any]) -> None:
    if later.done():
        return
    if done.cancelled():
        later.cancel()
    elif (error := done.exception()) is not None:
        later.set_exception(error)
    else:
        later.set_result(done.result())


class Outside:
    """Work that others do for the loop: how many there are at it, and since when they are so many."""

    def __init__(self) -> None:
        self.at_work = 0
        self.since_s = wall_s()

    def began(self) -> None:
        self.at_work += 1
        self.since_s = wall_s()

    def ended(self, _: object = None) -> None:
        self.at_work -= 1
        self.since_s = wall_s()

    @property
    def holds_the_clock(self) -> bool:
        return wall_s() - self.since_s < _CLOCK_STANDS_S


class _PatientSelector(JumpingSelector):
    """Takes what is ready; else lets time pass, by the laws of the loop."""

    loop: "NetworkedLoop"

    def select(self, timeout: float | None = None) -> list[Any]:
        ready: list[Any] = []
        for _ in range(_POLLS):
            ready = ready or self._look(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if self.loop.outside.at_work:
            return self._wait(timeout)
        if timeout is None:
            ready = self._look(_STANDSTILL_S)
            if not ready:
                raise StandstillError
            return ready
        self.loop.jump()
        return ready

    def _wait(self, timeout: float | None) -> list[Any]:
        """For somebody outside."""
        if self.loop.outside.holds_the_clock:
            return self._look(_CLOCK_STANDS_S)
        began_s = wall_s()
        ready = self._look(_CLOCK_STANDS_S if timeout is None else timeout)
        self.loop.pass_by(wall_s() - began_s)
        return ready

    def _look(self, seconds: float) -> list[Any]:
        return super(JumpingSelector, self).select(seconds)


class NetworkedLoop(SimulatedLoop):
    """`time()` begins with the wall's clock and runs ahead of it."""

    def __init__(self) -> None:
        self.outside = Outside()
        super().__init__(_PatientSelector(), wall_s())

    def run_in_executor(  # type: ignore[override]
        self, executor: Executor | None, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        self.outside.began()
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self.outside.ended)
        return future if executor is None else self._later(future)

    def _later(self, future: asyncio.Future[Any]) -> asyncio.Future[Any]:
        """The same outcome, after the time that it took."""
        later: asyncio.Future[Any] = self.create_future()
        future.add_done_callback(lambda done: self.call_later(_COMPUTING_S, _hand_over, done, later))
        later.add_done_callback(lambda done: done.cancelled() and future.cancel())
        return later

    def _make_socket_transport(
        self, sock: Any, protocol: asyncio.BaseProtocol, *args: Any, **named: Any
    ) -> asyncio.Transport:
        """As the base class does; of what is said to Postgres, note what is not answered yet."""
        if isinstance(protocol, PostgresProtocol):
            protocol = Conversation(protocol, self.outside)
        made: asyncio.Transport = super()._make_socket_transport(sock, protocol, *args, **named)  # type: ignore[misc]
        return made
