"""A call without sockets, processes or clocks: the core, and around it a client, a store and a
Gemini made of lists.

What comes out is the evidence that the laboratory gathers from real ones, of a call in which
nothing went wrong.
"""

from datetime import UTC, datetime
from typing import Any

import msgspec

from api.wire.messages import message_of
from bench.chaos.evidence.course import seconds
from bench.chaos.evidence.evidence import (
    CallEvidence,
    ClientEvidence,
    Connection,
    GeminiSession,
    Received,
    ReceivedMessage,
    Window,
)
from bench.marks import marked
from domain import effects as fx
from domain import events as ev
from domain import inputs as inp
from domain.call import Call, Decision
from domain.event import Event
from domain.ports import AudioSegment, Side
from domain.record.client_messages import kept_version, messages_in
from domain.recovery.recover import recover
from domain.sound.features import FrameFeatures
from domain.states import State
from tests.domain.calls import CHUNK_MS, SILENT, VOICED, a_call

OPENED_AT = "2026-01-01T00:00:00.000Z"


class PaperCall:
    """One call, driven by hand. A frame takes 20 ms; every 20 ms of either voice are unlike all
    others."""

    def __init__(self) -> None:
        self.call: Call = a_call()
        self.now_us = 0
        self.events: list[Event] = [self.call.opened]
        self.audio: list[AudioSegment] = []
        self.client = ClientEvidence()
        self.sessions: list[GeminiSession] = []
        self.epoch = self._seen_epoch = 1
        self.durable = 1
        """So many events are in the log by now: what is said after them may still be lost."""
        self._features: list[FrameFeatures] = []
        self._handle = ""
        self._handles = 0
        self._chunks = 0
        self._voice = bytearray()
        """The interviewer's stream, by position."""

    def evidence(self) -> CallEvidence:
        """All of it, as it would be gathered."""
        return CallEvidence(self.call.id, tuple(self.events), tuple(self.audio), self.client, tuple(self.sessions))

    @property
    def now_s(self) -> float:
        return seconds(OPENED_AT) + self.now_us / 1e6

    # --- what happens ------------------------------------------------------------------------------------------------

    def happens(self, happened: Any, after_us: int = 0) -> Decision:
        """Feed an input, record what it led to, carry it out."""
        self.now_us += after_us
        decision = self.call.handle(msgspec.structs.replace(happened, at_us=self.now_us))
        self.events += decision.events
        for effect in decision.effects:
            self._carry(effect)
        if self.call.fully_sealed:
            self.durable = len(self.events)
        return decision

    def client_connects(self) -> None:
        """A client says hello and gets `ready` at once."""
        resumed = bool(self.client.connections)
        self.client.connections.append(Connection(self.now_s))
        played = max((each.sample for each in self.client.received), default=0)
        self.happens(inp.ClientConnected(rate_hz=16_000, resumed=resumed, played_sample=played), 10_000)
        record = self.call.record
        kept = self._kept()
        if kept < self._seen:
            self._tell({"type": "rollback", "version": kept})
        self._tell({"type": "ready", "state": str(record.state), "missing": sorted(record.missing)})
        for missed in messages_in(self.events):
            if missed is not None and missed.version > kept:
                self._carry(missed)
        self._seen_epoch = self.epoch

    @property
    def _seen(self) -> int:
        """The newest version of a transcript or latency message that the client has."""
        versions = [each.body["version"] for each in self.client.messages if each.kind in ("transcript", "latency")]
        rolled_back = [each.body["version"] for each in self.client.of("rollback")]
        return int(min([max(versions, default=0), *rolled_back]))

    def _kept(self) -> int:
        return kept_version(self._seen, self._seen_epoch, self.call.record.takeovers)

    def client_is_lost(self) -> None:
        self.client.connections[-1].ended_s = self.now_s
        self.happens(inp.ClientLost(reason="cut"), 10_000)

    def changes_hands(self) -> None:
        """The process dies, and what was not in the log yet dies with it; another one takes the
        call over."""
        for ended in (self.client.connections[-1], self.sessions[-1]):
            ended.ended_s = self.now_s
        del self.events[self.durable :]
        self.call = recover(self.events, self.audio).call
        handle = self.call.record.session.handle
        self._handle = handle.text if handle is not None else ""
        self.epoch += 1
        self.now_us += 800_000
        taken_at = datetime.fromtimestamp(self.now_s, UTC).isoformat(timespec="microseconds")
        self.happens(inp.CallTakenOver(epoch=self.epoch, process=f"p{self.epoch}", taken_over_at=taken_at))

    def sends_again(self) -> None:
        """What the new process does not have."""
        for seq in range(self.call.client_seq + 1, len(self.client.sent)):
            self._frame(seq, 1_000)

    def model_connects(self) -> None:
        """The dial under way is answered."""
        session = GeminiSession(f"s{len(self.sessions)}", self.now_s, handle=self._handle)
        self.sessions.append(session)
        self.happens(inp.ModelConnected(model="first", resumed=bool(self._handle), setup_ms=20), 20_000)

    def model_is_lost(self) -> None:
        self.sessions[-1].ended_s = self.now_s
        self.happens(inp.ModelLost(code=1011, reason="dropped", retryable=True), 10_000)

    def speaks(self, ms: int) -> None:
        self._frames(ms, VOICED)

    def keeps_silent(self, ms: int) -> None:
        self._frames(ms, SILENT)

    def model_replies(self, ms: int = 1_200) -> None:
        """Audio with its words, its end, its handle; the client hears all of it."""
        self.happens(inp.ModelTranscribed(text="And then?"))
        for _ in range(ms // CHUNK_MS):
            self._chunks += 1
            self._says(marked(bytes(CHUNK_MS * 48), 2, self._chunks))
        self.happens(inp.GenerationCompleted())
        self.happens(inp.ModelTurnCompleted())
        self._handles += 1
        self._handle = f"handle {self._handles}"
        self.sessions[-1].handles[self._handle] = len(self.sessions[-1].windows)
        self.happens(inp.ResumptionHandleIssued(handle=self._handle, resumable=True))
        self._plays(ms)

    def _says(self, pcm: bytes) -> None:
        at_byte = 2 * self.call.interviewer_audio.next_sample
        self._voice = self._voice[:at_byte].ljust(at_byte, b"\0") + pcm
        self.happens(inp.ModelAudio(at_us=0, pcm=pcm), 10_000)

    def _plays(self, ms: int) -> None:
        while self.call.playout.unplayed:
            self.keeps_silent(100)
            played = min(self.call.playout.played_sample + 2_400, self.call.playout.sent_sample)
            self.happens(inp.PlaybackReported(played_sample=played))

    def hangs_up(self) -> None:
        """The candidate ends the call, and everything settles."""
        self.happens(inp.HangupRequested(by="candidate", reason="done"))
        closed = next(event for event in self.events if isinstance(event, ev.CallClosed))
        self._tell({"type": "closed", "reason": closed.reason, "durable": True})
        self.happens(inp.DeadlinePassed(), 60_000_000)
        assert self.call.record.settled

    def _frames(self, ms: int, features: FrameFeatures) -> None:
        for _ in range(ms // 20):
            self.client.sent.append(marked(bytes(640), 1, len(self.client.sent)))
            self._features.append(features)
            self._frame(len(self.client.sent) - 1, 20_000)

    def _frame(self, seq: int, after_us: int) -> None:
        frame = inp.CandidateFrame(at_us=0, client_seq=seq, features=self._features[seq], pcm=self.client.sent[seq])
        self.happens(frame, after_us)

    # --- what is done ------------------------------------------------------------------------------------------------

    def _carry(self, effect: fx.Effect) -> None:
        match effect:
            case fx.StoreAudio():
                self._store(effect)
            case fx.TellState(state, missing):
                self._tell({"type": "state", "state": str(state), "missing": list(missing)})
            case fx.TellTranscript() | fx.TellLatency():
                self._tell(message_of(effect))
            case fx.SendInterviewerAudio(generation, from_sample, to_sample):
                pcm = bytes(self._voice[2 * from_sample : 2 * to_sample])
                self.client.received.append(Received(self.now_s, generation, from_sample, pcm))
            case fx.OpenActivity():
                self.sessions[-1].windows.append(Window())
            case fx.SendCandidateAudio(from_sample, to_sample):
                pcm = b"".join(self.client.sent)[2 * from_sample : 2 * to_sample]
                self.sessions[-1].windows[-1].pcm += pcm
            case fx.CloseActivity():
                self.sessions[-1].windows[-1].closed = True

    def _store(self, sealed: fx.StoreAudio) -> None:
        self.audio.append(
            AudioSegment(
                call_id=self.call.id,
                tenant=self.call.tenant,
                side=sealed.side,
                sha256=sealed.sha256,
                rate_hz=sealed.rate_hz,
                first_sample=sealed.first_sample,
                pcm=sealed.pcm,
                arrivals=sealed.arrivals,
            )
        )
        if sealed.side is Side.CANDIDATE:
            self._tell({"type": "ack", "seq": self.call.client_seq})

    def _tell(self, message: dict[str, Any]) -> None:
        versioned = {"version": self.call.record.version} | message
        self.client.messages.append(ReceivedMessage(self.now_s, f"a{self.epoch}", self.epoch, versioned))


def a_healthy_call() -> PaperCall:
    """Four answers: in one the session is lost, before one the client was cut, in one the process
    dies."""
    paper = PaperCall()
    paper.client_connects()
    paper.model_connects()
    paper.model_replies()
    paper.speaks(1_600)
    paper.keeps_silent(1_000)
    paper.model_replies()
    paper.speaks(1_000)
    paper.model_is_lost()
    paper.speaks(300)
    paper.model_connects()
    paper.speaks(500)
    paper.keeps_silent(1_000)
    paper.model_replies()
    paper.client_is_lost()
    paper.now_us += 500_000
    paper.client_connects()
    paper.speaks(800)
    paper.keeps_silent(1_000)
    paper.speaks(400)
    paper.keeps_silent(1_000)
    paper.model_replies()
    paper.speaks(900)
    paper.changes_hands()
    paper.client_connects()
    paper.sends_again()
    paper.model_connects()
    paper.keeps_silent(1_200)
    paper.model_replies()
    assert paper.call.state is State.LISTENING
    paper.hangs_up()
    return paper
