"""The call's deadlines. The core has no clock: it says when it wants to be woken, and reads the
time from each input."""

from enum import StrEnum

from msgspec import Struct


class Timer(StrEnum):
    REPLY = "reply"
    """The model should have begun to answer."""
    CONTINUATION = "continuation"
    """The model should have gone on with its reply, or ended it."""
    CEILING = "ceiling"
    """A suspected barge-in should have been decided, even if no more frames come."""
    RESUME = "resume"
    """The client should have (come back and) said hello."""
    STALL = "stall"
    """The client should have played some of what it was sent."""
    ROTATION = "rotation"
    """The model's connection is about to be ended by Gemini."""
    SESSION_END = "session_end"
    """It is the last moment to leave it."""
    SESSION_AGE = "session_age"
    """The model's connection is old."""
    DURATION = "duration"
    """The interview, with its overtime, should be over."""
    PLAYOUT = "playout"
    """More audio may go to the client."""
    SEGMENT = "segment"
    """Audio of either side has waited long enough to be stored."""
    HANDOVER = "handover"
    """The call should have found a quiet moment for its handover."""
    GRACE = "grace"
    """The closed call has waited long enough for unacknowledged audio."""


NEVER_US = 2**62


class Timers(Struct):
    """At most one deadline per timer."""

    due_us: dict[Timer, int] = {}
    next_us: int = NEVER_US

    def start(self, timer: Timer, due_us: int) -> None:
        """Set, or move, a deadline."""
        self.due_us[timer] = due_us
        self.next_us = min(self.due_us.values())

    def stop(self, timer: Timer) -> None:
        """Forget a deadline, if it was set."""
        if self.due_us.pop(timer, None) is not None:
            self.next_us = min(self.due_us.values(), default=NEVER_US)

    def running(self, timer: Timer) -> bool:
        """Whether this deadline is set."""
        return timer in self.due_us

    def left_us(self, timer: Timer, now_us: int) -> int:
        """How far off this deadline is; 0 if it has passed or is not set."""
        return max(0, self.due_us.get(timer, 0) - now_us)

    def clear(self) -> None:
        """Forget all deadlines."""
        self.due_us.clear()
        self.next_us = NEVER_US

    def pop_due(self, now_us: int) -> list[Timer]:
        """Take out all deadlines that have passed, the earliest first."""
        if now_us < self.next_us:
            return []
        due = sorted((due_us, timer) for timer, due_us in self.due_us.items() if due_us <= now_us)
        for _, timer in due:
            del self.due_us[timer]
        self.next_us = min(self.due_us.values(), default=NEVER_US)
        return [timer for _, timer in due]
