"""One connection's way in from its client: read at once, worked off in order.

`read` takes what arrives. What is about this moment (what is playing, pings, pongs) reaches the
call at once; audio, and what must keep its place in it, waits for `work`. So a client that sends
half a minute again after an outage is known to be alive, and to play, while that half minute is
caught up with.

Policy when too much waits: the connection is not read until half of it was handed over. That is
counted, and nothing is lost.
"""

import asyncio
from collections import deque
from typing import NoReturn, Protocol

from api.live.counts import Counts
from api.live.session import LiveCall
from api.routes.heartbeat import Heartbeat
from api.wire import protocol
from api.wire.protocol import ClientMessage
from api.wire.rate_limits import RateLimit
from api.wire.send_queue import SendQueue
from domain.errors import PeerError
from domain.inputs import RoundTripMeasured

MOST_BYTES = 4 * 2**20
"""Two minutes at 16 kHz, 43 s at 48 kHz."""
_CONTROLS_PER_S = 100
_AUDIO_PER_S, _AUDIO_AT_ONCE = 200, 20_000
"""Messages of 5 ms are shorter than any client sends; and a long outage's audio is sent again all
at once."""
_READ_AT_ONCE, _TAKEN_AT_ONCE = 16, 4
"""Messages that wait are handed over without a pause: after so many, a millisecond or two, others
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
    """What is needed of a websocket."""

    async def receive(self) -> str | bytes:
        """The next message. Raises `GoneError`."""
        ...


class ReceiveQueue:
    """Between a connection after its hello and its call. `send_queue` is the same connection's way
    out."""

    def __init__(
        self, source: Source, send_queue: SendQueue, session: LiveCall, heartbeat: Heartbeat, counts: Counts
    ) -> None:
        self._source = source
        self._send_queue = send_queue
        self._session = session
        self._heartbeat = heartbeat
        self._counts = counts
        self._controls = RateLimit("control messages", _CONTROLS_PER_S, _CONTROLS_PER_S)
        self._voice = RateLimit("audio messages", _AUDIO_PER_S, _AUDIO_AT_ONCE)
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
                self._heartbeat.heard()
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
        self._counts.receive_queue_full += 1
        while self._bytes > MOST_BYTES // 2:
            self._room.clear()
            await self._room.wait()
            self._heartbeat.heard()

    async def work(self) -> NoReturn:
        """Hand over what waits, for as long as the connection lives. Others have their turn in
        between."""
        while True:
            await self.work_off()
            self._arrived.clear()
            await self._arrived.wait()

    async def work_off(self) -> None:
        """Hand over what waits now, in order; return when nothing does."""
        taken = 0
        while self._waiting:
            item, size = self._waiting.popleft()
            self._bytes -= size
            self._room.set()
            if self._wanted:
                self._hand_over(item)
            taken += 1
            if taken % _TAKEN_AT_ONCE == 0:
                await asyncio.sleep(0)

    @property
    def _wanted(self) -> bool:
        """Not once it was replaced, or closed for cause: what still arrives is nobody's."""
        return not self._at_fault and self._session.client.is_attached(self._send_queue)

    def _sort(self, message: str | bytes) -> None:
        """Raises `PeerError`."""
        if isinstance(message, bytes):
            self._voice.spend()
            self._put(message, len(message))
            return
        self._controls.spend()
        control = protocol.decode_control(message)
        if isinstance(control, protocol.Pong):
            self._measure(control)
        elif isinstance(control, (protocol.Playback, protocol.Ping)):
            self._session.client.take_control(control)
        else:
            self._put(control, len(message))

    def _measure(self, pong: protocol.Pong) -> None:
        round_trip_us = self._heartbeat.answered(pong.id)
        if round_trip_us is not None:
            self._session.feed(RoundTripMeasured(at_us=self._session.now_us(), round_trip_us=round_trip_us))

    def _put(self, item: bytes | ClientMessage | PeerError, size: int = 0) -> None:
        size += _OVERHEAD_BYTES
        self._waiting.append((item, size))
        self._bytes += size
        self._arrived.set()

    def _hand_over(self, item: bytes | ClientMessage | PeerError) -> None:
        try:
            if isinstance(item, PeerError):
                raise item
            if isinstance(item, bytes):
                self._session.client.take_audio(protocol.decode_audio(item))
            else:
                self._session.client.take_control(item)
        except PeerError as error:
            self._at_fault = True
            self._session.client.violated(error)
