"""The candidate's answer under way or given last, and a barge-in that is suspected."""

from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from domain.errors import BugError


class Window(StrEnum):
    """What the model has of an answer."""

    OPEN = "open"
    """The candidate has the floor; the model is given their audio."""
    EAGER = "eager"
    """The model was asked to answer before the end was certain; its window is closed for the time being."""
    CLOSED = "closed"
    """The answer is over, and the model was asked to reply."""
    REPLIED = "replied"
    """At least the beginning of a reply was heard: the model need not be given the answer again."""


class AnswerEnd(Struct, frozen=True, kw_only=True):
    """The endpoint decision, at `stopped_at_us`: the window ended at `to_sample`.

    `end_sample` and `end_at_us` are the end of the last frame that sounded, and its arrival.
    """

    to_sample: int
    end_sample: int
    end_at_us: int
    stopped_at_us: int


class Answer(Struct, frozen=True, kw_only=True):
    """The stretch of the candidate's audio that the model is given, or was, for a turn.

    The turn began at `first_sample`: before `from_sample` where this is a later stretch of it.
    """

    turn: int
    from_sample: int
    first_sample: int = 0
    opened_at_us: int = 0
    window: Window = Window.OPEN
    end: AnswerEnd | None = None

    def __post_init__(self) -> None:
        if (self.end is not None) is not (self.window in (Window.CLOSED, Window.REPLIED)):
            raise BugError(f"an answer whose window is {self.window} has {'no' if self.end is None else 'an'} end")

    @property
    def is_open(self) -> bool:
        """Whether the candidate has the floor with it."""
        return self.window in (Window.OPEN, Window.EAGER)

    def tried_eagerly(self) -> "Answer":
        """The model was asked to answer before the end was certain."""
        return replace(self, window=Window.EAGER)

    def reopened(self, at_us: int) -> "Answer":
        """The candidate went on: the window opens once more."""
        return replace(self, window=Window.OPEN, opened_at_us=at_us)

    def stopped(self, end: AnswerEnd) -> "Answer":
        """The answer is over."""
        return replace(self, window=Window.CLOSED, end=end)

    def replied_to(self) -> "Answer":
        """A reply is heard; an answer that still goes on is not replied to by it."""
        return replace(self, window=Window.REPLIED) if self.window is Window.CLOSED else self


class Suspicion(Struct, frozen=True, kw_only=True):
    """A barge-in under suspicion. `held_sample`: the candidate's position when playback was held."""

    onset_sample: int
    onset_at_us: int
    held_at_us: int
    held_sample: int
