"""All live calls of this process: opens them, finds them by id, and lets them go one by one or all together."""

import asyncio
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from types import TracebackType
from typing import Self
from uuid import UUID, uuid4

import structlog

from adapters.gemini.link import GeminiLink
from adapters.postgres.mapper import EventMapper
from adapters.telemetry.counts import Counts
from adapters.voice.pause_judge import Judge
from api.call_session import CallSession
from api.logbook import Logbook
from domain.call import Call, open_call
from domain.effects import TellGoAway
from domain.errors import PeerError, StoreUnavailableError
from domain.events import CallOpened
from domain.inputs import HangupRequested
from domain.interview import Agent, Candidate, InterviewContext
from domain.ports import AudioStore, EventWriter, Outcome
from domain.states import State

_log = structlog.get_logger(__name__)
TENANT = "default"
_OPENING_TIMEOUT_S = 5.0


class Switchboard:
    """`async with Switchboard(...)`: calls live inside it; leaving it ends them."""

    def __init__(
        self,
        writer: EventWriter,
        mapper: EventMapper,
        audio: AudioStore,
        make_link: Callable[[CallSession], GeminiLink],
        max_calls: int,
        judge: Judge | None = None,
        counts: Counts | None = None,
    ) -> None:
        self._writer = writer
        self._mapper = mapper
        self._audio = audio
        self._make_link = make_link
        self._max_calls = max_calls
        self._judge = judge
        self._counts = counts or Counts()
        self._sessions: dict[UUID, CallSession] = {}
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
    def sessions(self) -> Collection[CallSession]:
        """Calls that have not settled."""
        return self._sessions.values()

    @property
    def count(self) -> int:
        """How many."""
        return len(self._sessions)

    async def open(self, agent: Agent, candidate: Candidate, context: InterviewContext) -> UUID:
        """Open a call; it is in the log when this returns.

        Raises `PeerError("server_full")`, or `StoreUnavailableError` if its opening could not be recorded.
        """
        if self.draining or len(self._sessions) + self._opening >= self._max_calls:
            raise _full()
        call, opened = open_call(
            call_id=uuid4(),
            tenant=TENANT,
            agent=agent,
            candidate=candidate,
            context=context,
            opened_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        )
        session = CallSession(
            call, self._make_link, self._make_logbook, self._judge, audio=self._audio, counts=self._counts
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
            _hang_up(session)
            raise _full()
        return call.id

    def _opened(self, session: CallSession, outcome: Outcome, awaited: bool) -> None:
        """An opening has its outcome. One that came too late for whoever asked is ended, so that its log says so."""
        self._opening -= 1
        if outcome is Outcome.DURABLE and not awaited and not self.draining:
            self._take_on(session)
            _hang_up(session)

    def _take_on(self, session: CallSession) -> None:
        self._sessions[session.call.id] = session
        self._idle.clear()
        self._group.create_task(self._live(session), name=f"call {session.call.id}")
        session.start_clock()

    def find(self, call_id: UUID) -> CallSession:
        """A live call. Raises `PeerError("call_unknown")`."""
        session = self._sessions.get(call_id)
        if session is None:
            raise PeerError("call_unknown", "This call is not on this server any more: open a new one.")
        return session

    async def drain(self, wait_s: float) -> None:
        """Take no more calls; tell those there are, end them, and return when all have settled or time is up."""
        self.draining = True
        for session in list(self._sessions.values()):
            session.tell(TellGoAway(int(wait_s * 1000)))
            _hang_up(session)
        try:
            await asyncio.wait_for(self._idle.wait(), wait_s)
        except TimeoutError:
            _log.warning("calls_not_settled", count=self.count)
        for session in list(self._sessions.values()):
            session.let_go()

    def _make_logbook(self, session: CallSession) -> Logbook:
        return Logbook(
            session.call.opened,
            self._writer,
            self._mapper,
            on_durable=session.durable,
            on_failed=session.log_failed,
            on_conflict=session.log_taken,
        )

    async def _live(self, session: CallSession) -> None:
        call: Call = session.call
        log = _log.bind(call_id=str(call.id))
        log.info("call_opened", agent=call.opened.agent.id)
        try:
            await session.run()
            log.info("call_settled", reason=call.record.close_reason, events=call.record.version)
        except* Exception as errors:  # the border: whatever breaks one call must not reach another
            log.error("call_broken", exc_info=errors)
            session.break_off()
        finally:
            del self._sessions[call.id]
            if not self._sessions:
                self._idle.set()


def _full() -> PeerError:
    return PeerError("server_full", "This server takes no more calls now: try again in a moment.")


def _record(
    session: CallSession, opened: CallOpened, then: Callable[[CallSession, Outcome, bool], None]
) -> asyncio.Future[Outcome]:
    """Write the opening down. `then` is told its outcome, and whether somebody still waits for it."""
    recorded: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    def came_out(outcome: Outcome) -> None:
        then(session, outcome, not recorded.done())
        if not recorded.done():
            recorded.set_result(outcome)

    session.logbook.record_opening(opened, came_out)
    return recorded


def _hang_up(session: CallSession) -> None:
    if session.call.state is not State.CLOSED:
        session.feed(HangupRequested(at_us=session.now_us(), by="server", reason="the server is shutting down"))
