"""A call's side of the connection to its client: what it says there, while there is one."""

from collections.abc import Callable, Iterable
from typing import Any

from api.wire.messages import complaint
from api.wire.protocol import CLOSE_CODES
from api.wire.send_queue import SendQueue
from domain.inputs import ClientMessagesDropped, Input, QueueOverflowed

_MOVING, _MOVED = 1012, "moving"


class ClientLink:
    """One call's, over all connections. Without one, nothing is said and nothing is kept.

    `version` is the call's newest; what a client does not read, or was not sent, is an input of the
    call (`feed`).
    """

    def __init__(self, version: Callable[[], int], now_us: Callable[[], int], feed: Callable[[Input], None]) -> None:
        self.client_id = ""
        """Of the newest client, as it calls itself."""
        self._version = version
        self._now_us = now_us
        self._feed = feed
        self._send_queue: SendQueue | None = None

    @property
    def open(self) -> bool:
        """Whether a client is connected."""
        return self._send_queue is not None

    @property
    def waiting(self) -> int:
        """How many messages wait to be sent."""
        return self._send_queue.waiting if self._send_queue is not None else 0

    def leads_to(self, send_queue: SendQueue) -> bool:
        """Whether this is the connection that is open."""
        return self._send_queue is send_queue

    def connect(self, send_queue: SendQueue, client_id: str) -> None:
        """What is said from now on goes there."""
        self._send_queue, self.client_id = send_queue, client_id

    def lost(self) -> None:
        """The connection has ended."""
        self.record_shed(ended=True)
        self._send_queue = None

    def tell(self, message: dict[str, Any]) -> None:
        """Send a control message."""
        if self._send_queue is not None and not self._send_queue.send({"version": self._version()} | message):
            self._does_not_read()
        self.record_shed()

    def tell_again(self, messages: Iterable[dict[str, Any]]) -> None:
        """Send what a client that came back has missed."""
        if self._send_queue is not None and not self._send_queue.send_again(messages):
            self._does_not_read()

    def play(self, generation: int, sample: int, pcm: bytes) -> None:
        """Send audio of the interviewer's."""
        if self._send_queue is not None and not self._send_queue.send_audio(generation, sample, pcm):
            self._does_not_read()

    def finish(self, code: int, reason: str) -> None:
        """Close the connection behind what was said."""
        if self._send_queue is not None:
            self._send_queue.finish(code, reason)

    def let_go(self, code: str, message: str) -> None:
        """Tell the client why, and close its connection; the call itself is not asked."""
        self._part(complaint(code, message), CLOSE_CODES.get(code, 1011), code)

    def move(self) -> None:
        """The call goes on elsewhere: the client should connect again at once."""
        self._part({"type": "go_away", "reason": _MOVED, "time_left_ms": 0}, _MOVING, _MOVED)

    def record_shed(self, *, ended: bool = False) -> None:
        """Nothing is dropped in silence."""
        shed = self._send_queue.take_shed(ended=ended) if self._send_queue is not None else {}
        if shed:
            self._feed(ClientMessagesDropped(at_us=self._now_us(), messages=shed))

    def _part(self, last: dict[str, Any], code: int, reason: str) -> None:
        send_queue, self._send_queue = self._send_queue, None
        if send_queue is not None:
            send_queue.send({"version": self._version()} | last)
            send_queue.finish(code, reason)

    def _does_not_read(self) -> None:
        if self._send_queue is not None:
            self._send_queue.give_up()
            self.record_shed()
            reason = "The client does not read what it is sent: read the websocket without waiting."
            self._feed(QueueOverflowed(at_us=self._now_us(), send_queue="client", reason=reason))
