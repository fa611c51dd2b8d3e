"""What runs through the paths: messages as they come from a client and from the SDK, and a call
that takes them.

The live call, its appender, mapper, detector, intake, ring and send queue are the product's; the
store is the one in memory, the link ends at the queue before its socket, the client's wire swallows
what it is sent, and the scene sets the clock.
"""

import asyncio
import base64
import json
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast
from uuid import UUID

import numpy as np
import soxr
from google import genai
from google.genai.live import AsyncSession

from adapters.gemini.link import GeminiLink
from adapters.gemini.live_setup import live_setup
from adapters.gemini.settings import GeminiSettings
from adapters.loop_clock import LoopClock
from api.cli.screenplay import read_recording
from api.live.call import LiveCall
from api.live.client_link import ClientConnection
from api.live.log_appender import AppendListener, LogAppender
from api.wire.protocol import ClientAudio, Hello, encode_client_audio
from api.wire.send_queue import SendQueue
from api.wire.tokens import TokenMint
from domain import inputs as inp
from domain.call import Call, Decision, open_call
from domain.effects import DialModel
from domain.events import CallOpened
from domain.interview import Agent, Candidate, InterviewContext
from domain.policy import Policy, VoicePolicy
from domain.ports.model_link import LinkSink
from domain.states import State
from tests.fakes.call_ports import fake_ports
from tests.fakes.store import InMemoryStore

RECORDINGS = Path(__file__).parents[2] / "tests" / "data" / "candidate"
ANSWER, PAUSE_S, AFTER_S = "answer_1", 14, 0.4
FRAME_US = 20_000
VOICE = bytes(2 * 24_000 * 40 // 1000)
SETTINGS = GeminiSettings(base_url="https://127.0.0.1:9", uplink_bytes=1 << 30)

Detector = Literal["cascade", "silero", "webrtc"]


@cache
def scene(rate_hz: int) -> tuple[list[bytes], list[bytes]]:
    """Binary messages of 20 ms at a client's rate: a pause in a quiet room, then an answer;
    numbered through."""
    dice = np.random.default_rng(1)
    answer = np.frombuffer(read_recording(RECORDINGS / f"{ANSWER}.flac")[0], "<i2")
    parts = (np.zeros(PAUSE_S * 16_000), np.concatenate((answer, np.zeros(int(AFTER_S * 16_000)))))
    found: list[list[bytes]] = []
    seq = 0
    for part in parts:
        noisy = np.round(part + dice.normal(0, 8, len(part))).clip(-32768, 32767).astype(np.int16)
        wave = noisy if rate_hz == 16_000 else soxr.resample(noisy, 16_000, rate_hz)
        pcm, width = wave.astype("<i2").tobytes(), rate_hz // 50 * 2
        messages = [pcm[at : at + width] for at in range(0, len(pcm) - width + 1, width)]
        found.append([encode_client_audio(ClientAudio(seq + at, each)) for at, each in enumerate(messages)])
        seq += len(messages)
    return found[0], found[1]


def voice_json() -> bytes:
    """One message of the model's voice, 40 ms, as it comes from the socket."""
    part = {"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": base64.b64encode(VOICE).decode()}}
    return json.dumps({"serverContent": {"modelTurn": {"role": "model", "parts": [part]}}}).encode()


class SwallowingSocket:
    """A websocket that takes everything at once and always has the same message."""

    def __init__(self, message: bytes = b"") -> None:
        self.message = message
        self.sent = 0

    async def send(self, _: str) -> None:
        self.sent += 1

    async def recv(self, decode: bool | None = None) -> bytes:
        return self.message


def sdk_session(client: genai.Client, socket: SwallowingSocket) -> AsyncSession:
    """The SDK's session over a socket that costs nothing."""
    return AsyncSession(client._api_client, cast("Any", socket))


class SwallowingWire:
    """The client's websocket, without one."""

    def __init__(self) -> None:
        self.bytes = 0

    async def send_text(self, data: str) -> None:
        self.bytes += len(data)

    async def send_bytes(self, data: bytes) -> None:
        self.bytes += len(data)

    async def close(self, code: int, reason: str) -> None:
        pass


class QueueingLink(GeminiLink):
    """The link up to its queue: a dial is answered at once, and nothing empties what waits."""

    def dial(self, effect: DialModel) -> None:
        self.session = self.new_session(effect)
        self.session.connected = True
        self.sink.feed(inp.ModelConnected(at_us=self.sink.now_us(), model=effect.model, resumed=False, setup_ms=1))


class PacedClock(LoopClock):
    """A clock that the scene sets; its wake-ups cost what the product's cost."""

    moment_us = 0

    def now_us(self) -> int:
        return self.moment_us


class DeafListener(AppendListener):
    """Nobody asks what becomes of an append."""

    def durable(self, client_seq: int) -> None:
        pass

    def log_failed(self, reason: str) -> None:
        pass

    def log_taken(self) -> None:
        pass


class Rig:
    """One call, connected and listening. `async with Rig(...) as rig:`."""

    def __init__(self, client: genai.Client, rate_hz: int, detector: Detector, *, recording: bool = False) -> None:
        """`recording` keeps everything that passes through the core in `passed`."""
        self.passed: list[tuple[inp.Input, Decision]] = []
        self._rate_hz = rate_hz
        self.clock = PacedClock()

        def make_link(opened: CallOpened, sink: LinkSink) -> GeminiLink:
            return QueueingLink(client=client, settings=SETTINGS, setup=live_setup(opened), sink=sink)

        self.ports = fake_ports(InMemoryStore(), clock=self.clock, make_link=make_link)
        agent = Agent(id="bench", name="Vera", models=("m",), policy=Policy(voice=VoicePolicy(detector=detector)))
        self.call, self.opened = open_call(
            call_id=UUID(int=1),
            tenant="bench",
            agent=agent,
            candidate=Candidate(name="Ada"),
            context=InterviewContext(role="Engineer", questions=("Why?",), duration_minutes=180),
            opened_at="2026-01-01T00:00:00Z",
        )
        if recording:
            self.call = recorded(self.opened, self.passed)

    async def __aenter__(self) -> "Rig":
        self.live = LiveCall(self.call, self.ports)
        self.wire = SwallowingWire()
        self.send_queue = SendQueue(self.wire)
        self._sending = asyncio.create_task(self.send_queue.run())
        self.live.loop.appender.record_opening(self.opened)
        await self.live.model.link.__aenter__()
        token = TokenMint("bench" * 8, 600).issue(self.call.id)
        hello = Hello(token="", rate_hz=self._rate_hz)
        self.live.client.attach(ClientConnection(self.send_queue, token, 12_000), hello)
        await self.reply()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.live.loop.stop_alarm()
        self._sending.cancel()
        await asyncio.gather(self._sending, return_exceptions=True)

    @property
    def link(self) -> GeminiLink:
        """The call's."""
        return cast("GeminiLink", self.live.model.link)

    def appender(self) -> LogAppender:
        """Another one over the store in memory."""
        return LogAppender(self.call, self.ports, DeafListener())

    async def reply(self, ms: int = 1_000) -> None:
        """The model answers and is heard to the end, uncounted: afterwards nobody has the floor."""
        model = self.live.model
        for _ in range(ms // 40):
            model.feed(inp.ModelAudio(at_us=self.later(10_000), pcm=VOICE))
        model.feed(inp.GenerationCompleted(at_us=self.later(1_000)))
        for _ in range(ms // 50 + 10):
            self.report(self.later(50_000))
            await asyncio.sleep(0)
        model.feed(inp.ModelTurnCompleted(at_us=self.later(1_000)))
        assert self.call.state is State.LISTENING, self.call.state

    def report(self, at_us: int) -> None:
        """The client has played all that it was sent."""
        played = self.call.playout.sent_sample
        self.live.loop.feed(inp.PlaybackReported(at_us=at_us, played_sample=played))

    def later(self, us: int) -> int:
        """Let time pass."""
        self.clock.moment_us += us
        return self.clock.moment_us


def recorded(opened: CallOpened, passed: list[tuple[inp.Input, Decision]]) -> Call:
    """A call that was just opened; all that it handles is added to `passed`."""

    class Recorded(Call):
        """The list is no attribute of the call: a snapshot holds a call's attributes."""

        def handle(self, happened: inp.Input) -> Decision:
            decision = super().handle(happened)
            passed.append((happened, decision))
            return decision

    return Recorded(opened)
