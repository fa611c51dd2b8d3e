"""Faults that a rehearsal makes on purpose: data in, strikes out.

A fault names a *point* of a session's course (`at`, its `nth` passing, `after_ms` later) and an
*action* with its arguments. Points and actions are tables; a new fault is a new row in one of them.
Some actions change the message of the point itself and fit only some points (`FITS`); the others
happen beside the course, and fit everywhere.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from time import monotonic
from typing import Any, Self

import msgspec

from domain.errors import PeerError


class Point(StrEnum):
    """Where in a session's course a fault can strike. Passings are counted per session."""

    DIAL = "dial"
    """A connection asks to be let in; the handshake is not answered yet."""
    RESUME = "resume"
    """A setup came with a handle, which is not looked at yet."""
    SETUP_COMPLETE = "setup_complete"
    RECEIVED_BYTES = "received_bytes"
    """Counted in bytes of the candidate's PCM, not in passings."""
    INPUT_TRANSCRIPTION = "input_transcription"
    REPLY = "reply"
    """A reply's first audio."""
    GENERATION_COMPLETE = "generation_complete"
    TURN_COMPLETE = "turn_complete"
    INTERRUPTION = "interruption"
    """A turn was cut off, and `interrupted` is about to say so."""


class Action(StrEnum):
    """What a fault does."""

    DROP = "drop"
    """End the connection: with close `code` and `reason`, or with `abort` without a word (the
    client sees 1006)."""
    DELAY = "delay"
    """Hold the message of this point, and what follows it, back for `ms`."""
    GO_AWAY = "go_away"
    """Announce the end of the connection, which comes `time_left_ms` later, or (`goes_on`) never."""
    SILENCE = "silence"
    """The model hangs: this turn has no audio and no end, and nothing says so."""
    CHOOSE_SILENCE = "choose_silence"
    """The model says that it will say nothing: `waitingForInput` and `turnComplete`, no audio."""
    INTERRUPTED = "interrupted"
    """A phantom: `interrupted`, which nobody caused. Then nothing more, or `turnComplete` (`ends`),
    or it `goes_on`."""
    PREMATURE = "premature"
    """`turnComplete` while the turn goes on, to its usual ends."""
    OMIT = "omit"
    """This point's message never comes; everything after it does."""
    LATE_AUDIO = "late_audio"
    """A turn that was cut off talks on for `ms` before `interrupted`, or `after` it."""
    TURN_COMPLETE_FIRST = "turn_complete_first"
    """A turn that was cut off ends with `turnComplete`, then `interrupted`."""
    REFUSE = "refuse"
    """Answer the handshake with an HTTP `status`."""
    FORGET = "forget"
    """Accept a handle, and have nothing of its history."""
    STALL = "stall"
    """Read nothing for `ms` (0: never again), so that the client's messages pile up."""
    GARBAGE = "garbage"
    """Send a message that means nothing: `what` names its kind."""
    GAP = "gap"
    """The audio stalls for `ms`, then what is due comes in a burst."""
    TONE = "tone"
    """The voice becomes a tone, which lasts `ms` longer than the words would have."""


_MESSAGES = frozenset(
    {
        Point.SETUP_COMPLETE,
        Point.INPUT_TRANSCRIPTION,
        Point.GENERATION_COMPLETE,
        Point.TURN_COMPLETE,
        Point.INTERRUPTION,
    }
)
FITS: Mapping[Action, frozenset[Point]] = {
    Action.SILENCE: frozenset({Point.REPLY}),
    Action.CHOOSE_SILENCE: frozenset({Point.REPLY}),
    Action.OMIT: _MESSAGES,
    Action.REFUSE: frozenset({Point.DIAL}),
    Action.FORGET: frozenset({Point.RESUME}),
    Action.LATE_AUDIO: frozenset({Point.INTERRUPTION}),
    Action.TURN_COMPLETE_FIRST: frozenset({Point.INTERRUPTION}),
}
"""Where the actions fit that change a point's own message. They strike at once: `after_ms` would be
too late."""
FIT_DIAL = frozenset({Action.REFUSE, Action.DROP, Action.DELAY})
"""What can happen to a connection that is no session yet."""
FIT_AT_ONCE = frozenset(Action) - FITS.keys() - {Action.DELAY}
"""What can happen at any moment, to order."""
GARBAGE = ("json", "binary", "empty", "list", "unknown", "wrong", "giant")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One row: when (`at`, `nth`, `after_ms`), how often over the server's life (`times`, 0 for
    always), and what.

    With `for_ms` it strikes only so long after it was made; 0 is for ever.
    """

    action: Action
    at: Point
    nth: int = 1
    after_ms: int = 0
    times: int = 1
    for_ms: int = 0
    code: int = 1011
    reason: str = "Internal error encountered."
    abort: bool = False
    ms: int = 0
    time_left_ms: int = 5_000
    goes_on: bool = False
    ends: bool = False
    after: bool = False
    status: int = 503
    what: str = "json"

    def __post_init__(self) -> None:
        if self.what not in GARBAGE:
            raise ValueError(f"what must be one of {', '.join(GARBAGE)}")
        if self.at is Point.DIAL and (self.action not in FIT_DIAL or self.after_ms):
            raise ValueError(f"at dial there can be {', '.join(sorted(FIT_DIAL))}, without after_ms")
        fits = FITS.get(self.action)
        if fits is not None and (self.at not in fits or self.after_ms):
            raise ValueError(f"{self.action} must be at {' or '.join(sorted(fits))}, without after_ms")

    @property
    def words(self) -> str:
        """The fault as it may be written in words."""
        stated = {item.name: getattr(self, item.name) for item in fields(self) if item.name not in ("action", "reason")}
        changed = {item.name: item.default for item in fields(self)}
        return " ".join([self.action, *(f"{name}={stated[name]}" for name in stated if stated[name] != changed[name])])

    @classmethod
    def parse(cls, text: str) -> Self:
        """A fault from JSON (`{"action": "drop", "at": "reply"}`) or from words (`drop at=reply
        nth=2`)."""
        return cls.read(msgspec.json.decode(text) if text.lstrip().startswith("{") else _words(text))

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> Self:
        """A fault from a JSON object. Raises `PeerError` (bad_fault) naming what is wrong."""
        known = {item.name for item in fields(cls)}
        try:
            if strange := set(raw) - known:
                raise ValueError(f"unknown {', '.join(sorted(strange))}; known are {', '.join(sorted(known))}")
            return cls(
                action=Action(raw["action"]),
                at=Point(raw["at"]),
                **{name: _typed(cls, name, value) for name, value in raw.items() if name not in {"action", "at"}},
            )
        except (KeyError, ValueError) as error:
            raise PeerError("bad_fault", f"Correct the fault {dict(raw)!r}: {error}") from error


@dataclass(slots=True)
class _Armed:
    """A fault that waits to strike."""

    fault: Fault
    made_s: float
    struck: int = 0

    def is_spent(self, now_s: float) -> bool:
        late = self.fault.for_ms and now_s >= self.made_s + self.fault.for_ms / 1000
        return bool(late or (self.fault.times and self.struck >= self.fault.times))


class FaultPlan:
    """The server's faults, and how often each may still strike. `now_s` is a monotonic clock."""

    def __init__(self, faults: Iterable[Fault] = (), now_s: Callable[[], float] = monotonic) -> None:
        self._now_s = now_s
        self._armed: list[_Armed] = []
        self.add(faults)

    def add(self, faults: Iterable[Fault]) -> None:
        """From now on these may strike too."""
        self._armed = [armed for armed in self._armed if not armed.is_spent(self._now_s())]
        self._armed += [_Armed(fault, self._now_s()) for fault in faults]

    def clear(self) -> None:
        """No fault strikes any more; what has struck goes on."""
        self._armed.clear()

    def watch(self) -> "FaultWatch":
        """Counts the passings of one session."""
        return FaultWatch(self)

    def strike(self, point: Point, before: int, now: int) -> list[Fault]:
        """Faults due as the count of `point` rises from `before` to `now`; each is used up by being
        returned."""
        due = []
        for armed in self._armed:
            if armed.fault.at is point and before < armed.fault.nth <= now and not armed.is_spent(self._now_s()):
                armed.struck += 1
                due.append(armed.fault)
        return due


class FaultWatch:
    """One session's count of every point."""

    def __init__(self, plan: FaultPlan) -> None:
        self._plan = plan
        self._passed: Counter[Point] = Counter()

    def passes(self, point: Point, count: int = 1) -> list[Fault]:
        """Count a passing of `point`; returns the faults that strike there."""
        before = self._passed[point]
        self._passed[point] = before + count
        return self._plan.strike(point, before, before + count)


def _words(text: str) -> dict[str, Any]:
    action, *rest = text.split()
    return {"action": action} | dict(item.split("=", 1) for item in rest)


def _typed(cls: type[Fault], name: str, value: Any) -> Any:
    default = next(item.default for item in fields(cls) if item.name == name)
    if isinstance(default, bool):
        return value is True or str(value).lower() in {"1", "true", "yes"}
    return int(value) if isinstance(default, int) else str(value)
