"""A call of any length in the log, written by the core and the log appender out of recorded voices."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import msgspec

from api.cli.screenplay import read_recording
from api.live.call_ports import CallPorts
from api.live.log_appender import AppendListener, LogAppender
from domain import inputs as inp
from domain.call import Call, Decision, open_call
from domain.events import SnapshotTaken
from domain.interview import Agent, Candidate, InterviewContext
from domain.policy import LinkPolicy, Policy
from domain.ports import Outcome
from domain.sound.features import FrameFeatures

RECORDING = Path(__file__).parents[1] / "tests" / "data" / "candidate" / "answer_1.flac"
VOICED, SILENT = FrameFeatures(190, 1, 250), FrameFeatures(60, 0, 2)
FRAME_BYTES, CHUNK_BYTES, CHUNK_MS = 640, 40 * 48, 40
REPLY_MS, HEARD_MS, ANSWER_MS, PAUSE_MS = 4_000, 4_200, 12_000, 2_300
QUESTION = "Which part of that project would you do differently today, and what made you see it? "
ANSWER = "We moved the queue out of the request's path, measured again, and found the lock that held it up. "
PATIENT = Policy(links=LinkPolicy(resume_wait_ms=3_600_000))
"""The call waits for its client for as long as writing and measuring take."""


@dataclass(frozen=True, slots=True)
class LongCall:
    """A call in the log, and the sizes of its snapshots in bytes, the oldest first."""

    call_id: UUID
    minutes: int
    events: int
    snapshots: Sequence[int]


async def write_call(ports: CallPorts, minutes: int) -> LongCall:
    """Record a call that has been going on for so many minutes, and is not over."""
    call, opened = open_call(
        call_id=uuid4(),
        tenant="bench",
        agent=Agent(id="bench", name="Vera", models=("m",), policy=PATIENT),
        candidate=Candidate(name="Ada"),
        context=InterviewContext(role="Engineer", questions=("Why?",), duration_minutes=180),
        opened_at=(datetime.now(UTC) - timedelta(minutes=minutes)).isoformat(timespec="milliseconds"),
    )
    appender = LogAppender(call, ports, FailingListener())
    sizes: list[int] = []

    def record(decision: Decision) -> None:
        taken = [event.snapshot for event in decision.events if isinstance(event, SnapshotTaken)]
        sizes.extend(len(msgspec.json.encode(snapshot)) for snapshot in taken)
        appender.record(decision, call.fully_sealed)

    opening = appender.record_opening(opened)
    interview = Interview(call, record)
    interview.connect()
    while interview.now_us < minutes * 60_000_000:
        interview.exchange()
        await ports.writer.flush()
    assert await opening is Outcome.DURABLE
    return LongCall(call.id, minutes, call.record.version, sizes)


class FailingListener(AppendListener):
    """Nobody waits for the appends; one that fails spoils the bench."""

    def durable(self, client_seq: int) -> None:
        pass

    def log_failed(self, reason: str) -> None:
        raise RuntimeError(reason)

    def log_taken(self) -> None:
        raise RuntimeError("somebody else has written this call")


class Interview:
    """An interview in which both sides talk by turns. What `call` decides goes to `record`."""

    def __init__(self, call: Call, record: Callable[[Decision], None]) -> None:
        self._call = call
        self._record = record
        self._candidate, self._interviewer = _Voice(FRAME_BYTES), _Voice(CHUNK_BYTES)
        self._played = 0
        self.now_us = 0

    def connect(self) -> None:
        """Both links are up."""
        self._happens(inp.ClientConnected(rate_hz=16_000, resumed=False))
        self._happens(inp.ModelConnected(model="m", resumed=False, setup_ms=100), 100_000)

    def exchange(self) -> None:
        """A question is asked and heard, then it is answered."""
        self._happens(inp.ModelTranscribed(text=QUESTION))
        for _ in range(REPLY_MS // CHUNK_MS):
            self._happens(inp.ModelAudio(at_us=0, pcm=self._interviewer.next()), 10_000)
        self._happens(inp.GenerationCompleted())
        self._happens(inp.ModelTurnCompleted())
        for _ in range(HEARD_MS // 100):
            self._frames(100, SILENT)
            playout = self._call.playout
            self._played = min(max(self._played, playout.start_sample) + 2_400, playout.sent_sample)
            self._happens(inp.PlaybackReported(played_sample=self._played))
        self._frames(ANSWER_MS, VOICED)
        self._frames(PAUSE_MS, SILENT)
        for _ in range(3):
            self._happens(inp.CandidateTranscribed(text=ANSWER))

    def _frames(self, ms: int, features: FrameFeatures) -> None:
        for _ in range(ms // 20):
            pcm = self._candidate.next() if features is VOICED else bytes(FRAME_BYTES)
            client_seq = self.now_us // 20_000
            self._happens(inp.CandidateFrame(at_us=0, client_seq=client_seq, features=features, pcm=pcm), 20_000)

    def _happens(self, happened: inp.Input, after_us: int = 0) -> None:
        self.now_us += after_us
        self._record(self._call.handle(msgspec.structs.replace(happened, at_us=self.now_us)))


class _Voice:
    """A recording that is played again and again, `size` bytes at a time."""

    def __init__(self, size: int) -> None:
        self._pcm, _ = read_recording(RECORDING)
        self._size = size
        self._place = 0

    def next(self) -> bytes:
        if self._place + self._size > len(self._pcm):
            self._place = 0
        self._place += self._size
        return self._pcm[self._place - self._size : self._place]
