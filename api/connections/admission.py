"""Bounds the connections that are not a call's, so that they cost calls nothing.

Every connection enters here. A websocket whose hello was taken leaves again, as calls have a bound
of their own. Of the others there are at most so many, and one more evicts the oldest: an honest
request is answered within milliseconds, and a connection that is only held open is the oldest soon.
"""

from collections import Counter, OrderedDict
from typing import Protocol


class GatedConnection(Protocol):
    """A connection, as the gate sees it."""

    kind: str

    def evict(self) -> None:
        """Say that the server is full, as far as that can be said, and close."""


class AdmissionGate:
    """For one server. `most` connections may wait at once."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._waiting: OrderedDict[GatedConnection, None] = OrderedDict()
        self.evicted: Counter[str] = Counter()
        """By kind of connection."""
        self.timed_out: Counter[str] = Counter()
        """Those that took longer than they may for what they had to say."""

    @property
    def waiting(self) -> dict[str, int]:
        """How many there are now, by kind."""
        return Counter(connection.kind for connection in self._waiting)

    def enter(self, connection: GatedConnection) -> None:
        """`connection` has come, or has something new to say: it is the newest."""
        self._waiting[connection] = None
        self._waiting.move_to_end(connection)
        if len(self._waiting) > self.most:
            oldest, _ = self._waiting.popitem(last=False)
            self.evicted[oldest.kind] += 1
            oldest.evict()

    def leave(self, connection: GatedConnection) -> None:
        """It has gone, or is a call's now."""
        self._waiting.pop(connection, None)
