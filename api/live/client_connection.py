"""A call's side of the connection to its client: what it says there, while there is one."""

from collections.abc import Callable, Iterable
from typing import Any

from api.wire.messages import complaint
from api.wire.protocol import CLOSE_CODES
from api.wire.send_queue import Outlet
from domain.inputs import Input, OutletFailed, OutletShed

_MOVING, _MOVED = 1012, "moving"


class ClientLine:
    """One call's, over all connections. Without one, nothing is said and nothing is kept.

    `version` is the call's newest; what a client does not read, or was not sent, is an input of the call (`feed`).
    """

    def __init__(self, version: Callable[[], int], now_us: Callable[[], int], feed: Callable[[Input], None]) -> None:
        self.client_id = ""
        """Of the newest client, as it calls itself."""
        self._version = version
        self._now_us = now_us
        self._feed = feed
        self._outlet: Outlet | None = None

    @property
    def open(self) -> bool:
        """Whether a client is connected."""
        return self._outlet is not None

    @property
    def waiting(self) -> int:
        """How many messages wait to be sent."""
        return self._outlet.waiting if self._outlet is not None else 0

    def leads_to(self, outlet: Outlet) -> bool:
        """Whether this is the connection that is open."""
        return self._outlet is outlet

    def connect(self, outlet: Outlet, client_id: str) -> None:
        """What is said from now on goes there."""
        self._outlet, self.client_id = outlet, client_id

    def lost(self) -> None:
        """The connection has ended."""
        self.record_shed(ended=True)
        self._outlet = None

    def tell(self, message: dict[str, Any]) -> None:
        """Send a control message."""
        if self._outlet is not None and not self._outlet.send({"version": self._version()} | message):
            self._does_not_read()
        self.record_shed()

    def tell_again(self, messages: Iterable[dict[str, Any]]) -> None:
        """Send what a client that came back has missed."""
        if self._outlet is not None and not self._outlet.send_again(messages):
            self._does_not_read()

    def play(self, generation: int, sample: int, pcm: bytes) -> None:
        """Send audio of the interviewer's."""
        if self._outlet is not None and not self._outlet.send_audio(generation, sample, pcm):
            self._does_not_read()

    def finish(self, code: int, reason: str) -> None:
        """Close the connection behind what was said."""
        if self._outlet is not None:
            self._outlet.finish(code, reason)

    def let_go(self, code: str, message: str) -> None:
        """Tell the client why, and close its connection; the call itself is not asked."""
        self._part(complaint(code, message), CLOSE_CODES.get(code, 1011), code)

    def move(self) -> None:
        """The call goes on elsewhere: the client should connect again at once."""
        self._part({"type": "go_away", "reason": _MOVED, "time_left_ms": 0}, _MOVING, _MOVED)

    def record_shed(self, *, ended: bool = False) -> None:
        """Nothing is dropped in silence."""
        shed = self._outlet.take_shed(ended=ended) if self._outlet is not None else {}
        if shed:
            self._feed(OutletShed(at_us=self._now_us(), messages=shed))

    def _part(self, last: dict[str, Any], code: int, reason: str) -> None:
        outlet, self._outlet = self._outlet, None
        if outlet is not None:
            outlet.send({"version": self._version()} | last)
            outlet.finish(code, reason)

    def _does_not_read(self) -> None:
        if self._outlet is not None:
            self._outlet.give_up()
            self.record_shed()
            reason = "The client does not read what it is sent: read the websocket without waiting."
            self._feed(OutletFailed(at_us=self._now_us(), outlet="client", reason=reason))
