"""A simulated Gemini at the link's own queue: it hears to the byte, thinks, answers faster than
real time, and stops.

It knows the truth in one point: while the candidate is in the middle of an answer it says
nothing, so that every pause of an answer is observed, also by a contestant that ended the turn at
an earlier one.
"""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import numpy as np

from adapters.gemini.uplink import Audio, Outgoing, Signal, Text, chunks
from bench.turns.scenes.interviewer import RATE_HZ, spoken
from bench.turns.scenes.scene import Turn
from domain import inputs as inp
from domain.effects import DialModel
from domain.events import CallOpened
from domain.inputs import Input
from domain.ports.model_link import InputSink, ModelLink
from tests.fakes.simulated_loop import SimulatedLoop

PIECE_MS = 40
FASTER = 3.5
THINKING_MS = 300
OPENING_MS = 1_500
_WORDS_MS = 400


@dataclass(slots=True)
class Window:
    """One activity, as the model received it."""

    opened_us: int
    closed_us: int = -1
    pieces: list[bytes] = field(default_factory=list)


class SimulatedModel:
    """`deliver` takes inputs of the core. `may_speak` says whether it may answer now."""

    def __init__(
        self,
        loop: SimulatedLoop,
        turns: tuple[Turn, ...],
        deliver: Callable[[Input], None],
        may_speak: Callable[[], bool],
    ) -> None:
        self.windows: list[Window] = []
        self.spoken = 0
        self.replies = 0
        self._loop = loop
        self._turns = turns
        self._deliver = deliver
        self._may_speak = may_speak
        self._thought = 0
        """Numbers the reply under way: what was scheduled for another one does not happen."""
        self._speaking = False

    def take(self, message: Outgoing) -> None:
        """A message of the link."""
        match message:
            case Signal.ACTIVITY_START:
                self._interrupted()
                self.windows.append(Window(self._loop.now_us))
            case Audio(pcm):
                self.windows[-1].pieces.append(pcm)
            case Signal.ACTIVITY_END:
                self.windows[-1].closed_us = self._loop.now_us
                self._think(THINKING_MS)
            case Text():
                self._think(OPENING_MS if not self.replies else THINKING_MS)
            case _:
                pass

    def _interrupted(self) -> None:
        self._thought += 1
        if self._speaking:
            self._speaking = False
            self._deliver(inp.ModelInterruptionReported(at_us=self._loop.now_us))
            self._deliver(inp.ModelTurnCompleted(at_us=self._loop.now_us))

    def _think(self, wait_ms: int) -> None:
        self._thought += 1
        self._later(wait_ms, self._begin)

    def _later(self, wait_ms: float, act: Callable[[], None]) -> None:
        thought = self._thought

        def due() -> None:
            if thought == self._thought:
                act()

        self._loop.at_us(self._loop.now_us + round(wait_ms * 1000), due)

    def _begin(self) -> None:
        if not self._may_speak():
            return
        turn = self._turns[min(self.replies, len(self._turns) - 1)]
        self.replies += 1
        self._speaking = True
        pcm = np.clip(np.round(spoken(turn) * 32_767), -32_768, 32_767).astype("<i2").tobytes()
        self._say(pcm, 0)

    def _say(self, pcm: bytes, at: int) -> None:
        width = RATE_HZ * PIECE_MS // 1000 * 2
        piece = pcm[at : at + width]
        if piece:
            self._deliver(inp.ModelAudio(at_us=self._loop.now_us, pcm=piece))
            if at // width % (_WORDS_MS // PIECE_MS) == 0:
                self._deliver(inp.ModelTranscribed(at_us=self._loop.now_us, text="words "))
            self._later(PIECE_MS / FASTER, lambda: self._say(pcm, at + width))
            return
        self._speaking = False
        self._deliver(inp.GenerationCompleted(at_us=self._loop.now_us))
        self._later(len(pcm) / 2 / RATE_HZ * 1000 * (1 - 1 / FASTER), self._turn_over)

    def _turn_over(self) -> None:
        self._deliver(inp.ModelTurnCompleted(at_us=self._loop.now_us))


class SimulatedLink(ModelLink):
    """A link whose session takes everything at once. What it sends is cut as the product's link
    cuts it."""

    model: SimulatedModel

    def __init__(self, opened: CallOpened, sink: InputSink) -> None:
        self._marks_turns = opened.policy.local_turns
        self._sink = sink
        self._connected = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connected = False

    def dial(self, effect: DialModel) -> None:
        self._connected = True
        self._sink.feed(inp.ModelConnected(at_us=self._sink.now_us(), model=effect.model, resumed=False, setup_ms=1))

    def open_activity(self) -> None:
        if self._marks_turns:
            self._send(Signal.ACTIVITY_START)

    def send_audio(self, voice: bytes | AsyncGenerator[bytes]) -> None:
        assert isinstance(voice, bytes), "a scene is shorter than the segment buffer holds"
        for chunk in chunks(voice):
            self._send(chunk)

    def close_activity(self) -> None:
        if self._marks_turns:
            self._send(Signal.ACTIVITY_END)

    def audio_stream_end(self) -> None:
        pass

    def send_text(self, text: str) -> None:
        self._send(Text(text))

    def send_note(self, text: str) -> None:
        pass

    def answer_tool(self, tool_call_id: str, name: str, result: dict[str, Any]) -> None:
        pass

    def measured(self) -> inp.UplinkMeasured:
        return inp.UplinkMeasured(
            at_us=self._sink.now_us(), messages=0, joined=0, largest_chunk_ms=0, longest_wait_ms=0
        )

    @property
    def waiting(self) -> int:
        return 0

    def _send(self, message: Outgoing) -> None:
        if self._connected:
            self.model.take(message)
