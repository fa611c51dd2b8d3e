"""Which Gemini session a call spoke with, and what each has in its context."""

from collections import Counter
from collections.abc import Iterable, Sequence

from bench.chaos.evidence.course import Stretch, WallClock
from bench.chaos.evidence.evidence import GeminiSession, Window
from bench.chaos.evidence.tape import Tape
from domain.event import Event
from domain.inputs import ModelConnected
from domain.sound.rates import FRAME_SAMPLES

_FRAME_BYTES = 2 * FRAME_SAMPLES
_MOST_APART_S = 2.0
"""Between a set-up that the interviewer confirmed and the call's own note of it."""


class Sessions:
    """The sessions of one call, matched with the log: each `ModelConnected` is the set-up nearest
    in time."""

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
        """The session that the call spoke with at `version`; None if it had none that the
        interviewer knows."""
        before = [session for since, session in self._from_version if since <= version]
        return before[-1] if before else None

    def context(self, session: GeminiSession) -> list[Window]:
        """The windows in a session's context: those that its handle stands for, and its own."""
        return [*self._inherited(session), *session.windows]

    def _inherited(self, session: GeminiSession) -> list[Window]:
        parent = self._by_handle.get(session.handle) if session.handle else None
        if parent is None:
            return []
        return [*self._inherited(parent), *parent.windows[: parent.handles[session.handle]]]

    def seeded_until(self, session: GeminiSession) -> int:
        """The version up to which this session, or the one that its handle goes back to, was seeded
        with the conversation in words; 0 for none."""
        parent = self._by_handle.get(session.handle) if session.handle else None
        if parent is not None:
            return self.seeded_until(parent)
        since = next((version for version, each in self._from_version if each is session), 0)
        return since if session.seeds else 0


class Known:
    """How often each frame of the candidate's stream is in some windows, which are closed; each
    frame is unlike all."""

    def __init__(self, tape: Tape, windows: Iterable[Window]) -> None:
        stream = tape.read(0, tape.end_sample)
        place = {stream[at : at + _FRAME_BYTES]: at // _FRAME_BYTES for at in range(0, len(stream), _FRAME_BYTES)}
        self._counts: Counter[int] = Counter()
        for window in windows:
            pcm = window.pcm if window.closed else b""
            for at in range(0, len(pcm), _FRAME_BYTES):
                self._counts[place.get(pcm[at : at + _FRAME_BYTES], -1)] += 1

    def counts(self, stretch: Stretch) -> set[int]:
        """How often its frames are known: {1} where each is known once."""
        frames = range(stretch.from_sample // FRAME_SAMPLES, -(-stretch.to_sample // FRAME_SAMPLES))
        return {self._counts[frame] for frame in frames}
