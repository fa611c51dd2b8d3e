"""All live calls of this process: opens them, takes them over, finds them by id, and lets them go."""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime
from functools import partial
from time import monotonic
from types import TracebackType
from typing import Self
from uuid import UUID, uuid4

import structlog

from adapters.gemini.link import GeminiLink
from adapters.postgres.leases import Leases
from adapters.postgres.store import PostgresStore
from adapters.voice.turn_detector import TurnDetector
from api.live.counts import Counts
from api.live.log_appender import LogAppender
from api.live.session import LiveCall, Memory
from api.ownership.takeover import Claims
from api.process_facts import ProcessFacts
from domain.call import Call, open_call
from domain.errors import PeerError, StoreUnavailableError, WriterFullError
from domain.events import CallOpened
from domain.inputs import HangupRequested
from domain.interview import Agent, Candidate, InterviewContext
from domain.ports import Outcome
from domain.states import State

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

    def __init__(
        self,
        store: PostgresStore,
        leases: Leases,
        make_link: Callable[[LiveCall], GeminiLink],
        max_calls: int,
        facts: ProcessFacts,
        turn_detector: TurnDetector | None = None,
        counts: Counts | None = None,
    ) -> None:
        self._store = store
        self._leases = leases
        self._facts = facts
        self._claims = Claims(store, leases, self._recovered, facts)
        self._claiming: dict[UUID, asyncio.Task[LiveCall]] = {}
        self._broken: Counter[UUID] = Counter()
        """How often calls have failed here by a bug of ours: they are taken over once more, to be
        closed."""
        self._make_link = make_link
        self._max_calls = max_calls
        self._turn_detector = turn_detector
        self._counts = counts or Counts()
        self._sessions: dict[UUID, LiveCall] = {}
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
    def sessions(self) -> Collection[LiveCall]:
        """Calls that have not settled."""
        return self._sessions.values()

    @property
    def count(self) -> int:
        """How many."""
        return len(self._sessions)

    @property
    def held(self) -> Collection[UUID]:
        """The calls that live here, or are being brought here."""
        return self._sessions.keys() | self._claiming.keys()

    @property
    def _room(self) -> bool:
        return len(self._sessions) + self._opening + len(self._claiming) < self._max_calls

    def find(self, call_id: UUID) -> LiveCall:
        """A call that lives in this process. Raises `PeerError("call_unknown")`."""
        session = self._sessions.get(call_id)
        if session is None:
            raise PeerError("call_unknown", "This call does not live in this process.")
        return session

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
            runtime=self._facts.runtime,
            service=self._facts.service,
        )
        session = LiveCall(
            call,
            self._make_link,
            self._make_appender,
            self._turn_detector,
            audio=self._store.audio,
            counts=self._counts,
        )
        recorded = _record(session, opened, self._opened)
        self._opening += 1  # counts against the bound while it is being recorded
        try:
            async with asyncio.timeout(_OPENING_TIMEOUT_S):
                outcome = await asyncio.shield(recorded)
        except TimeoutError:
            recorded.cancel()
            raise StoreUnavailableError("The call could not be recorded in time: check the database.") from None
        if outcome is not Outcome.DURABLE:
            raise StoreUnavailableError("The call could not be recorded: check the database and try again.")
        self._counts.count([opened])
        self._take_on(session)
        if self.draining:  # since it was asked for: it is in the log, so its end has to be as well
            _hang_up(session, "the server is shutting down")
            raise _full()
        return call.id

    def _opened(self, session: LiveCall, outcome: Outcome, awaited: bool) -> None:
        """An opening has its outcome. One that came too late for whoever asked is ended, so that
        its log says so."""
        self._opening -= 1
        if outcome is Outcome.DURABLE and not awaited and not self.draining:
            self._take_on(session)
            _hang_up(session, "the call was recorded too late, after whoever asked for it had been refused")

    def _take_on(self, session: LiveCall) -> None:
        self._sessions[session.call.id] = session
        self._idle.clear()
        self._group.create_task(self._live(session), name=f"call {session.call.id}")
        session.start_clock()

    async def reach(self, call_id: UUID) -> LiveCall:
        """A call, wherever it is now: here, with another process that lives or died, or with
        nobody.

        Raises `PeerError` (`moving` while this process stops, `server_full`, and those of
        `Claims.claim`), and `StoreUnavailableError` where its log is needed and cannot be reached.
        """
        session = self._sessions.get(call_id)
        if session is not None and not session.leaving:
            await session.entered.wait()
            return session
        if self.draining:
            raise PeerError("moving", "This server is stopping: connect again.")
        if call_id not in self._claiming and not self._room:
            raise _full()
        return await asyncio.shield(self._claim(call_id))

    def _claim(self, call_id: UUID) -> asyncio.Task[LiveCall]:
        """One attempt at a time for each call, however many ask for it."""
        claiming = self._claiming.get(call_id)
        if claiming is None:
            claiming = asyncio.create_task(self._bring_here(call_id), name=f"claim {call_id}")
            self._claiming[call_id] = claiming
            claiming.add_done_callback(partial(self._claimed, call_id))
        return claiming

    def _claimed(self, call_id: UUID, claiming: asyncio.Task[LiveCall]) -> None:
        del self._claiming[call_id]
        error = None if claiming.cancelled() else claiming.exception()
        if error is None:
            return
        if isinstance(error, (PeerError, StoreUnavailableError, WriterFullError)):
            _log.info("call_not_claimed", call_id=str(call_id), reason=str(error))
        else:
            self._broken[call_id] += 1
            self._counts.takeovers_failed += 1
            _log.error("claim_broken", call_id=str(call_id), exc_info=error)

    async def _bring_here(self, call_id: UUID) -> LiveCall:
        leaving = self._sessions.get(call_id)
        if leaving is not None:
            await leaving.gone.wait()
        session = await self._claims.claim(call_id)
        self._take_on(session)
        await session.entered.wait()
        if self._broken[call_id]:
            _hang_up(session, "the server failed in this call")
        elif self.draining:
            session.hand_over("drain", 0)
        return session

    async def adopt(self, call_ids: Iterable[UUID]) -> None:
        """Take over calls that have no owner, as far as there is room; what fails is left to the
        next look."""
        for call_id in call_ids:
            if self.draining or not self._room:
                return
            if self._broken[call_id] <= _MOST_BREAKS:
                await asyncio.wait([self._claim(call_id)])

    def asked_for(self, call_id: UUID) -> None:
        """A client of this call has landed on another process: let go of it, unless it has its only
        client here."""
        session = self._sessions.get(call_id)
        if session is not None and not session.client.guarded:
            held_s = monotonic() - session.entered_at
            asyncio.get_running_loop().call_later(max(0.0, _LEAST_HELD_S - held_s), self._let_go, session)

    def _let_go(self, session: LiveCall) -> None:
        if self._sessions.get(session.call.id) is session and not session.leaving:
            session.hand_over("asked", 0)

    async def drain(self, wait_s: float) -> None:
        """Take no more calls, and hand over those there are: each at a quiet moment, or when time
        runs out.

        Returns when all are handed over and written, or time is up.
        """
        self.draining = True
        quiet_ms = int(1000 * wait_s * _QUIET_SHARE)
        for session in list(self._sessions.values()):
            session.hand_over("drain", quiet_ms)
        try:
            await asyncio.wait_for(self._idle.wait(), wait_s)
        except TimeoutError:
            _log.warning("calls_not_handed_over", count=self.count)
        for session in list(self._sessions.values()):
            session.let_go()

    def _make_appender(self, session: LiveCall) -> LogAppender:
        return LogAppender(
            session.call.opened,
            self._store.writer,
            self._store.mapper,
            on_durable=session.durable,
            on_failed=session.log_failed,
            on_conflict=session.log_taken,
            durable_seq=session.call.client_seq,
            closed=session.call.state is State.CLOSED,
        )

    def _recovered(self, call: Call, memory: Memory) -> LiveCall:
        return LiveCall(
            call,
            self._make_link,
            self._make_appender,
            self._turn_detector,
            memory,
            audio=self._store.audio,
            counts=self._counts,
        )

    async def _live(self, session: LiveCall) -> None:
        call: Call = session.call
        log = _log.bind(call_id=str(call.id))
        log.info("call_entered", agent=call.opened.agent.id, epoch=call.record.epoch)
        try:
            await session.run()
            log.info("call_left", reason=_why_left(session), events=call.record.version)
        except* Exception as errors:  # the border: whatever breaks one call must not reach another
            log.error("call_broken", exc_info=errors)
            self._broken[call.id] += 1
            session.break_off()
        finally:
            session.gone.set()
            if self._sessions.get(call.id) is session:
                del self._sessions[call.id]
            if not self._sessions:
                self._idle.set()


def _why_left(session: LiveCall) -> str:
    if session.appender.taken:
        return "lost to another owner"
    return session.call.record.close_reason or "handed over"


def _full() -> PeerError:
    return PeerError("server_full", "This server takes no more calls now: try again in a moment.")


def _record(
    session: LiveCall, opened: CallOpened, then: Callable[[LiveCall, Outcome, bool], None]
) -> asyncio.Future[Outcome]:
    """Write the opening down. `then` is told its outcome, and whether somebody still waits for it."""
    recorded: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    def came_out(outcome: Outcome) -> None:
        then(session, outcome, not recorded.done())
        if not recorded.done():
            recorded.set_result(outcome)

    session.appender.record_opening(opened, came_out)
    return recorded


def _hang_up(session: LiveCall, reason: str) -> None:
    if session.call.state is not State.CLOSED:
        session.feed(HangupRequested(at_us=session.now_us(), by="server", reason=reason))
