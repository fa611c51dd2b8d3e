"""Faults that a rehearsal makes on purpose: data in, strikes out.

A fault names a *point* of a session's course (`at`, its `nth` passing, `after_ms` later) and an *action* with its
arguments. Points and actions are tables; a new fault is a new row in one of them. Some actions change the message of
the point itself and fit only some points (`FITS`); the others happen beside the course, and fit everywhere.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Self

import msgspec

from domain.errors import PeerError


class Point(StrEnum):
    """Where in a session's course a fault can strike. Passings are counted per session."""

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
    """End the connection: with close `code` and `reason`, or with `abort` without a word (the client sees 1006)."""
    DELAY = "delay"
    """Hold the message of this point, and what follows it, back for `ms`."""
    GO_AWAY = "go_away"
    """Announce the end of the connection, which comes `time_left_ms` later."""
    SILENCE = "silence"
    """The model hangs: this turn has no audio and no end, and nothing says so."""
    CHOOSE_SILENCE = "choose_silence"
    """The model says that it will say nothing: `waitingForInput` and `turnComplete`, no audio."""
    INTERRUPTED = "interrupted"
    """A phantom: `interrupted`, which nobody caused. Then nothing more, or `turnComplete` (`ends`), or it `goes_on`."""
    PREMATURE = "premature"
    """`turnComplete` while the turn goes on, to its usual ends."""
    OMIT = "omit"
    """This point's message never comes; everything after it does."""
    LATE_AUDIO = "late_audio"
    """A turn that was cut off talks on for `ms` before `interrupted`, or `after` it."""
    TURN_COMPLETE_FIRST = "turn_complete_first"
    """A turn that was cut off ends with `turnComplete`, then `interrupted`."""
    GAP = "gap"
    """The audio stalls for `ms`, then what is due comes in a burst."""
    TONE = "tone"
    """The voice becomes a tone, which lasts `ms` longer than the words would have."""


_ENDS = frozenset({Point.INPUT_TRANSCRIPTION, Point.GENERATION_COMPLETE, Point.TURN_COMPLETE, Point.INTERRUPTION})
FITS: Mapping[Action, frozenset[Point]] = {
    Action.SILENCE: frozenset({Point.REPLY}),
    Action.CHOOSE_SILENCE: frozenset({Point.REPLY}),
    Action.OMIT: _ENDS,
    Action.LATE_AUDIO: frozenset({Point.INTERRUPTION}),
    Action.TURN_COMPLETE_FIRST: frozenset({Point.INTERRUPTION}),
}
"""Where the actions fit that change a point's own message. They strike at once: `after_ms` would be too late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One row: when (`at`, `nth`, `after_ms`), how often over the server's life (`times`, 0 for always), and what."""

    action: Action
    at: Point
    nth: int = 1
    after_ms: int = 0
    times: int = 1
    code: int = 1011
    reason: str = "Internal error encountered."
    abort: bool = False
    ms: int = 0
    time_left_ms: int = 5_000
    goes_on: bool = False
    ends: bool = False
    after: bool = False

    def __post_init__(self) -> None:
        fits = FITS.get(self.action)
        if fits is not None and (self.at not in fits or self.after_ms):
            raise ValueError(f"{self.action} must be at {' or '.join(sorted(fits))}, without after_ms")

    @classmethod
    def parse(cls, text: str) -> Self:
        """A fault from JSON (`{"action": "drop", "at": "reply"}`) or from words (`drop at=reply nth=2`)."""
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


class FaultBook:
    """The server's faults, and how often each may still strike."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self._faults = tuple(faults)
        self._struck: Counter[int] = Counter()

    def watch(self) -> "FaultWatch":
        """Counts the passings of one session."""
        return FaultWatch(self)

    def strike(self, point: Point, before: int, now: int) -> list[Fault]:
        """Faults due as the count of `point` rises from `before` to `now`; each is used up by being returned."""
        due = []
        for index, fault in enumerate(self._faults):
            spent = fault.times and self._struck[index] >= fault.times
            if fault.at is point and before < fault.nth <= now and not spent:
                self._struck[index] += 1
                due.append(fault)
        return due


class FaultWatch:
    """One session's count of every point."""

    def __init__(self, book: FaultBook) -> None:
        self._book = book
        self._passed: Counter[Point] = Counter()

    def passes(self, point: Point, count: int = 1) -> list[Fault]:
        """Count a passing of `point`; returns the faults that strike there."""
        before = self._passed[point]
        self._passed[point] = before + count
        return self._book.strike(point, before, before + count)


def _words(text: str) -> dict[str, Any]:
    action, *rest = text.split()
    return {"action": action} | dict(item.split("=", 1) for item in rest)


def _typed(cls: type[Fault], name: str, value: Any) -> Any:
    default = next(item.default for item in fields(cls) if item.name == name)
    if isinstance(default, bool):
        return value is True or str(value).lower() in {"1", "true", "yes"}
    return int(value) if isinstance(default, int) else str(value)
