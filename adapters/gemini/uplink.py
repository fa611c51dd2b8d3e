"""What waits to be sent to Gemini: one bounded queue a session, emptied in order by one task.

Candidate audio is never dropped. When the queue is full, or the socket takes nothing for too long, the session is
given up; the audio is still in the core's window and goes to the next one.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from enum import Enum, auto
from typing import Any, NamedTuple, assert_never

from google.genai import types
from google.genai.live import AsyncSession
from websockets.exceptions import ConnectionClosed

from adapters.gemini.losses import UPLINK_FULL, UPLINK_STALLED, LostError
from domain.policy import SAMPLE_RATE_HZ, samples

PCM_16K = f"audio/pcm;rate={SAMPLE_RATE_HZ}"
LONGEST_CHUNK_BYTES = 2 * samples(200)
"""A window that is sent again goes out in pieces of 200 ms."""
LEAST_COST = 64


class Signal(Enum):
    """Messages without content."""

    ACTIVITY_START = auto()
    ACTIVITY_END = auto()
    AUDIO_STREAM_END = auto()


class Audio(NamedTuple):
    """The candidate's voice: mono PCM16 at 16 kHz."""

    pcm: bytes


class Text(NamedTuple):
    """A user's turn in text, to be answered."""

    text: str


class Note(NamedTuple):
    """Text within the candidate's turn that the candidate did not say."""

    text: str


class ToolAnswer(NamedTuple):
    """The result of a function call."""

    tool_call_id: str
    name: str
    result: dict[str, Any]


Outgoing = Signal | Audio | Text | Note | ToolAnswer


class Uplink:
    """The queue. `limit_bytes` counts audio as it is and every other message as at least 64 bytes."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._waiting: deque[Outgoing] = deque()
        self._waiting_bytes = 0
        self._filled = asyncio.Event()
        self._overflowed = False
        self.sent = 0

    def offer(self, message: Outgoing) -> bool:
        """Queue `message`; False if it is full. From then on it takes nothing more, and `drain` raises `LostError`."""
        cost = _cost(message)
        if self._waiting_bytes + cost > self._limit_bytes:
            self._overflowed = True
        if not self._overflowed:
            self._waiting.append(message)
            self._waiting_bytes += cost
        self._filled.set()
        return not self._overflowed

    async def drain(self, session: AsyncSession, timeout_s: float) -> None:
        """Send for ever. Returns when the connection is closed; the receiver knows why.

        Raises `LostError` when the queue has overflowed, or a message has waited `timeout_s` for the socket.
        """
        try:
            while True:
                await self._filled.wait()
                self._filled.clear()
                while self._waiting and not self._overflowed:
                    await self._send_next(session, timeout_s)
                if self._overflowed:
                    raise LostError(0, UPLINK_FULL, retryable=True)
        except ConnectionClosed:
            return

    async def _send_next(self, session: AsyncSession, timeout_s: float) -> None:
        message = self._waiting.popleft()
        self._waiting_bytes -= _cost(message)
        try:
            async with asyncio.timeout(timeout_s):
                await _send(session, message)
        except TimeoutError as error:
            raise LostError(0, UPLINK_STALLED, retryable=True) from error
        self.sent += 1


def chunks(pcm: bytes) -> Iterator[Audio]:
    """`pcm` in pieces that one message may carry."""
    for start in range(0, len(pcm), LONGEST_CHUNK_BYTES):
        yield Audio(pcm[start : start + LONGEST_CHUNK_BYTES])


async def _send(session: AsyncSession, message: Outgoing) -> None:
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
        case _:
            return LEAST_COST
