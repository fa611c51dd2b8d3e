"""A call's link to its client: sends messages while a client is connected."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from api.live.loop import CallLoop
from api.wire.messages import closed_message, complaint, ready_message
from api.wire.protocol import CLOSE_CODES
from api.wire.send_queue import SendQueue
from api.wire.tokens import Token
from domain.effects import TellClosed, TellReady
from domain.inputs import ClientMessagesDropped, QueueOverflowed
from domain.ports.clock import Wakeup

CLOSE_DURABLE_WITHIN_MS = 1_000
"""So long at most `closed` waits until the call's close is stored."""
_MOVING, _MOVED = 1012, "moving"
_UNKNOWN_FAULT = 1011


class ClientConnection(NamedTuple):
    """One connection: its way out, the fresh token that its `ready` shows, and how often it is
    pinged."""

    send_queue: SendQueue
    token: Token
    ping_interval_ms: int


class ClientLink:
    """One call's, over all connections. Without one, nothing is said and nothing is kept.

    What a client does not read, or was not sent, is an input of the call.
    """

    def __init__(self, loop: CallLoop) -> None:
        self.client_id = ""
        """Of the newest client, as it calls itself."""
        self._loop = loop
        self._connection: ClientConnection | None = None
        self._closed: TellClosed | None = None
        self._closed_due: Wakeup | None = None

    @property
    def open(self) -> bool:
        """Whether a client is connected."""
        return self._connection is not None

    @property
    def waiting(self) -> int:
        """How many messages wait to be sent."""
        return self._connection.send_queue.waiting if self._connection is not None else 0

    def leads_to(self, send_queue: SendQueue) -> bool:
        """Whether this is the connection that is open."""
        return self._connection is not None and self._connection.send_queue is send_queue

    # --- connections ---------------------------------------------------------------------------------------------

    def connect(self, connection: ClientConnection, client_id: str) -> None:
        """Send messages to this connection from now on."""
        self._connection, self.client_id = connection, client_id

    def lost(self) -> None:
        """The connection has ended."""
        self.record_dropped(ended=True)
        self._connection = None

    def dismiss(self, code: str, message: str) -> None:
        """Tell the client why, and close its connection; the call itself is not asked."""
        self._part(complaint(code, message), CLOSE_CODES.get(code, _UNKNOWN_FAULT), code)

    def move(self) -> None:
        """The call goes on elsewhere: the client should connect again at once."""
        self._part({"type": "go_away", "reason": _MOVED, "time_left_ms": 0}, _MOVING, _MOVED)

    def finish(self, code: int, reason: str) -> None:
        """Close the connection after the messages that wait."""
        if self._connection is not None:
            self._connection.send_queue.finish(code, reason)

    def _part(self, last: dict[str, Any], code: int, reason: str) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.send_queue.send(self._versioned(last))
            connection.send_queue.finish(code, reason)

    # --- messages ------------------------------------------------------------------------------------------------

    def send(self, message: dict[str, Any]) -> None:
        """Send a control message."""
        if self._connection is not None and not self._connection.send_queue.send(self._versioned(message)):
            self._overflow()
        self.record_dropped()

    def send_ready(self, effect: TellReady, next_seq: int) -> None:
        """Answer a hello; `next_seq` is the audio message that is expected next."""
        if self._connection is not None:
            _, token, ping_interval_ms = self._connection
            self.send(ready_message(effect, self._loop.call.id, token, next_seq, ping_interval_ms))

    def send_again(self, messages: Iterable[dict[str, Any]]) -> None:
        """Send what a client that came back has missed."""
        if self._connection is not None and not self._connection.send_queue.send_again(messages):
            self._overflow()

    def send_audio(self, generation: int, sample: int, pcm: bytes) -> None:
        """Send audio of the interviewer's."""
        if self._connection is not None and not self._connection.send_queue.send_audio(generation, sample, pcm):
            self._overflow()

    def _versioned(self, message: dict[str, Any]) -> dict[str, Any]:
        return {"version": self._loop.call.record.version} | message

    def _overflow(self) -> None:
        if self._connection is not None:
            self._connection.send_queue.give_up()
            self.record_dropped()
            reason = "The client does not read what it is sent: read the websocket without waiting."
            self._loop.feed(QueueOverflowed(at_us=self._loop.now_us(), queue="client", reason=reason))

    def record_dropped(self, *, ended: bool = False) -> None:
        """Nothing is dropped in silence."""
        dropped = self._connection.send_queue.take_shed(ended=ended) if self._connection is not None else {}
        if dropped:
            self._loop.feed(ClientMessagesDropped(at_us=self._loop.now_us(), messages=dropped))

    # --- the last message ----------------------------------------------------------------------------------------

    def close(self, effect: TellClosed) -> None:
        """Send `closed` once the call's close is stored, or soon without that."""
        self._closed = effect
        if self._loop.appender.close_durable:
            self.send_closed()
        elif self._closed_due is None:
            self._closed_due = self._loop.call_later(CLOSE_DURABLE_WITHIN_MS, self.send_closed)

    def send_closed(self) -> None:
        """Send it now, if it waits to be sent."""
        effect, self._closed = self._closed, None
        if self._closed_due is not None:
            self._closed_due.cancel()
            self._closed_due = None
        if effect is None:
            return
        self.send(closed_message(effect, durable=self._loop.appender.close_durable))
        if effect.error_code:
            self.finish(CLOSE_CODES.get(effect.error_code, _UNKNOWN_FAULT), effect.reason)
