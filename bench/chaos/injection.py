"""Carrying out the schedule: each fault on what it is aimed at, and what came of it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from time import monotonic, time

from bench.chaos.candidate import Candidate
from bench.chaos.rig.database import Database
from bench.chaos.rig.interviewer import Interviewer
from bench.chaos.rig.server import Server
from bench.chaos.schedule import Kind, Strike

_MOST_JITTER_S = 0.3
_GARBAGE = ("json", "binary", "list", "unknown", "wrong")


@dataclass(slots=True)
class Injected:
    """A fault that was made: when, what was back when, and whose calls it hit (their numbers)."""

    strike: Strike
    at_s: float
    back_s: float = 0.0
    """From when on what the fault took away was there again."""
    hit: list[int] = field(default_factory=list)
    failed: str = ""

    @property
    def kind(self) -> Kind:
        return self.strike.kind


class Injector:
    """Strikes at servers, database, interviewer and clients. `another` says whether other servers
    stay up meanwhile."""

    def __init__(
        self,
        servers: Sequence[Server],
        database: Database,
        interviewer: Interviewer,
        live: Callable[[], Sequence[Candidate]],
        show: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._servers = servers
        self._database = database
        self._interviewer = interviewer
        self._live = live
        self._show = show
        self._one_server, self._one_outage = asyncio.Lock(), asyncio.Lock()
        """A server, or the database, that has not come back yet is waited for, however slow the
        machine."""
        self.injected: list[Injected] = []

    async def run(self, strikes: Iterable[Strike]) -> None:
        """All of them, at their times; returns when the last is over."""
        began = monotonic()
        async with asyncio.TaskGroup() as group:
            for strike in strikes:
                await asyncio.sleep(max(0.0, began + strike.at_s - monotonic()))
                group.create_task(self._strike(strike))

    async def _strike(self, strike: Strike) -> None:
        made = Injected(strike, time())
        self.injected.append(made)
        await self._deed(strike.kind)(strike, made)
        self._show(f"{strike.kind} hit {len(made.hit)} calls")

    def _deed(self, kind: Kind) -> Callable[[Strike, Injected], Awaitable[None]]:
        if kind in (Kind.KILL, Kind.DRAIN):
            return self._server_ends
        if kind.startswith("postgres"):
            return self._postgres
        return self._gemini if kind.startswith("gemini") else self._client

    # --- servers -----------------------------------------------------------------------------------------------------

    async def _server_ends(self, strike: Strike, made: Injected) -> None:
        async with self._one_server:
            server = self._server(strike)
            made.hit = self._served_by(server)
            made.at_s = time()
            await (server.killed() if strike.kind is Kind.KILL else server.drained())
            await asyncio.sleep(strike.for_s)
            await self._start(server, made)

    def _server(self, strike: Strike) -> Server:
        """A restart takes one after the other; a kill takes the server of the call that it is
        aimed at."""
        live = self._live()
        if strike.kind is Kind.DRAIN or not live:
            return self._servers[strike.number % len(self._servers)]
        serving = live[int(strike.aim * len(live))].proxy.newest
        return next((each for each in self._servers if serving and serving.backend == each.label), self._servers[0])

    async def _start(self, server: Server, made: Injected) -> None:
        others = any(each.up for each in self._servers if each is not server)
        await server.supervised()
        made.back_s = made.at_s if others else server.lives[-1].ready_s

    def _served_by(self, server: Server) -> list[int]:
        label = server.label
        served = [each for each in self._live() if each.proxy.live]
        return [each.number for each in served if any(passage.backend == label for passage in each.proxy.live)]

    # --- the database ------------------------------------------------------------------------------------------------

    async def _postgres(self, strike: Strike, made: Injected) -> None:
        async with self._one_outage:
            made.hit = [each.number for each in self._live()]
            made.at_s = time()
            await self._database.stop(strike.kind.removeprefix("postgres "))
            await asyncio.sleep(strike.for_s)
            await self._database.start()
            made.back_s = time()

    # --- clients -----------------------------------------------------------------------------------------------------

    async def _client(self, strike: Strike, made: Injected) -> None:
        candidate = self._candidate(strike, made)
        if candidate is None:
            return
        made.at_s = made.back_s = time()
        match strike.kind:
            case Kind.CUT:
                candidate.proxy.cut()
            case Kind.STALL:
                candidate.proxy.stall(strike.for_s)
            case _:
                candidate.proxy.jitter(strike.for_s, _MOST_JITTER_S)

    def _candidate(self, strike: Strike, made: Injected) -> Candidate | None:
        live = self._live()
        if not live:
            made.failed = "no call was there to be hit"
            return None
        in_turn = strike.kind.startswith("gemini")  # two in one session would be one, and three in a row end a call
        candidate = live[strike.number % len(live) if in_turn else int(strike.aim * len(live))]
        made.hit = [candidate.number]
        return candidate

    # --- Gemini ------------------------------------------------------------------------------------------------------

    async def _gemini(self, strike: Strike, made: Injected) -> None:
        candidate = self._candidate(strike, made)
        if candidate is None:
            return
        match strike.kind:
            case Kind.GEMINI_REFUSE:
                await self._interviewer.faults(f"refuse at=dial times=0 for_ms={round(strike.for_s * 1000)}")
            case Kind.GEMINI_EXPIRE:
                await self._interviewer.expire()
            case Kind.GEMINI_HANG:
                await self._interviewer.faults("silence at=reply")
                made.at_s = made.back_s = time()
                return
        made.at_s = time()
        made.back_s = made.at_s + (strike.for_s if strike.kind is Kind.GEMINI_REFUSE else 0.0)
        if not await self._interviewer.strike(self._fault(strike), candidate.name):
            made.failed = "the call had no session to be hit"

    def _fault(self, strike: Strike) -> str:
        match strike.kind:
            case Kind.GEMINI_ABORT:
                return "drop abort=true"
            case Kind.GEMINI_GO_AWAY:
                return f"go_away time_left_ms={round(strike.for_s * 1000)}"
            case Kind.GEMINI_GARBAGE:
                return f"garbage what={_GARBAGE[int(strike.aim * 997) % len(_GARBAGE)]}"
            case Kind.GEMINI_STALL:
                return f"stall ms={round(strike.for_s * 1000)}"
            case _:
                return "drop code=1011"
