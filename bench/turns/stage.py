"""One scene played to the real server path: session, intake, resampler, detector, core, appender,
send_queue, protocol.

Only the ends are simulated: the clock, the candidate at the send_queue's wire, the model at the
link's queue; the store is the one in memory.
"""

import asyncio
from collections.abc import Callable
from functools import cache, partial
from random import Random
from typing import Any, cast
from uuid import UUID

import msgspec

from adapters.postgres.log.mapper import EventMapper
from adapters.voice.factory import make_detector
from adapters.voice.turn_detector import TurnDetector
from api.live.log_appender import LogAppender
from api.live.session import LiveCall
from api.wire.protocol import Hello
from api.wire.send_queue import SendQueue
from api.wire.tokens import Token, TokenMint
from bench.paths_scene import SETTINGS
from bench.turns.caching import CachingDetector, CachingResampler, Features, Resampled
from bench.turns.client import Network, SimulatedClient
from bench.turns.corpus import RATE_HZ
from bench.turns.echo import Echo
from bench.turns.microphone import Microphone, render
from bench.turns.model import SimulatedLink, SimulatedModel
from bench.turns.scenes import Scene
from bench.turns.trace import Trace
from bench.turns.turn_detector import SimulatedTurnDetector, Verdicts
from domain.call import Call, Decision, open_call
from domain.effects import Effect, SendCandidateAudio
from domain.inputs import FACTS
from domain.interview import Agent, Candidate, InterviewContext
from domain.policy import Policy, VoicePolicy
from domain.ports import Side
from tests.fakes.simulated_loop import SimulatedLoop, simulate
from tests.fakes.store import InMemoryStore

_PATIENT_MS = 3_600_000
_CALL = UUID(int=1)
_PREDICTED = ("endpoint", "coughs")
"""Scenes in which it matters how a pause sounded; in the others the network, 0.1 s a question,
would only cost time."""


class Memory:
    """What is known of sounds already heard; one for all contestants of a scene."""

    def __init__(self) -> None:
        self.features: dict[str, Features] = {}
        self.resampled: Resampled = {}
        self.predicted: Verdicts = {}


class _LogAppender(LogAppender):
    """The product's appender; what is decided is noted on its way in."""

    note: Callable[[Decision], None]

    def record(self, decision: Decision, whole: bool = True) -> None:
        self.note(decision)
        super().record(decision, whole)


class _Session(LiveCall):
    """The product's session on the loop's clock. What it sends to the model is noted."""

    def __init__(
        self,
        loop: SimulatedLoop,
        call: Call,
        make_appender: Callable[[LiveCall], LogAppender],
        turn_detector: TurnDetector,
        store: InMemoryStore,
    ) -> None:
        self._loop = loop
        self.sent: list[tuple[int, int]] = []
        super().__init__(call, self._make_link, make_appender, turn_detector, audio=store)

    def now_us(self) -> int:
        return self._loop.now_us

    def _make_link(self, session: LiveCall) -> SimulatedLink:
        return SimulatedLink(
            client=cast("Any", None), settings=SETTINGS, deliver=session.feed, now_us=session.now_us, jitter=lambda: 0.0
        )

    def _carry(self, effect: Effect) -> None:
        if isinstance(effect, SendCandidateAudio):
            self.sent.append((effect.from_sample, effect.to_sample))
        super()._carry(effect)

    def remember(self, memory: Memory, voice: VoicePolicy, rate_hz: int) -> None:
        """Take results that are known from `memory`, and leave new ones there."""
        known = memory.features.setdefault(voice.detector, {})
        self.voice._detector = CachingDetector(partial(make_detector, voice.detector), known)
        intake = self.voice._intake
        if intake is not None and rate_hz != RATE_HZ:
            intake._resampler = CachingResampler(rate_hz, memory.resampled)


def play(
    scene: Scene,
    policy: Policy,
    rate_hz: int = 48_000,
    memory: Memory | None = None,
    watch: Callable[[LiveCall], None] = lambda _: None,
) -> Trace:
    """Play a scene under a policy. The same scene, policy and rate give the same trace.

    `watch` is given the session once it is connected, to lay stopwatches around its parts.
    """
    return simulate(partial(_play, scene=scene, policy=_waiting(policy), rate_hz=rate_hz, memory=memory, watch=watch))


def _waiting(policy: Policy) -> Policy:
    """A model that the scene keeps silent is neither nudged nor dialled again."""
    links = msgspec.structs.replace(policy.links, reply_timeout_ms=_PATIENT_MS, healthy_ms=_PATIENT_MS)
    return msgspec.structs.replace(policy, links=links)


@cache
def _token() -> Token:
    return TokenMint("bench" * 8, 600).issue(_CALL)


async def _play(
    loop: SimulatedLoop,
    scene: Scene,
    policy: Policy,
    rate_hz: int,
    memory: Memory | None,
    watch: Callable[[LiveCall], None],
) -> Trace:
    call, opened = open_call(
        call_id=_CALL,
        tenant="bench",
        agent=Agent(id="bench", name="Vera", models=("m",), policy=policy),
        candidate=Candidate(name="Ada"),
        context=InterviewContext(role="Engineer", questions=("Why?",), duration_minutes=180),
        opened_at="2026-01-01T00:00:00Z",
    )
    store, mapper = InMemoryStore(), EventMapper()
    trace = Trace(scene, [])

    def note(decision: Decision) -> None:
        for event in decision.events:
            if not isinstance(event, FACTS):
                trace.events.append(event)
        if not trace.states or trace.states[-1][1] is not call.state:
            trace.states.append((loop.now_us, call.state))

    def make_appender(session: LiveCall) -> LogAppender:
        book = _LogAppender(
            opened,
            store,
            mapper,
            on_durable=session.durable,
            on_failed=session.log_failed,
            on_conflict=session.log_taken,
        )
        book.note = note
        return book

    turn_detector = SimulatedTurnDetector(
        loop, {} if memory is None else memory.predicted, busy=scene.kind not in _PREDICTED
    )
    session = _Session(loop, call, make_appender, turn_detector, store)
    microphone = Microphone(scene, render(scene, rate_hz))
    dice = Random(f"network {scene.seed}")
    networks = tuple(Network(loop, dice, scene.network_ms, scene.jitter_ms) for _ in range(2))
    client = SimulatedClient(
        loop,
        microphone,
        rate_hz,
        Echo(scene.echo_db, scene.seed, rate_hz) if scene.echo_db is not None else None,
        cast("tuple[Network, Network]", networks),
        session,
    )
    link = cast("SimulatedLink", session.link)
    link.model = SimulatedModel(loop, scene.turns, session.feed, lambda: not client.microphone.in_answer(loop.now_us))
    over = loop.create_future()
    client.on_tick = partial(_end_when_over, scene, microphone, over)
    session.appender.record_opening(opened, lambda _: None)
    living = asyncio.create_task(session.run())
    send_queue = SendQueue(client)
    sending = asyncio.create_task(send_queue.run())
    await asyncio.sleep(0)
    session.client.attach(send_queue, Hello(token="", rate_hz=rate_hz), _token(), 12_000)
    if memory is not None:
        session.remember(memory, policy.voice, rate_hz)
    watch(session)
    client.start()
    living.add_done_callback(lambda task: _broke(task, over))
    try:
        await over
    finally:
        client.stop()
        session._alarm.stop()
        sending.cancel()
    trace.starts = microphone.starts
    trace.told = client.told
    trace.played = client.loudspeaker.played
    trace.windows = link.model.windows
    trace.heard_samples = call.hearing.next_sample
    trace.length_us = loop.now_us
    await _check_received(trace, store, session)
    return trace


def _end_when_over(scene: Scene, microphone: Microphone, over: asyncio.Future[None], now_us: int) -> None:
    ends_ms = microphone.ends_ms
    last_ms = scene.most_ms if ends_ms is None else max(scene.least_ms, ends_ms + scene.tail_ms)
    if now_us >= 1000 * min(last_ms, scene.most_ms) and not over.done():
        over.set_result(None)


def _broke(task: asyncio.Task[None], over: asyncio.Future[None]) -> None:
    """A call that ends by itself, or breaks, ends the scene."""
    if not over.done():
        error = None if task.cancelled() else task.exception()
        over.set_exception(error or RuntimeError("the call ended before its scene did"))


async def _check_received(trace: Trace, store: InMemoryStore, session: _Session) -> None:
    """Every byte that the model was given, against the log's own recording of the candidate at that
    place."""
    await store.flush()
    segments = await store.select_audio(_CALL, Side.CANDIDATE)
    logged = b"".join(segment.pcm for segment in segments) + b"".join(session.call.candidate_audio._pcm)
    received = b"".join(piece for window in trace.windows for piece in window.pieces)
    at = 0
    for first, last in session.sent:
        piece = received[at : at + 2 * (last - first)]
        at += len(piece)
        if piece == logged[2 * first : 2 * last]:
            trace.received.append((first, last))
        else:
            trace.received_wrong += last - first
    trace.received_wrong += (len(received) - at) // 2
