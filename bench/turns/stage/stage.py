"""One scene played to the real server path: the live call with its intake, resampler, detector,
core, appender, send queue and protocol.

Only the ends are simulated: the clock, the candidate at the send queue's wire, the model at the
call's link; the store is the one in memory.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from random import Random
from typing import cast
from uuid import UUID

import msgspec

from adapters.voice.factory import DetectorKind, make_detector
from adapters.voice.resample import SoxrResampler
from api.live.call import LiveCall
from api.live.call_ports import CallPorts
from api.live.client_link import ClientConnection
from api.wire.protocol import Hello
from api.wire.send_queue import SendQueue
from api.wire.tokens import Token, TokenMint
from bench.turns.scenes.corpus import RATE_HZ
from bench.turns.scenes.scene import Scene
from bench.turns.stage.caching import CachingDetector, CachingResampler, Features, Resampled
from bench.turns.stage.client import Network, SimulatedClient
from bench.turns.stage.echo import Echo
from bench.turns.stage.microphone import Microphone, render
from bench.turns.stage.model import SimulatedLink, SimulatedModel
from bench.turns.stage.trace import Trace
from bench.turns.stage.turn_detector import SimulatedTurnDetector, Verdicts
from domain.call import Call, Decision, open_call
from domain.effects import SendCandidateAudio
from domain.inputs import FACTS, Input
from domain.interview import Agent, Candidate, InterviewContext
from domain.policy import Policy
from domain.ports import Side
from domain.ports.voice import Resampler, VoiceDetector
from tests.fakes.call_ports import fake_ports
from tests.fakes.clock import SimulatedClock
from tests.fakes.simulated_loop import SimulatedLoop, simulate
from tests.fakes.store import InMemoryStore

_PATIENT_MS = 3_600_000
_CALL = UUID(int=1)
_PREDICTED = ("endpoint", "coughs")
"""Scenes in which it matters how a pause sounded; in the others the network, 0.1 s a question,
would only cost time."""


class Known:
    """What is known of sounds already heard; one for all contestants of a scene."""

    def __init__(self) -> None:
        self.features: dict[str, Features] = {}
        self.resampled: Resampled = {}
        self.predicted: Verdicts = {}

    def make_detector(self, kind: DetectorKind) -> VoiceDetector:
        """A detector that takes what is known from here, and leaves here what is new."""
        return CachingDetector(partial(make_detector, kind), self.features.setdefault(kind, {}))

    def make_resampler(self, rate_hz: int) -> Resampler:
        """The same of a resampler."""
        return SoxrResampler(rate_hz) if rate_hz == RATE_HZ else CachingResampler(rate_hz, self.resampled)


class Witness:
    """Writes down what a call decides."""

    def __init__(self, loop: SimulatedLoop, trace: Trace) -> None:
        self.sent: list[tuple[int, int]] = []
        """What was sent to the model, as ranges of the candidate's stream."""
        self._loop = loop
        self._trace = trace

    def note(self, call: Call, decision: Decision) -> None:
        """One decision."""
        trace = self._trace
        trace.events += [event for event in decision.events if not isinstance(event, FACTS)]
        if not trace.states or trace.states[-1][1] is not call.state:
            trace.states.append((self._loop.now_us, call.state))
        sent = (effect for effect in decision.effects if isinstance(effect, SendCandidateAudio))
        self.sent += [(effect.from_sample, effect.to_sample) for effect in sent]


def watched(call: Call, witness: Witness) -> Call:
    """The same call, just opened, whose decisions are noted."""

    class Watched(Call):
        """The witness is no attribute of the call: a snapshot holds a call's attributes."""

        def handle(self, happened: Input) -> Decision:
            decision = super().handle(happened)
            witness.note(self, decision)
            return decision

    return Watched(call.opened)


def play(
    scene: Scene,
    policy: Policy,
    rate_hz: int = 48_000,
    known: Known | None = None,
    adapt: Callable[[CallPorts], CallPorts] = lambda ports: ports,
    watch: Callable[[LiveCall], None] = lambda _: None,
) -> Trace:
    """Play a scene under a policy. The same scene, policy and rate give the same trace.

    `adapt` may change the call's ports; `watch` is given the call once it is connected, to lay
    stopwatches around its parts.
    """
    main = partial(_play, scene=scene, policy=_waiting(policy), rate_hz=rate_hz, known=known, adapt=adapt, watch=watch)
    return simulate(main)


def _waiting(policy: Policy) -> Policy:
    """A model that the scene keeps silent is neither nudged nor dialled again."""
    links = msgspec.structs.replace(policy.links, reply_timeout_ms=_PATIENT_MS, healthy_ms=_PATIENT_MS)
    return msgspec.structs.replace(policy, links=links)


@cache
def _token() -> Token:
    return TokenMint("bench" * 8, 600).issue(_CALL)


def _ports(loop: SimulatedLoop, scene: Scene, known: Known | None, store: InMemoryStore) -> CallPorts:
    verdicts = {} if known is None else known.predicted
    turn_detector = SimulatedTurnDetector(loop, verdicts, busy=scene.kind not in _PREDICTED)
    clock = SimulatedClock(loop)
    ports = fake_ports(store, clock=clock, make_link=SimulatedLink, turn_detector=turn_detector)
    if known is not None:
        ports = replace(ports, make_detector=known.make_detector, make_resampler=known.make_resampler)
    return ports


def _open(policy: Policy) -> Call:
    call, _ = open_call(
        call_id=_CALL,
        tenant="bench",
        agent=Agent(id="bench", name="Vera", models=("m",), policy=policy),
        candidate=Candidate(name="Ada"),
        context=InterviewContext(role="Engineer", questions=("Why?",), duration_minutes=180),
        opened_at="2026-01-01T00:00:00Z",
    )
    return call


def _client(loop: SimulatedLoop, scene: Scene, rate_hz: int, live: LiveCall) -> SimulatedClient:
    dice = Random(f"network {scene.seed}")
    networks = tuple(Network(loop, dice, scene.network_ms, scene.jitter_ms) for _ in range(2))
    return SimulatedClient(
        loop,
        Microphone(scene, render(scene, rate_hz)),
        rate_hz,
        Echo(scene.echo_db, scene.seed, rate_hz) if scene.echo_db is not None else None,
        cast("tuple[Network, Network]", networks),
        live.client,
    )


async def _play(
    loop: SimulatedLoop,
    scene: Scene,
    policy: Policy,
    rate_hz: int,
    known: Known | None,
    adapt: Callable[[CallPorts], CallPorts],
    watch: Callable[[LiveCall], None],
) -> Trace:
    store, trace = InMemoryStore(), Trace(scene, [])
    witness = Witness(loop, trace)
    call = watched(_open(policy), witness)
    live = LiveCall(call, adapt(_ports(loop, scene, known, store)))
    client = _client(loop, scene, rate_hz, live)
    link = cast("SimulatedLink", live.model.link)
    link.model = SimulatedModel(
        loop, scene.turns, live.model.feed, lambda: not client.microphone.in_answer(loop.now_us)
    )
    over = loop.create_future()
    client.on_tick = partial(_end_when_over, scene, client.microphone, over)
    opening = live.loop.appender.record_opening(call.opened)
    living = asyncio.create_task(live.run())
    send_queue = SendQueue(client)
    sending = asyncio.create_task(send_queue.run())
    await asyncio.sleep(0)
    live.client.attach(ClientConnection(send_queue, _token(), 12_000), Hello(token="", rate_hz=rate_hz))
    watch(live)
    client.start()
    living.add_done_callback(lambda task: _broke(task, over))
    try:
        await over
    finally:
        client.stop()
        live.loop.stop_alarm()
        sending.cancel()
    await opening
    trace.starts = client.microphone.starts
    trace.messages = client.messages
    trace.played = client.loudspeaker.played
    trace.windows = link.model.windows
    trace.heard_samples = call.hearing.next_sample
    trace.length_us = loop.now_us
    found = replace(trace, events=list(trace.events), states=list(trace.states))
    await _check_received(found, store, live, list(witness.sent))
    return found


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


async def _check_received(trace: Trace, store: InMemoryStore, live: LiveCall, sent: list[tuple[int, int]]) -> None:
    """Every byte that the model was given, against the log's own recording of the candidate at that
    place. The call is ended for that, so that all of it is recorded."""
    received = b"".join(piece for window in trace.windows for piece in window.pieces)
    live.hang_up("operator", "the scene is over")
    live.loop.stop_alarm()
    await store.flush()
    segments = await store.select_audio(_CALL, Side.CANDIDATE)
    logged = b"".join(segment.pcm for segment in segments)
    at = 0
    for first, last in sent:
        piece = received[at : at + 2 * (last - first)]
        at += len(piece)
        if piece == logged[2 * first : 2 * last]:
            trace.received.append((first, last))
        else:
            trace.received_wrong += last - first
    trace.received_wrong += (len(received) - at) // 2
