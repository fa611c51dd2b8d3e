"""What waits to be sent to Gemini: one bounded queue a session, emptied in order by one task.

Chunks adapt to the network. While the socket takes messages at once, audio goes out in the pieces
it came in. While it does not, the pieces that wait behind one another go as one, up to
`LONGEST_CHUNK_BYTES`: fewer messages for a link that is slow already, and short ones again as soon
as nothing waits. Nothing is held back to be joined.

Candidate audio is never dropped. When the queue is full, or the socket takes nothing for too long,
the session is given up; the audio is still in the core's window and goes to the next one. A long
stretch that is sent again does not wait here as sound: it is read page by page when it is its turn,
and whatever comes behind it waits for that.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, NamedTuple, assert_never

from google.genai import types
from google.genai.live import AsyncSession
from websockets.exceptions import ConnectionClosed

from adapters.gemini.losses import LostError
from domain.ports import Side
from domain.ports.model_link import UPLINK_FULL, UPLINK_STALLED
from domain.record.conversation import Turn
from domain.sound.rates import SAMPLE_RATE_HZ, samples

PCM_16K = f"audio/pcm;rate={SAMPLE_RATE_HZ}"
LONGEST_CHUNK_BYTES = 2 * samples(200)
"""The most that one message carries, 200 ms: of a window that is sent again, and of audio that had
to wait."""
LEAST_COST = 64
_ROLES = {Side.CANDIDATE: "user", Side.INTERVIEWER: "model"}


class Signal(Enum):
    """Messages without content."""

    ACTIVITY_START = auto()
    ACTIVITY_END = auto()
    AUDIO_STREAM_END = auto()


class Audio(NamedTuple):
    """The candidate's voice: mono PCM16 at 16 kHz."""

    pcm: bytes


class Stretch(NamedTuple):
    """The candidate's voice in pages, mono PCM16 at 16 kHz each: they are read as they are sent."""

    pages: AsyncGenerator[bytes]


class Text(NamedTuple):
    """A user's turn in text, to be answered."""

    text: str


class Note(NamedTuple):
    """Text within the candidate's turn that the candidate did not say."""

    text: str


class History(NamedTuple):
    """The past of a session that begins, which is not answered."""

    turns: tuple[Turn, ...]


class ToolAnswer(NamedTuple):
    """The result of a function call."""

    tool_call_id: str
    name: str
    result: dict[str, Any]


Sendable = Signal | Audio | Text | Note | History | ToolAnswer
Outgoing = Sendable | Stretch


@dataclass(slots=True)
class UplinkCounts:
    """How a call's messages have gone out, over all its sessions. Audio has waited until the socket
    had taken it."""

    messages: int = 0
    joined: int = 0
    """Pieces of audio that went out in one message with the piece before."""
    largest_chunk_bytes: int = 0
    longest_wait_ms: int = 0


class Uplink:
    """The queue. `limit_bytes` counts audio as it is and every other message as at least 64 bytes.

    `now_us` is a monotonic clock; `counts` are added to.
    """

    def __init__(self, limit_bytes: int, now_us: Callable[[], int], counts: UplinkCounts) -> None:
        self._limit_bytes = limit_bytes
        self._now_us = now_us
        self._counts = counts
        self._waiting: deque[tuple[Outgoing, int]] = deque()
        self._waiting_bytes = 0
        self._filled = asyncio.Event()
        self._overflowed = False
        self._until_full: asyncio.Timeout | None = None

    def offer(self, message: Outgoing) -> bool:
        """Queue `message`; False if it is full. From then on it takes nothing more, and `drain`
        raises `LostError`."""
        cost = _cost(message)
        if self._waiting_bytes + cost > self._limit_bytes and not self._overflowed:
            self._overflowed = True
            if self._until_full is not None:
                self._until_full.reschedule(asyncio.get_running_loop().time())
        if not self._overflowed:
            self._waiting.append((message, self._now_us()))
            self._waiting_bytes += cost
        self._filled.set()
        return not self._overflowed

    async def drain(self, session: AsyncSession, timeout_s: float) -> None:
        """Send for ever. Returns when the connection is closed; the receiver knows why.

        Raises `LostError` when the queue has overflowed, or a message has waited `timeout_s` for
        the socket.
        """
        try:
            async with asyncio.timeout(None) as self._until_full:
                await self._send_what_comes(session, timeout_s)
        except ConnectionClosed:
            return
        except TimeoutError as error:
            raise LostError(0, UPLINK_FULL, retryable=True) from error
        finally:
            self._until_full = None
        raise LostError(0, UPLINK_FULL, retryable=True)

    async def _send_what_comes(self, session: AsyncSession, timeout_s: float) -> None:
        while not self._overflowed:
            await self._filled.wait()
            self._filled.clear()
            while self._waiting and not self._overflowed:
                await self._send_next(session, timeout_s)

    @property
    def waiting(self) -> int:
        """How many messages wait."""
        return len(self._waiting)

    def take(self) -> tuple[Outgoing, int]:
        """The next message to send, and since when it, or the oldest audio in it, has waited."""
        message, since_us = self._next()
        if isinstance(message, Audio):
            message = self._with_what_waits_behind(message)
        return message, since_us

    def _with_what_waits_behind(self, first: Audio) -> Audio:
        """`first` and the audio right behind it, whole pieces as far as one message may carry them."""
        pieces, size = [first.pcm], len(first.pcm)
        while self._waiting:
            following, _ = self._waiting[0]
            if not isinstance(following, Audio) or size + len(following.pcm) > LONGEST_CHUNK_BYTES:
                break
            self._next()
            pieces.append(following.pcm)
            size += len(following.pcm)
        self._counts.joined += len(pieces) - 1
        return Audio(b"".join(pieces)) if len(pieces) > 1 else first

    def _next(self) -> tuple[Outgoing, int]:
        message, since_us = self._waiting.popleft()
        self._waiting_bytes -= _cost(message)
        return message, since_us

    async def _send_next(self, session: AsyncSession, timeout_s: float) -> None:
        message, since_us = self.take()
        if not isinstance(message, Stretch):
            await self._send_one(session, message, since_us, timeout_s)
            return
        async with aclosing(message.pages):
            async for page in message.pages:
                for chunk in chunks(page):
                    await self._send_one(session, chunk, self._now_us(), timeout_s)

    async def _send_one(self, session: AsyncSession, message: Sendable, since_us: int, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                await _send(session, message)
        except TimeoutError as error:
            raise LostError(0, UPLINK_STALLED, retryable=True) from error
        finally:
            if isinstance(message, Audio):
                self._note(message, since_us)
        self._counts.messages += 1

    def _note(self, audio: Audio, since_us: int) -> None:
        counts = self._counts
        counts.largest_chunk_bytes = max(counts.largest_chunk_bytes, len(audio.pcm))
        counts.longest_wait_ms = max(counts.longest_wait_ms, (self._now_us() - since_us) // 1000)


def chunks(pcm: bytes) -> Iterator[Audio]:
    """`pcm` in pieces that one message may carry."""
    for start in range(0, len(pcm), LONGEST_CHUNK_BYTES):
        yield Audio(pcm[start : start + LONGEST_CHUNK_BYTES])


async def _send(session: AsyncSession, message: Sendable) -> None:
    match message:
        case Audio(pcm):
            await session.send_realtime_input(audio=types.Blob(data=pcm, mime_type=PCM_16K))
        case Signal.ACTIVITY_START:
            await session.send_realtime_input(activity_start=types.ActivityStart())
        case Signal.ACTIVITY_END:
            await session.send_realtime_input(activity_end=types.ActivityEnd())
        case Signal.AUDIO_STREAM_END:
            await session.send_realtime_input(audio_stream_end=True)
        case Text(text):
            # Not realtime text: that counts as activity only where Gemini detects it.
            turn = types.Content(role="user", parts=[types.Part(text=text)])
            await session.send_client_content(turns=turn, turn_complete=True)
        case Note(text):
            await session.send_realtime_input(text=text)
        case History(turns):
            past = [types.Content(role=_ROLES[turn.side], parts=[types.Part(text=turn.text)]) for turn in turns]
            await session.send_client_content(turns=list(past), turn_complete=True)
        case ToolAnswer(tool_call_id, name, result):
            answer = types.FunctionResponse(id=tool_call_id, name=name, response=result)
            await session.send_tool_response(function_responses=[answer])
        case _:
            assert_never(message)


def _cost(message: Outgoing) -> int:
    match message:
        case Audio(pcm):
            return max(LEAST_COST, len(pcm))
        case Text(text) | Note(text):
            return max(LEAST_COST, len(text))
        case History(turns):
            return max(LEAST_COST, sum(len(turn.text) for turn in turns))
        case _:
            return LEAST_COST
