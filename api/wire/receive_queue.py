"""One connection's way in from its client: read at once, worked off in order.

`read` takes what arrives. What is about this moment (what is playing, pings, pongs) reaches the
call at once; audio, and what must keep its place in it, waits for `work`. So a client that sends
half a minute again after an outage is known to be alive, and to play, while that half minute is
caught up with.

Policy when too much waits: the connection is not read until half of it was delivered. That is
counted, and nothing is lost.
"""

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from typing import NoReturn, Protocol

from api.wire import protocol
from api.wire.protocol import ClientMessage
from api.wire.rate_limits import RateLimit
from api.wire.send_queue import SendQueue
from domain.errors import PeerError

MOST_BYTES = 4 * 2**20
"""Two minutes at 16 kHz, 43 s at 48 kHz."""
_CONTROLS_PER_S = 100
_AUDIO_PER_S, _AUDIO_AT_ONCE = 200, 20_000
"""Messages of 5 ms are shorter than any client sends; and a long outage's audio is sent again all
at once."""
_READ_AT_ONCE, _TAKEN_AT_ONCE = 16, 4
"""Messages that wait are delivered without a pause: after so many, a millisecond or two, others
have their turn."""
_OVERHEAD_BYTES = 64
_VIOLATIONS = {
    1009: ("message_too_big", "A message was far above the limits of ready: send less."),
    4429: ("too_many_messages", "Too many pings, pongs or pieces of messages came in a second: send fewer."),
}
"""What the websocket itself ends a connection for, by its close code."""


class GoneError(Exception):
    """The client closed the connection, with this code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"closed with {code}")
        self.code = code


class Source(Protocol):
    """The part of a websocket that the queue uses."""

    async def receive(self) -> str | bytes:
        """The next message. Raises `GoneError`."""
        ...


class SignsOfLife(Protocol):
    """Keeps an eye on whether the client lives."""

    def heard(self) -> None:
        """Something came."""
        ...

    def answered(self, ping_id: int) -> int | None:
        """A ping came back; the round trip in µs, if it is time to report one."""
        ...


class ReceiveHandler(ABC):
    """The call, as its client's connections see it. No method waits."""

    @abstractmethod
    def is_attached(self, send_queue: SendQueue) -> bool:
        """Whether the connection with this way out is the call's."""

    @abstractmethod
    def take_audio(self, audio: protocol.ClientAudio) -> None:
        """One audio message. Raises `PeerError` (audio_gap, audio_ahead, message_too_big)."""

    @abstractmethod
    def take_control(self, message: ClientMessage) -> None:
        """One control message after the hello. Raises `PeerError` for a second hello."""

    @abstractmethod
    def take_round_trip(self, round_trip_us: int) -> None:
        """A round trip was measured."""

    @abstractmethod
    def receive_queue_filled(self) -> None:
        """So much waits that the connection is not read for a while."""

    @abstractmethod
    def violated(self, error: PeerError) -> None:
        """The client did what it must not."""


class ReceiveQueue:
    """Between a connection after its hello and its call. `send_queue` is the same connection's way
    out."""

    def __init__(
        self, source: Source, send_queue: SendQueue, handler: ReceiveHandler, signs_of_life: SignsOfLife
    ) -> None:
        self._source = source
        self._send_queue = send_queue
        self._handler = handler
        self._signs_of_life = signs_of_life
        self._controls = RateLimit("control messages", _CONTROLS_PER_S, _CONTROLS_PER_S)
        self._audio_limit = RateLimit("audio messages", _AUDIO_PER_S, _AUDIO_AT_ONCE)
        self._waiting: deque[tuple[bytes | ClientMessage | PeerError, int]] = deque()
        self._bytes = 0
        self._at_fault = False
        self._arrived, self._room = asyncio.Event(), asyncio.Event()

    async def read(self) -> NoReturn:
        """Take what arrives. Raises `GoneError` when the connection has ended."""
        read = 0
        try:
            while True:
                message = await self._source.receive()
                self._signs_of_life.heard()
                if self._wanted:
                    self._sort(message)
                read += 1
                if read % _READ_AT_ONCE == 0:
                    await asyncio.sleep(0)
                if self._bytes >= MOST_BYTES:
                    await self._wait_for_room()
        except PeerError as error:
            self._put(error)
            await asyncio.Event().wait()  # what comes after a violation is nobody's; `work` ends the call
            raise
        except GoneError as gone:
            if gone.code in _VIOLATIONS:
                self._put(PeerError(*_VIOLATIONS[gone.code]))
            raise

    async def _wait_for_room(self) -> None:
        """It is not the client that is silent meanwhile."""
        self._handler.receive_queue_filled()
        while self._bytes > MOST_BYTES // 2:
            self._room.clear()
            await self._room.wait()
            self._signs_of_life.heard()

    async def work(self) -> NoReturn:
        """Deliver what waits, for as long as the connection lives. Others have their turn in
        between."""
        while True:
            await self.work_off()
            self._arrived.clear()
            await self._arrived.wait()

    async def work_off(self) -> None:
        """Deliver what waits now, in order; return when nothing does."""
        taken = 0
        while self._waiting:
            item, size = self._waiting.popleft()
            self._bytes -= size
            self._room.set()
            if self._wanted:
                self._deliver(item)
            taken += 1
            if taken % _TAKEN_AT_ONCE == 0:
                await asyncio.sleep(0)

    @property
    def _wanted(self) -> bool:
        """Not once it was replaced, or closed for cause: what still arrives is nobody's."""
        return not self._at_fault and self._handler.is_attached(self._send_queue)

    def _sort(self, message: str | bytes) -> None:
        """Raises `PeerError`."""
        if isinstance(message, bytes):
            self._audio_limit.spend()
            self._put(message, len(message))
            return
        self._controls.spend()
        control = protocol.decode_control(message)
        if isinstance(control, protocol.Pong):
            self._measure(control)
        elif isinstance(control, (protocol.Playback, protocol.Ping)):
            self._handler.take_control(control)
        else:
            self._put(control, len(message))

    def _measure(self, pong: protocol.Pong) -> None:
        round_trip_us = self._signs_of_life.answered(pong.id)
        if round_trip_us is not None:
            self._handler.take_round_trip(round_trip_us)

    def _put(self, item: bytes | ClientMessage | PeerError, size: int = 0) -> None:
        size += _OVERHEAD_BYTES
        self._waiting.append((item, size))
        self._bytes += size
        self._arrived.set()

    def _deliver(self, item: bytes | ClientMessage | PeerError) -> None:
        try:
            if isinstance(item, PeerError):
                raise item
            if isinstance(item, bytes):
                self._handler.take_audio(protocol.decode_audio(item))
            else:
                self._handler.take_control(item)
        except PeerError as error:
            self._at_fault = True
            self._handler.violated(error)
