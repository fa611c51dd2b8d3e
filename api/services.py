"""Everything a running server is made of, opened in order and closed in the reverse: the
composition root."""

import asyncio
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import structlog

from adapters.gemini.client import open_client
from adapters.gemini.link import link_maker
from adapters.gemini.settings import GeminiSettings
from adapters.loop_clock import LoopClock
from adapters.pacing import Backoff
from adapters.postgres.leases import Leases
from adapters.postgres.store import PostgresStore, open_store
from adapters.telemetry.loop_lag import LoopLag
from adapters.voice.echo import LearningEchoGauge
from adapters.voice.factory import make_detector
from adapters.voice.resample import SoxrResampler
from adapters.voice.silero import shared_session
from adapters.voice.turn_detector import SmartTurnDetector
from api.agents import Agents, read_agents
from api.background import running
from api.connections.admission import AdmissionGate
from api.database import open_database
from api.live.call_ports import CallPorts
from api.live.counts import Counts
from api.ownership.orphans import watch_for_orphans
from api.ownership.registry import CallRegistry
from api.rehearsal_process import running_rehearsal
from api.runtime import read_runtime
from api.settings import Settings
from api.wire.tokens import TokenMint, kept_secret
from projections.catalogue import READ_MODELS
from projections.read_model import ReadModel
from projections.runner import ProjectionRunner

_log = structlog.get_logger(__name__)
_PROJECTIONS_GATHER_S = 0.2


@dataclass(frozen=True, slots=True)
class Services:
    """What the handlers work with."""

    settings: Settings
    leases: Leases
    store: PostgresStore
    agents: Agents
    mint: TokenMint
    registry: CallRegistry
    runners: tuple[ProjectionRunner, ...]
    gemini: GeminiSettings
    rehearsal: Process | None
    """The interviewer that was started for this server, if one was."""
    turn_detector: SmartTurnDetector | None
    counts: Counts
    loop_lag: LoopLag
    gate: AdmissionGate

    @property
    def rehearsing(self) -> bool:
        """Whether calls are held by the rehearsal interviewer."""
        return self.rehearsal is not None


@asynccontextmanager
async def open_services(
    settings: Settings, read_models: Mapping[str, ReadModel] = READ_MODELS
) -> AsyncIterator[Services]:
    """Open everything; this process keeps `read_models` up to date. Raises Viva's own errors, each
    with a sentence that says what to set or start."""
    async with AsyncExitStack() as stack:
        counts, loop_lag = Counts(), LoopLag()
        agents = read_agents(settings.agents_file)
        mint = TokenMint(settings.secret or kept_secret(settings.data_dir), settings.token_lifetime_s)
        await asyncio.to_thread(shared_session)
        turn_detector: SmartTurnDetector | None = None
        if any(agent.policy.endpoint.turn_detector != "none" for agent in agents.all()):
            turn_detector = SmartTurnDetector()
            await asyncio.to_thread(turn_detector.__enter__)
            stack.push(turn_detector)
        dsn = await stack.enter_async_context(open_database(settings))
        # Given up after the writer has written what waits: until then these calls are this
        # process's.
        leases = await stack.enter_async_context(Leases(dsn))
        store = await stack.enter_async_context(open_store(dsn))
        rehearsal: Process | None = None
        if settings.gemini is not None:
            gemini = settings.gemini
        else:
            gemini, rehearsal = await stack.enter_async_context(running_rehearsal(settings))
        client = await stack.enter_async_context(open_client(gemini))
        runners = tuple(
            ProjectionRunner(
                model,
                store.reader,
                store.pool,
                store.mapper.to_event,
                backoff=Backoff(first_s=0.1),
                gather_s=_PROJECTIONS_GATHER_S,
            )
            for model in read_models.values()
        )
        watching = {f"projection {runner.status.name}": runner.run() for runner in runners}
        await stack.enter_async_context(running(watching | {"loop lag": loop_lag.run()}))
        ports = CallPorts(
            writer=store.writer,
            reader=store.reader,
            audio=store.audio,
            codec=store.mapper,
            clock=LoopClock(),
            make_link=link_maker(client, gemini),
            make_detector=make_detector,
            make_echo_gauge=LearningEchoGauge,
            make_resampler=SoxrResampler,
            turn_detector=turn_detector,
            counts=counts,
            runtime=await read_runtime(settings.build, turn_detector=turn_detector is not None),
            service=gemini.service,
        )
        registry = CallRegistry(ports, leases, settings.max_calls)
        leases.on_asked = registry.asked_for
        await stack.enter_async_context(registry)
        stack.push_async_callback(registry.drain, settings.drain_s)
        await stack.enter_async_context(running({"orphans": watch_for_orphans(leases, registry)}))
        yield Services(
            settings=settings,
            leases=leases,
            store=store,
            agents=agents,
            mint=mint,
            registry=registry,
            runners=runners,
            gemini=gemini,
            rehearsal=rehearsal,
            turn_detector=turn_detector,
            counts=counts,
            loop_lag=loop_lag,
            gate=AdmissionGate(settings.max_waiting),
        )
