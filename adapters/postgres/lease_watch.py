"""Which processes are gone, predicted from looks at their leases.

A process that died frees its lock at once, one that hangs stops renewing its row. Neither says
anything while everybody is still finding a restarted Postgres again, or when it is the observer who
was cut off: no verdict is given then. A wrong verdict is harmless (the former owner's next append
conflicts, and it stops), but it is a pause for a candidate.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import monotonic
from uuid import UUID


@dataclass(frozen=True, slots=True)
class LeaseTimes:
    """Seconds. All processes on a database should have the same."""

    lease_s: float = 10.0
    """A row that was not renewed for so long belongs to a process that hangs."""
    renew_s: float = 1.0
    look_s: float = 0.1
    apart_s: float = 0.2
    """A lock has to be free at two looks so far apart: a connection that was only lost is back by
    then."""
    grace_s: float = 3.0
    """After Postgres started, or the observer found it again, the others need so long to do the
    same."""
    forget_s: float = 600.0
    """Rows that were not renewed for so long are deleted, unless a call still names them."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What a look found of one process: how old its row is (None: it has none), and whether its
    lock is held."""

    process: UUID
    age_s: float | None
    held: bool


class LeaseWatch:
    """Collects looks. `clock` counts seconds and never goes back."""

    def __init__(self, times: LeaseTimes, clock: Callable[[], float] = monotonic) -> None:
        self._times = times
        self._clock = clock
        self._noted_at: float | None = None
        self._no_verdict_before = clock()
        self._free_since: dict[UUID, float] = {}
        self._gone_since: dict[UUID, float] = {}

    def interrupted(self) -> None:
        """The observer was cut off until now: whatever it sees next may be the others still coming
        back."""
        self._no_verdict_before = self._clock() + self._times.grace_s
        self._free_since.clear()
        self._gone_since.clear()

    def note(self, sights: Iterable[Sight], *, up_s: float, began_at: float) -> None:
        """Take in a look that began at `began_at` and just came back, at a Postgres that has been
        up for `up_s`."""
        now = self._clock()
        # Postgres may hang without losing a connection. When it goes on, every row is old for a
        # moment.
        if self._noted_at is not None and now - self._noted_at > self._times.lease_s / 2:
            self.interrupted()
        self._noted_at = now
        seen = list(sights)
        self._free_since = {sight.process: self._free_since.get(sight.process, now) for sight in seen if not sight.held}
        silent = up_s < self._times.grace_s or now < self._no_verdict_before
        self._gone_since = {
            sight.process: self._gone_since.get(sight.process, now)
            for sight in seen
            if not silent and self._is_gone(sight, began_at)
        }

    def gone(self, for_s: float = 0.0) -> list[UUID]:
        """The processes that were found gone at least `for_s` seconds ago, and at every look since."""
        latest = self._clock() - for_s
        return [process for process, since in self._gone_since.items() if since <= latest]

    def is_gone(self, process: UUID) -> bool:
        """Whether the newest look found this process gone."""
        return process in self._gone_since

    def _is_gone(self, sight: Sight, began_at: float) -> bool:
        if sight.age_s is None:
            return not sight.held  # it took its leave
        if sight.age_s > self._times.lease_s:
            return True
        return not sight.held and began_at - self._free_since[sight.process] >= self._times.apart_s
