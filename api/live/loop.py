"""The one way into a call: its clock, its inbox, its core, its log and its alarm.

The client's side, the model's side and the alarm feed their inputs here. Inputs are handled one at
a time and in order; each decision is recorded and carried out without waiting for anything.
"""

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import Any

from api.live.call_ports import CallPorts
from api.live.log_appender import AppendListener, LogAppender
from domain.call import Call, Decision
from domain.effects import Effect
from domain.event import Event
from domain.inputs import CallTakenOver, DeadlinePassed, Input
from domain.ports import Outcome
from domain.ports.clock import Wakeup
from domain.ports.model_link import InputSink
from domain.timers import NEVER_US


class EffectHandler(ABC):
    """Carries out what the core asks for."""

    @abstractmethod
    def decided(self, events: tuple[Event, ...]) -> None:
        """These events were decided; their effects follow."""

    @abstractmethod
    def carry(self, effect: Effect) -> None:
        """Do it at once; it never waits, and may feed inputs."""


class CallLoop(InputSink):
    """One call's. `handler` carries its effects, `listener` hears what became of its appends.

    `at_us` is the time on the call's clock now. Of a call that is being taken over, nothing happens
    before its takeover is recorded and begun (`record_takeover`, `begin_takeover`).
    """

    def __init__(
        self, call: Call, ports: CallPorts, handler: EffectHandler, listener: AppendListener, at_us: int = 0
    ) -> None:
        self.call = call
        self.appender = LogAppender(call, ports, listener)
        self.broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Raises what broke the call."""
        self.over = asyncio.Event()
        """Set once the call has settled, or is another owner's."""
        self._handler = handler
        self._counts = ports.counts
        self._clock = ports.clock
        self._epoch_us = ports.clock.now_us() - at_us
        self._inbox: deque[Input] = deque()
        self._feeding = False
        self._takeover: Decision | None = None
        self._handover: Decision | None = None
        self._alarm: Wakeup | None = None
        self._alarm_us = NEVER_US

    def now_us(self) -> int:
        return self._clock.now_us() - self._epoch_us

    def feed(self, happened: Input) -> None:
        """Hand an input to the core, record what it decides and carry it out. Inputs caused
        meanwhile queue up."""
        if self.appender.taken:  # it is another owner's, and so is what happens to it
            return
        self._inbox.append(happened)
        if self._feeding:
            return
        self._feeding = True
        try:
            while self._inbox:
                self._decide(self._inbox.popleft())
        except Exception as error:
            self._inbox.clear()
            self.fail(error)
            raise
        finally:
            self._feeding = False
        self.set_alarm()

    def _decide(self, happened: Input) -> None:
        decision = self.call.handle(happened)
        if self.call.record.handed_over and decision.events:
            self._handover = decision
        else:
            self.appender.record(decision, self.call.fully_sealed)
        self._carry_out(decision)

    def _carry_out(self, decision: Decision) -> None:
        if decision.events:
            self._counts.count(decision.events)
            self._handler.decided(decision.events)
        for effect in decision.effects:
            self._handler.carry(effect)

    def fail(self, error: BaseException) -> None:
        """A bug of ours: end this call, and only this one."""
        if not self.broken.done():
            self.broken.set_exception(error)

    async def ended(self) -> None:
        """Return when the call has settled, is another owner's, or is broken; no deadline is kept
        then."""
        over = asyncio.create_task(self.over.wait(), name=f"over {self.call.id}")
        ends: list[asyncio.Future[Any]] = [over, self.broken]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            over.cancel()
            self.stop_alarm()

    # --- owners --------------------------------------------------------------------------------------------------

    def record_takeover(self, takeover: CallTakenOver) -> asyncio.Future[Outcome]:
        """Record that this process owns the call. Raises `StoreError`."""
        self._takeover = self.call.handle(takeover)
        return self.appender.record_takeover(self._takeover)

    def begin_takeover(self) -> None:
        """Carry out what a recorded takeover led to, if there was one."""
        if self._takeover is not None:
            self._carry_out(self._takeover)

    @property
    def handover_pending(self) -> bool:
        """Whether the call was handed over, and its log still has to say so."""
        return self._handover is not None

    def record_handover(self) -> None:
        """Record the handover, if there was one. Others may dial as soon as it is stored: it waits
        until the model's connection is closed."""
        if self._handover is not None:
            self.appender.record(self._handover)

    @property
    def closed_to_clients(self) -> bool:
        """Whether no client may join here any more: the call was handed over, or has settled."""
        return self.call.record.handed_over or self.over.is_set()

    # --- the alarm -----------------------------------------------------------------------------------------------

    def set_alarm(self) -> None:
        """Be woken at the core's next deadline."""
        due_us = self.call.next_deadline_us
        if due_us != self._alarm_us:
            self.stop_alarm()
            if due_us < NEVER_US and not self.over.is_set():
                self._alarm = self._clock.call_at(self._epoch_us + due_us, self._deadline_passed)
                self._alarm_us = due_us

    def stop_alarm(self) -> None:
        """Keep no deadline."""
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm, self._alarm_us = None, NEVER_US

    def _deadline_passed(self) -> None:
        self._alarm, self._alarm_us = None, NEVER_US
        self.feed(DeadlinePassed(at_us=self.now_us()))

    def call_later(self, wait_ms: int, act: Callable[[], None]) -> Wakeup:
        """Do something in a while, by the clock of this call."""
        return self._clock.call_at(self._clock.now_us() + wait_ms * 1000, act)
