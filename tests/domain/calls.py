"""Calls for the tests of the core: opened, connected, and driven input by input on a clock of their
own."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import msgspec

from domain import inputs as inp
from domain.call import Call, Decision, open_call
from domain.effects import DialModel, Effect, StoreAudio
from domain.event import Event
from domain.interview import Agent, Candidate, InterviewContext
from domain.policy import EndpointPolicy, Policy
from domain.ports import AudioSegment
from domain.record.conversation import Conversation, Turn, seed_turns
from domain.recovery.recover import recover
from domain.sound.features import FrameFeatures

CALL_ID = UUID("00000000-0000-4000-8000-000000000001")
VOICED = FrameFeatures(level=190, gate=1, voice=250)
SILENT = FrameFeatures(level=60, gate=0, voice=2)
CHUNK_MS = 40
PLAIN = Policy(endpoint=EndpointPolicy(strategy="silence"))
"""An answer is over after 700 ms of silence, whatever it sounds like."""


def an_agent(policy: Policy | None = None, models: tuple[str, ...] = ("first", "second")) -> Agent:
    return Agent(id="test", name="Vera", models=models, policy=policy or PLAIN)


def a_call(policy: Policy | None = None, models: tuple[str, ...] = ("first", "second")) -> Call:
    context = InterviewContext(role="Engineer", questions=("Why?", "How?"))
    candidate = Candidate(name="Ada")
    agent = an_agent(policy, models)
    call, _ = open_call(
        call_id=CALL_ID,
        tenant="default",
        agent=agent,
        candidate=candidate,
        context=context,
        opened_at="2026-01-01T00:00:00Z",
    )
    return call


class Driver:
    """Feeds a call and keeps what it emitted. Time passes only as a test says; a frame takes 20
    ms."""

    def __init__(self, policy: Policy | None = None, models: tuple[str, ...] = ("first", "second")) -> None:
        self.call = a_call(policy, models)
        self.now_us = 0
        self.events: list[Event] = [self.call.opened]
        self.effects: list[Effect] = []
        self.played = 0
        self.inputs: list[inp.Input] = []
        self._recorded = (1, 0, 0)

    def happens(self, happened: Any, after_us: int = 0) -> Decision:
        if isinstance(happened, inp.CallTakenOver):
            return self.crashes(after_us)
        return self._happens(happened, after_us)

    def _happens(self, happened: Any, after_us: int) -> Decision:
        self.now_us += after_us
        stamped = msgspec.structs.replace(happened, at_us=self.now_us)
        self.inputs.append(stamped)
        decision = self.call.handle(stamped)
        self.events += decision.events
        self.effects += decision.effects
        if self.call.fully_sealed:
            self._recorded = len(self.events), len(self.effects), len(self.inputs)
        return decision

    def loses_what_is_not_recorded(self) -> None:
        """Its process is gone, and with it whatever was not in the log yet."""
        events, effects, inputs = self._recorded
        del self.events[events:], self.effects[effects:], self.inputs[inputs:]

    def crashes(self, after_us: int = 0) -> Decision:
        """Its process is gone, and another one takes the call over from the log."""
        self.loses_what_is_not_recorded()
        self.call = recover(self.events, segments(self.call, self.effects)).call
        epoch = self.call.record.epoch + 1
        takeover = inp.CallTakenOver(
            epoch=epoch,
            process=f"process {epoch}",
            taken_over_at="2026-01-01T00:01:00Z",
            before=self.call.record.process,
        )
        return self._happens(takeover, after_us)

    def connected(self) -> "Driver":
        self.happens(inp.ClientConnected(rate_hz=48_000, resumed=False))
        self.happens(inp.ModelConnected(model="first", resumed=False, setup_ms=100), 100_000)
        return self

    def speaks(self, ms: int) -> None:
        self._frames(ms, VOICED)

    def keeps_silent(self, ms: int) -> None:
        self._frames(ms, SILENT)

    def _frames(self, ms: int, features: FrameFeatures) -> None:
        for _ in range(ms // 20):
            self.happens(inp.CandidateFrame(at_us=0, client_seq=0, features=features, pcm=bytes(640)), 20_000)

    def model_sends(self, ms: int, complete: bool = True) -> None:
        for _ in range(ms // CHUNK_MS):
            self.happens(inp.ModelAudio(at_us=0, pcm=bytes(CHUNK_MS * 48)), 10_000)
        if complete:
            self.happens(inp.GenerationCompleted())

    def client_plays(self, ms: int) -> None:
        """Play in real time, reporting every 100 ms, while the candidate is silent."""
        for _ in range(ms // 100):
            self.keeps_silent(100)
            self.played = min(max(self.played, self.call.playout.start_sample) + 2_400, self.call.playout.sent_sample)
            self.happens(inp.PlaybackReported(played_sample=self.played))

    def asked(self, reply_ms: int = 2_000) -> "Driver":
        """The opening question was asked and heard in full."""
        self.connected()
        self.model_sends(reply_ms)
        self.happens(inp.ModelTurnCompleted())
        self.client_plays(reply_ms + 200)
        return self

    def last(self, kind: type[Event]) -> Any:
        return [event for event in self.events if type(event) is kind][-1]

    def count(self, kind: type) -> int:
        return sum(type(item) is kind for item in [*self.events, *self.effects])

    @property
    def conversation(self) -> Conversation:
        """What was said, as the events tell."""
        conversation = Conversation()
        for event in self.events:
            conversation.fold(event)
        return conversation

    def seed_of(self, dialled: DialModel) -> tuple[Turn, ...]:
        """What the session that was dialled is given as its past."""
        return () if dialled.seed is None else seed_turns(self.conversation, dialled.seed)

    def audio_segments(self) -> list[StoreAudio]:
        return [effect for effect in self.effects if isinstance(effect, StoreAudio)]


def segments(call: Call, effects: Iterable[Effect]) -> list[AudioSegment]:
    """What `effects` asked to have stored, as the audio store would hand it back."""
    return [
        AudioSegment(
            call_id=call.id,
            tenant=call.tenant,
            side=effect.side,
            sha256=effect.sha256,
            rate_hz=effect.rate_hz,
            first_sample=effect.first_sample,
            pcm=effect.pcm,
            arrivals=effect.arrivals,
        )
        for effect in effects
        if isinstance(effect, StoreAudio)
    ]
