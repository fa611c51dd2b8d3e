"""All live calls of this process: opens them, takes them over, finds them by id, and hands them
over."""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Self
from uuid import UUID, uuid4

import structlog

from adapters.postgres.leases import Leases
from api.live.call import LiveCall
from api.live.call_ports import CallPorts
from api.ownership.takeover import Takeovers
from domain.call import open_call
from domain.errors import PeerError, StoreUnavailableError, WriterFullError
from domain.interview import Agent, Candidate, InterviewContext
from domain.ports import Outcome

_log = structlog.get_logger(__name__)
TENANT = "default"
_OPENING_TIMEOUT_S = 5.0
_MOST_BREAKS = 3
_LEAST_HELD_S = 0.5
"""A client that lands here and there by turns costs each time a takeover, and a Gemini session: so
many at most."""
_QUIET_SHARE = 0.6
"""Of the time that a stopping process has, calls may wait so much for a quiet moment; the rest is
for writing."""


class CallRegistry:
    """`async with CallRegistry(...)`: calls live inside it; leaving it ends them."""

    def __init__(self, ports: CallPorts, leases: Leases, max_calls: int) -> None:
        self._ports = ports
        self._leases = leases
        self._max_calls = max_calls
        self.takeovers = Takeovers(ports, leases)
        self._taking_over: dict[UUID, asyncio.Task[LiveCall]] = {}
        self._broken: Counter[UUID] = Counter()
        """How often calls have failed here by a bug of ours: they are taken over once more, to be
        closed."""
        self._calls: dict[UUID, LiveCall] = {}
        self._opening = 0
        self._group = asyncio.TaskGroup()
        self._idle = asyncio.Event()
        self._idle.set()
        self.draining = False

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._group.__aexit__(kind, error, trace)

    @property
    def calls(self) -> Collection[LiveCall]:
        """Calls that have not settled."""
        return self._calls.values()

    @property
    def count(self) -> int:
        """How many."""
        return len(self._calls)

    @property
    def held(self) -> Collection[UUID]:
        """The calls that live here, or are being taken over."""
        return self._calls.keys() | self._taking_over.keys()

    @property
    def _room(self) -> bool:
        return len(self._calls) + self._opening + len(self._taking_over) < self._max_calls

    def find(self, call_id: UUID) -> LiveCall:
        """A call that lives in this process. Raises `PeerError("call_unknown")`."""
        live = self._calls.get(call_id)
        if live is None:
            raise PeerError("call_unknown", "This call does not live in this process.")
        return live

    async def open(self, agent: Agent, candidate: Candidate, context: InterviewContext) -> UUID:
        """Open a call; it is in the log when this returns.

        Raises `PeerError("server_full")`, or `StoreUnavailableError` if its opening could not be
        recorded.
        """
        if self.draining or not self._room:
            raise _full()
        call, opened = open_call(
            call_id=uuid4(),
            tenant=TENANT,
            agent=agent,
            candidate=candidate,
            context=context,
            opened_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            process=str(self._leases.process),
            runtime=self._ports.runtime,
            service=self._ports.service,
        )
        live = LiveCall(call, self._ports)
        recorded = live.loop.appender.record_opening(opened)
        self._opening += 1  # counts against the bound while it is being recorded
        recorded.add_done_callback(self._opening_recorded)
        try:
            outcome = await asyncio.wait_for(asyncio.shield(recorded), _OPENING_TIMEOUT_S)
        except TimeoutError:
            recorded.add_done_callback(partial(self._opened_late, live))
            raise StoreUnavailableError("The call could not be recorded in time: check the database.") from None
        if outcome is not Outcome.DURABLE:
            raise StoreUnavailableError("The call could not be recorded: check the database and try again.")
        self._ports.counts.count([opened])
        self.take_on(live)
        if self.draining:  # since it was asked for: it is in the log, so its end has to be as well
            live.hang_up("server", "the server is shutting down")
            raise _full()
        return call.id

    def _opening_recorded(self, _: asyncio.Future[Outcome]) -> None:
        self._opening -= 1

    def _opened_late(self, live: LiveCall, recorded: asyncio.Future[Outcome]) -> None:
        """The client that asked for this call has been refused: it is ended, so that its log says
        so."""
        if recorded.result() is Outcome.DURABLE and not self.draining:
            self.take_on(live)
            live.hang_up("server", "the call was recorded too late, after the request for it had been refused")

    def take_on(self, live: LiveCall) -> None:
        """Let a call live here, which this process owns by its log."""
        self._calls[live.call.id] = live
        self._idle.clear()
        self._group.create_task(self._live(live), name=f"call {live.call.id}")
        live.loop.set_alarm()

    async def reach(self, call_id: UUID) -> LiveCall:
        """A call, wherever it is now: here, with another process that lives or died, or with
        nobody.

        Raises `PeerError` (`moving` while this process stops, `server_full`, and those of
        `Takeovers.take_over`), and `StoreUnavailableError` where its log is needed and cannot be
        reached.
        """
        live = self._calls.get(call_id)
        if live is not None and not live.loop.closed_to_clients:
            await live.entered.wait()
            return live
        if self.draining:
            raise PeerError("moving", "This server is stopping: connect again.")
        if call_id not in self._taking_over and not self._room:
            raise _full()
        return await asyncio.shield(self._takeover_of(call_id))

    def _takeover_of(self, call_id: UUID) -> asyncio.Task[LiveCall]:
        """One attempt at a time for each call, however many ask for it."""
        takeover = self._taking_over.get(call_id)
        if takeover is None:
            takeover = asyncio.create_task(self._take_over(call_id), name=f"takeover {call_id}")
            self._taking_over[call_id] = takeover
            takeover.add_done_callback(partial(self._takeover_ended, call_id))
        return takeover

    def _takeover_ended(self, call_id: UUID, takeover: asyncio.Task[LiveCall]) -> None:
        del self._taking_over[call_id]
        error = None if takeover.cancelled() else takeover.exception()
        if error is None:
            return
        if isinstance(error, (PeerError, StoreUnavailableError, WriterFullError)):
            _log.info("call_not_taken_over", call_id=str(call_id), reason=str(error))
        else:
            self._broken[call_id] += 1
            self._ports.counts.takeovers_failed += 1
            _log.error("takeover_broken", call_id=str(call_id), exc_info=error)

    async def _take_over(self, call_id: UUID) -> LiveCall:
        leaving = self._calls.get(call_id)
        if leaving is not None:
            await leaving.gone.wait()
        live = await self.takeovers.take_over(call_id)
        self.take_on(live)
        await live.entered.wait()
        if self._broken[call_id]:
            live.hang_up("server", "the server failed in this call")
        elif self.draining:
            live.request_handover("drain", 0)
        return live

    async def take_over_orphans(self, call_ids: Iterable[UUID]) -> None:
        """Take over calls that have no owner, as far as there is room; what fails is left to the
        next look."""
        for call_id in call_ids:
            if self.draining or not self._room:
                return
            if self._broken[call_id] <= _MOST_BREAKS:
                await asyncio.wait([self._takeover_of(call_id)])

    def asked_for(self, call_id: UUID) -> None:
        """A client of this call has landed on another process: hand it over, unless it has its only
        client here."""
        live = self._calls.get(call_id)
        if live is not None and not live.client.guarded:
            wait_s = max(0.0, _LEAST_HELD_S - live.held_s)
            asyncio.get_running_loop().call_later(wait_s, self._request_handover, live)

    def _request_handover(self, live: LiveCall) -> None:
        if self._calls.get(live.call.id) is live and not live.loop.closed_to_clients:
            live.request_handover("asked", 0)

    async def drain(self, wait_s: float) -> None:
        """Take no more calls, and hand over those there are: each at a quiet moment, or when time
        runs out.

        Returns when all are handed over and written, or time is up.
        """
        self.draining = True
        quiet_ms = int(1000 * wait_s * _QUIET_SHARE)
        for live in list(self._calls.values()):
            live.request_handover("drain", quiet_ms)
        try:
            await asyncio.wait_for(self._idle.wait(), wait_s)
        except TimeoutError:
            _log.warning("calls_not_handed_over", count=self.count)
        for live in list(self._calls.values()):
            live.stop()

    async def _live(self, live: LiveCall) -> None:
        call = live.call
        log = _log.bind(call_id=str(call.id))
        log.info("call_entered", agent=call.opened.agent.id, epoch=call.record.epoch)
        try:
            await live.run()
            log.info("call_left", reason=_why_left(live), events=call.record.version)
        except* Exception as errors:  # the border: whatever breaks one call must not reach another
            log.error("call_broken", exc_info=errors)
            self._broken[call.id] += 1
            live.break_off()
        finally:
            live.gone.set()
            if self._calls.get(call.id) is live:
                del self._calls[call.id]
            if not self._calls:
                self._idle.set()


def _why_left(live: LiveCall) -> str:
    if live.loop.appender.taken:
        return "lost to another owner"
    return live.call.record.close_reason or "handed over"


def _full() -> PeerError:
    return PeerError("server_full", "This server takes no more calls now: try again in a moment.")
