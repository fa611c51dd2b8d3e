"""The laboratory: opens the rig, lets calls be held and faults happen, and gathers the evidence of
every call."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from adapters.postgres.migrate import upgrade
from adapters.postgres.store import open_store
from api.cli.screenplay import read_recording
from bench.chaos.candidate import Candidate
from bench.chaos.candidate import Manner as CandidateManner
from bench.chaos.evidence.evidence import CallEvidence, ClientEvidence
from bench.chaos.evidence.sessions import sessions_of
from bench.chaos.rig.balancer import Balancer
from bench.chaos.rig.database import Database
from bench.chaos.rig.interviewer import Interviewer
from bench.chaos.rig.interviewer import Manner as InterviewerManner
from bench.chaos.rig.processes import ROOT
from bench.chaos.rig.proxy import Proxy, to_port
from bench.chaos.rig.server import Server
from domain.events import CallSettled
from domain.ports import Side

RECORDINGS = ROOT / "tests" / "data" / "candidate"
_ANSWERS = ("answer_1", "answer_2", "answer_3", "interruption")
_SECRET = "the laboratory signs its tokens with this text"
_SETTLE_S = 25.0
_POLL_S = 0.25
_NOBODYS = frozenset({"never_connected", "hangup_by_server", "completed", "hangup_by_candidate"})
"""How a call may end that was recorded, but whose opening no client learned of."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What a run is made of."""

    servers: int = 2
    policy: Mapping[str, Any] = field(default_factory=dict)
    interviewer: InterviewerManner = field(default_factory=InterviewerManner)
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Laboratory:
    """The rig while it is open."""

    folder: Path
    database: Database
    interviewer: Interviewer
    gemini: Proxy
    servers: Sequence[Server]
    balancer: Balancer
    seed: int
    candidates: list[Candidate] = field(default_factory=list)

    @property
    def live(self) -> list[Candidate]:
        """Those who hold a call that is not over, as far as they know."""
        return [
            each
            for each in self.candidates
            if each.connected.is_set() and each.client is not None and not each.client.closed and not each.client.error
        ]

    async def hold(self, until: asyncio.Event, manner: CandidateManner | None = None) -> Candidate:
        """One call, held by a candidate with a proxy of their own, until it is over."""
        async with Proxy(self.balancer.route) as proxy:
            number = len(self.candidates) + 1
            candidate = Candidate(number, proxy, recordings(), self.seed, manner or CandidateManner())
            self.candidates.append(candidate)
            await candidate.hold(until)
        return candidate

    async def gather(self, show: Callable[[str], None] = lambda _: None) -> list[CallEvidence]:
        """The evidence of every call in the log, once all have settled or their time for that is
        over."""
        sessions = sessions_of(self.interviewer.sessions_folder)
        by_call = {each.call_id: each for each in self.candidates if each.call_id}
        found = []
        async with open_store(self.database.dsn) as store:
            await _settled(store, show)
            for call_id in await _calls(store):
                candidate = by_call.pop(str(call_id), None)
                events = [store.mapper.to_event(event) for event in await store.reader.select_events(call_id)]
                audio = [segment for side in Side for segment in await store.audio.select_audio(call_id, side)]
                name = events[0].candidate.name  # type: ignore[attr-defined]
                seen = CallEvidence(
                    call_id,
                    tuple(events),
                    tuple(audio),
                    candidate.evidence if candidate else ClientEvidence(),
                    tuple(sessions.get(name, ())) if candidate else (),
                )
                found.append(seen if candidate else _nobodys(seen))
        found += [CallEvidence(UUID(call_id), (), (), lost.evidence, ()) for call_id, lost in by_call.items()]
        return found

    def complaints(self) -> dict[str, int]:
        """What the servers logged as errors, and how often."""
        counts: dict[str, int] = {}
        for server in self.servers:
            for line in server.log.read_text(errors="replace").splitlines() if server.log.exists() else ():
                event = _error_of(line)
                if event:
                    counts[event] = counts.get(event, 0) + 1
        return counts


def _nobodys(seen: CallEvidence) -> CallEvidence:
    return CallEvidence(seen.call_id, seen.events, seen.audio, seen.client, seen.sessions, _NOBODYS)


def _error_of(line: str) -> str:
    try:
        said = json.loads(line)
    except ValueError:
        return "not a line of the log" if line.startswith("Traceback") else ""
    return str(said.get("event", "")) if said.get("level") in ("error", "critical") else ""


async def _calls(store: Any) -> list[UUID]:
    rows = await store.pool.fetch("SELECT originator_id FROM call_events WHERE originator_version = 1 ORDER BY 1")
    return [UUID(int=row[0].int) for row in rows]


async def _settled(store: Any, show: Callable[[str], None]) -> None:
    """Wait until every call has its end, but not for ever."""
    statement = """
        SELECT count(*) FROM call_events AS o WHERE originator_version = 1 AND NOT EXISTS
        (SELECT FROM call_events AS s WHERE s.originator_id = o.originator_id AND s.topic = $1)
    """
    left = -1
    for _ in range(round(_SETTLE_S / _POLL_S)):
        left = await store.pool.fetchval(statement, CallSettled.TOPIC)
        if not left:
            return
        await asyncio.sleep(_POLL_S)
    show(f"{left} calls have not settled")


@asynccontextmanager
async def laboratory(folder: Path, seed: int, layout: Layout) -> AsyncIterator[Laboratory]:
    """Everything running, until the end of the block."""
    async with AsyncExitStack() as stack:
        database, interviewer = (
            Database(folder / "postgres"),
            Interviewer(folder / "interviewer", RECORDINGS, layout.interviewer),
        )
        await asyncio.gather(stack.enter_async_context(database), stack.enter_async_context(interviewer))
        gemini = await stack.enter_async_context(Proxy(to_port("gemini", interviewer.port)))
        variables = {
            "DATABASE_URL": database.dsn,
            "VIVA_SECRET": _SECRET,
            "VIVA_AGENTS": str(_agents(folder, layout.policy)),
            "VIVA_MAX_CALLS": "500",
            "GEMINI_BASE_URL": f"wss://127.0.0.1:{gemini.port}",
            "GEMINI_CA_FILE": interviewer.ca_file,
            "GEMINI_API_KEY": "any",
        }
        servers = [Server(name, folder, variables | dict(layout.variables)) for name in "abcd"[: layout.servers]]
        for server in servers:
            stack.push_async_callback(server.close)
        await asyncio.to_thread(upgrade, database.dsn)
        await asyncio.gather(*(server.start() for server in servers))
        balancer = await stack.enter_async_context(Balancer(servers))
        yield Laboratory(folder, database, interviewer, gemini, servers, balancer, seed)


def _agents(folder: Path, policy: Mapping[str, Any]) -> Path:
    models = ["gemini-3.8-live", "gemini-3.1-flash-live-preview"]
    path = folder / "agents.json"
    path.write_text(json.dumps([{"id": "interviewer", "name": "Vera", "models": models, "policy": dict(policy)}]))
    return path


def recordings() -> dict[str, bytes]:
    """What candidates say, by name: PCM16 at 16 kHz."""
    if not _RECORDED:
        _RECORDED.update({name: read_recording(RECORDINGS / f"{name}.flac")[0] for name in _ANSWERS})
    return _RECORDED


_RECORDED: dict[str, bytes] = {}
