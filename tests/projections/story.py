"""Calls written event by event, and recorded through the real mapper and writer."""

from dataclasses import dataclass, field
from typing import Any, Self
from uuid import UUID, uuid4

import msgspec

from adapters.postgres.store import PostgresStore
from domain import events as ev
from domain import inputs as inp
from domain.event import Event
from domain.interview import Agent, Candidate, InterviewContext
from domain.policy import Policy
from domain.ports import Append, Outcome, StoredEvent
from domain.states import Link


@dataclass
class Story:
    """The events of one call, numbered as they are added."""

    tenant: str = "acme"
    agent: str = "ada"
    opened_at: str = "2026-11-22T09:00:00+00:00"
    call_id: UUID = field(default_factory=uuid4)
    events: list[Event] = field(default_factory=list)
    recorded: int = 0

    def tell(self, at_ms: float, kind: type[Event], **facts: Any) -> Self:
        """Add one event at `at_ms` of the call's clock."""
        if "evidence" in kind.__struct_fields__:
            facts.setdefault("evidence", {})
        version = len(self.events) + 1
        self.events.append(
            kind(originator_id=self.call_id, originator_version=version, at_us=_us(at_ms), seq=version, **facts)
        )
        return self

    def opened(self) -> Self:
        """The call was opened; its first reply is still to come."""
        return self.tell(
            0,
            ev.CallOpened,
            tenant=self.tenant,
            agent=Agent(id=self.agent, name="Ada", models=("gemini-3.8-live",)),
            candidate=Candidate(name="Grace Hopper", reference="c-17"),
            context=InterviewContext(role="Engineer", questions=("Why?",), language="en-GB"),
            policy=Policy(),
            decision_version=1,
            opened_at=self.opened_at,
        )

    def connected(self, at_ms: float = 100) -> Self:
        """Both links came up."""
        self.tell(at_ms, inp.ClientConnected, rate_hz=48_000, resumed=False)
        self.tell(at_ms, ev.LinkRestored, link=Link.CLIENT, missing=(Link.MODEL,))
        self.tell(at_ms, inp.ModelConnected, model="gemini-3.8-live", resumed=False, setup_ms=80)
        return self.tell(at_ms, ev.LinkRestored, link=Link.MODEL, missing=())

    def asked(self, at_ms: float, generation: int, turn: int, cause: str = "answer") -> Self:
        return self.tell(at_ms, ev.ReplyRequested, generation=generation, cause=cause, turn=turn)

    def played(self, at_ms: float, generation: int, turn: int, text: str, played_at_ms: float | None = None) -> Self:
        """A reply's first audio and text arrived; then its first sample was played."""
        self.tell(at_ms, ev.ReplyStarted, generation=generation, first_model_sample=0)
        self.tell(at_ms, inp.ModelTranscribed, text=text, generation=generation)
        played_us = _us(at_ms + 50 if played_at_ms is None else played_at_ms)
        return self.tell(played_us / 1_000, ev.ModelStarted, generation=generation, turn=turn, played_at_us=played_us)

    def finished(self, at_ms: float, generation: int) -> Self:
        return self.tell(at_ms, ev.ModelFinished, generation=generation)

    def started(self, at_ms: float, turn: int, onset_ms: float) -> Self:
        return self.tell(
            at_ms, ev.CandidateStarted, turn=turn, onset_sample=0, onset_at_us=_us(onset_ms), from_sample=0
        )

    def stopped(self, at_ms: float, turn: int, end_ms: float) -> Self:
        return self.tell(
            at_ms, ev.CandidateStopped, turn=turn, end_sample=0, end_at_us=_us(end_ms), to_sample=0, reason="silence"
        )

    def suspected(self, at_ms: float, generation: int, onset_ms: float) -> Self:
        return self.tell(at_ms, ev.BargeInSuspected, generation=generation, onset_sample=0, onset_at_us=_us(onset_ms))

    def dismissed(self, at_ms: float, generation: int, held_ms: int) -> Self:
        return self.tell(at_ms, ev.BargeInDismissed, generation=generation, reason="silence", held_ms=held_ms)

    def confirmed(self, at_ms: float, generation: int, turn: int, onset_ms: float, reason: str = "voiced") -> Self:
        return self.tell(
            at_ms,
            ev.BargeInConfirmed,
            generation=generation,
            turn=turn,
            from_sample=0,
            onset_sample=0,
            onset_at_us=_us(onset_ms),
            reason=reason,
        )

    def closed(self, at_ms: float, reason: str = "completed", detail: str = "The interview is over.") -> Self:
        return self.tell(at_ms, ev.CallClosed, reason=reason, detail=detail, ignored={})

    async def record(self, store: PostgresStore) -> Self:
        """Append the events added since the last time, as one atomic addition."""
        fresh, self.recorded = self.events[self.recorded :], len(self.events)
        await append(store, self.call_id, self.tenant, [store.mapper.to_stored_event(each) for each in fresh])
        return self


def interview(**about: Any) -> Story:
    """A short interview with everything in it: an "uh-huh", an interruption, late and interim
    transcripts, usage."""
    story = Story(**about).opened().connected()
    story.asked(100, 1, 0, "opening").played(600, 1, 0, "Hello Grace, why?", 650).finished(2_000, 1)
    story.started(2_600, 1, 2_500).tell(2_700, inp.CandidateTranscribed, text="Beca", interim=True, turn=1)
    story.stopped(4_700, 1, 4_000).asked(4_700, 2, 1).played(5_200, 2, 1, "I see.", 5_260)
    story.tell(5_300, inp.CandidateTranscribed, text="Because of ", turn=1)
    story.tell(5_310, inp.CandidateTranscribed, text="the moth.", turn=1)
    story.suspected(5_480, 2, 5_400).dismissed(5_840, 2, 360)
    story.tell(5_900, inp.ModelTranscribed, text=" And what came after that?", generation=2)
    story.suspected(6_070, 2, 6_000).confirmed(6_480, 2, 2, 6_000)
    story.tell(
        6_480, ev.ReplyCut, generation=2, received_ms=4_000, sent_ms=1_210, heard_ms=810, heard_text="I see. And"
    )
    story.tell(6_500, inp.RoundTripMeasured, round_trip_us=30_000)
    story.tell(6_510, inp.RoundTripMeasured, round_trip_us=50_000)
    usage = {
        "promptTokenCount": 120,
        "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 100}, {"modality": "TEXT", "tokenCount": 20}],
        "responseTokenCount": 40,
        "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": 40}],
    }
    story.tell(6_600, inp.UsageReported, usage=usage).tell(6_700, inp.UsageReported, usage=usage)
    story.stopped(8_100, 2, 7_400).tell(8_200, inp.CandidateTranscribed, text="Nothing.", turn=2)
    story.asked(8_100, 3, 2).played(8_900, 3, 2, "Goodbye.", 9_000).finished(10_000, 3)
    return story.closed(10_500)


async def append(store: PostgresStore, call_id: UUID, tenant: str, stored: list[StoredEvent]) -> None:
    """Record `stored` and see that it is durable."""
    outcomes: list[Outcome] = []
    store.writer.submit(Append(call_id, tenant, tuple(stored)), outcomes.append)
    await store.writer.flush()
    assert outcomes == [Outcome.DURABLE]


def broken(story: Story) -> StoredEvent:
    """A next event of the story whose state does not fit its topic."""
    story.events.append(ev.ModelFinished(originator_id=story.call_id, generation=0, evidence={}))
    story.recorded = len(story.events)
    state = msgspec.json.encode({"at_us": 1, "seq": 1, "generation": "not a number", "evidence": {}})
    return StoredEvent(story.call_id, len(story.events), ev.ModelFinished.TOPIC, state)


def _us(ms: float) -> int:
    return round(ms * 1_000)
