"""Which Gemini session a call spoke with, and what each remembers of it."""

from collections.abc import Sequence

from bench.chaos.course import WallClock
from bench.chaos.evidence import GeminiSession, Window
from domain.event import Event
from domain.inputs import ModelConnected

_MOST_APART_S = 2.0
"""Between a set-up that the interviewer confirmed and the call's own note of it."""


class Sessions:
    """The sessions of one call, matched with the log: each `ModelConnected` is the set-up nearest in time."""

    def __init__(self, events: Sequence[Event], sessions: Sequence[GeminiSession]) -> None:
        clock, free = WallClock(events), list(sessions)
        self._by_handle = {handle: session for session in sessions for handle in session.handles}
        self._from_version: list[tuple[int, GeminiSession | None]] = []
        for event in events:
            if isinstance(event, ModelConnected):
                at_s = clock.at(event)
                nearest = min(free, key=lambda each: abs(each.began_s - at_s), default=None)
                if nearest is not None and abs(nearest.began_s - at_s) > _MOST_APART_S:
                    nearest = None
                if nearest is not None:
                    free.remove(nearest)
                self._from_version.append((event.originator_version, nearest))

    def at(self, version: int) -> GeminiSession | None:
        """The session that the call spoke with at `version`; None if it had none that the interviewer knows."""
        before = [session for since, session in self._from_version if since <= version]
        return before[-1] if before else None

    def remembered(self, session: GeminiSession) -> list[Window]:
        """The windows in a session's memory: those that its handle stands for, and its own."""
        return [*self._inherited(session), *session.windows]

    def _inherited(self, session: GeminiSession) -> list[Window]:
        parent = self._by_handle.get(session.handle) if session.handle else None
        if parent is None:
            return []
        return [*self._inherited(parent), *parent.windows[: parent.handles[session.handle]]]

    def oldest(self, session: GeminiSession) -> GeminiSession:
        """The fresh session that a chain of resumptions began with."""
        parent = self._by_handle.get(session.handle) if session.handle else None
        return session if parent is None else self.oldest(parent)
