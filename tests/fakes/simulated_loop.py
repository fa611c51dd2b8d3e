"""An event loop in simulated time: nothing waits, the clock jumps to whatever is due next.

Laws: time never goes back; a callback runs at exactly the moment it was asked for; what is due at
the same moment runs in the order in which it was asked for, so that a run depends on nothing but
its inputs. A loop in which nothing can ever happen again is a bug of the scene, and says so instead
of hanging.
"""

import asyncio
import heapq
import selectors
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, TypeVar, TypeVarTuple

_US = 1_000_000
T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class StandstillError(RuntimeError):
    """Somebody waits, and nothing is scheduled that could wake them."""

    def __init__(self) -> None:
        super().__init__("simulated time stands still: something is awaited that no timer and nobody will bring")


class JumpingSelector(selectors.DefaultSelector):
    """Looks at no socket and never waits: it moves the clock by as much as it was allowed to wait."""

    loop: "SimulatedLoop"

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise StandstillError
        if timeout > 0:
            self.loop.jump()
        return []


class _OrderedTimer(asyncio.TimerHandle):
    """Of two timers for the same moment the one that was asked for first is the earlier one; the
    heap alone forgets."""

    __slots__ = ("order",)
    order: int
    _when: float
    _scheduled: bool

    def __lt__(self, other: object) -> bool:
        assert isinstance(other, _OrderedTimer)
        return (self._when, self.order) < (other._when, other.order)


class SimulatedLoop(asyncio.SelectorEventLoop):
    """`time()` is simulated seconds since the loop was made."""

    _scheduled: list[asyncio.TimerHandle]
    """The base class's heap of timers."""

    def __init__(self, selector: "JumpingSelector | None" = None, now_s: float = 0.0) -> None:
        self._now_s = now_s
        self._asked = 0
        selector = selector or JumpingSelector()
        super().__init__(selector)
        selector.loop = self

    def time(self) -> float:
        return self._now_s

    @property
    def now_us(self) -> int:
        """Simulated time in whole microseconds."""
        return round(self._now_s * _US)

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        timer = _OrderedTimer(when, callback, args, self, context)
        self._asked += 1
        timer.order = self._asked
        heapq.heappush(self._scheduled, timer)
        timer._scheduled = True
        return timer

    def at_us(self, moment_us: int, act: Callable[..., object], *args: Any) -> asyncio.TimerHandle:
        """Do something at a moment; at once if it has passed."""
        return self.call_at(max(self._now_s, moment_us / _US), act, *args)

    def jump(self) -> None:
        """To the earliest timer."""
        if self._scheduled:
            self._now_s = max(self._now_s, self._scheduled[0].when())

    def pass_by(self, seconds: float) -> None:
        """Let so much time pass."""
        self._now_s += seconds


def simulate(main: Callable[[SimulatedLoop], Coroutine[Any, Any, T]]) -> T:
    """Run `main(loop)` to its end in a simulated time of its own. What breaks in a callback breaks
    the run."""
    loop = SimulatedLoop()
    broken: list[BaseException] = []

    def breaks(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        broken.append(context.get("exception") or RuntimeError(context["message"]))
        loop.stop()

    loop.set_exception_handler(breaks)
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(main(loop))
    except RuntimeError as stopped:
        raise broken[0] if broken else stopped from stopped
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(_settle())
        asyncio.set_event_loop(None)
        loop.close()


async def _settle() -> None:
    """Let cancelled tasks end."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*others, return_exceptions=True)
