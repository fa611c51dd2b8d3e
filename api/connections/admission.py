"""Who is connected without being in a call: bounded in number, so that waiting strangers cost
nobody else anything.

Every connection knocks. A websocket whose hello was taken is let in and counts no more, as calls
have a bound of their own. Of the others there are at most so many, and one more turns the oldest
away: whoever has an honest request is answered within milliseconds, and whoever only holds a
connection open becomes the oldest soon.
"""

from collections import Counter, OrderedDict
from typing import Protocol


class GatedConnection(Protocol):
    """A connection, as the gate sees it."""

    kind: str

    def evict(self) -> None:
        """Say that the server is full, as far as that can be said, and close."""


class AdmissionGate:
    """For one server. `most` strangers may wait at once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: OrderedDict[GatedConnection, None] = OrderedDict()
        self.evicted: Counter[str] = Counter()
        """By kind of connection."""
        self.timed_out: Counter[str] = Counter()
        """Those that took longer than they may for what they had to say."""

    @property
    def waiting(self) -> dict[str, int]:
        """How many there are now, by kind."""
        return Counter(stranger.kind for stranger in self._waiting)

    def enter(self, stranger: GatedConnection) -> None:
        """`stranger` has come, or has something new to say: it is the newest."""
        self._waiting[stranger] = None
        self._waiting.move_to_end(stranger)
        if len(self._waiting) > self._most:
            oldest, _ = self._waiting.popitem(last=False)
            self.evicted[oldest.kind] += 1
            oldest.evict()

    def leave(self, stranger: GatedConnection) -> None:
        """It has gone, or was let in."""
        self._waiting.pop(stranger, None)
