"""The schedule of faults: what is done to whom and when, all of it drawn from one seed before the
run begins.

The same seed gives the same kinds, times, aims and lengths. What a fault meets is not in the
schedule: which thread is where at that moment is the machine's.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What can be done."""

    KILL = "kill"
    """SIGKILL of a server; it is started again after `for_s`."""
    DRAIN = "drain"
    """SIGTERM of a server; once it has stopped, it is started again."""
    POSTGRES_FAST = "postgres fast"
    POSTGRES_IMMEDIATE = "postgres immediate"
    POSTGRES_CRASH = "postgres crash"
    """Postgres ends in this mode, and is started again after `for_s`."""
    CUT = "client cut"
    """A client's connection breaks."""
    STALL = "client stall"
    """A client's connection carries nothing more for `for_s`."""
    JITTER = "client jitter"
    """For `for_s` everything is up to 300 ms late on a client's connection."""
    GEMINI_DROP = "gemini drop"
    """A session ends with 1011."""
    GEMINI_ABORT = "gemini abort"
    """A session's connection breaks without a word."""
    GEMINI_GO_AWAY = "gemini goAway"
    """Gemini announces that a session ends in `for_s`."""
    GEMINI_REFUSE = "gemini refuse"
    """A session ends, and for `for_s` no other is accepted."""
    GEMINI_EXPIRE = "gemini expire"
    """Every handle expires, and a session ends."""
    GEMINI_GARBAGE = "gemini garbage"
    """A session is sent what means nothing."""
    GEMINI_HANG = "gemini hang"
    """The next reply never comes."""
    GEMINI_STALL = "gemini stall"
    """A session reads nothing for `for_s`."""


@dataclass(frozen=True, slots=True)
class Strike:
    """At `at_s` after the beginning. `aim` (0..1) picks the target among those there are by then."""

    number: int
    at_s: float
    kind: Kind
    aim: float
    for_s: float


@dataclass(frozen=True, slots=True)
class Chance:
    """How often a kind is drawn, how long it lasts (from..to), and how long nothing else happens to
    its victim."""

    weight: float
    for_s: tuple[float, float] = (0.0, 0.0)
    rest_s: float = 0.0


_ALONE = {
    Kind.KILL: "servers",
    Kind.DRAIN: "servers",
    Kind.POSTGRES_FAST: "postgres",
    Kind.POSTGRES_IMMEDIATE: "postgres",
    Kind.POSTGRES_CRASH: "postgres",
}
"""What there is only one, or few, of: the next of these faults waits until the last is over."""

Mix = Mapping[Kind, Chance]


def schedule(
    seed: int, mix: Mix, *, faults: int, every_s: tuple[float, float], begin_s: float = 0.0
) -> tuple[Strike, ...]:
    """`faults` of them, `every_s` (from..to) apart. What is still down is not struck: another kind
    is, or all wait."""
    dice = random.Random(seed)
    free_from = dict.fromkeys([_ALONE.get(kind, "") for kind in mix], 0.0)
    strikes, at_s = [], begin_s
    for number in range(faults):
        at_s = max(at_s + dice.uniform(*every_s), min(free_from.values()))
        kinds = [kind for kind in mix if free_from[_ALONE.get(kind, "")] <= at_s]
        kind = dice.choices(kinds, [mix[each].weight for each in kinds])[0]
        strike = Strike(number, at_s, kind, dice.random(), dice.uniform(*mix[kind].for_s))
        if kind in _ALONE:
            free_from[_ALONE[kind]] = at_s + strike.for_s + mix[kind].rest_s
        strikes.append(strike)
    return tuple(strikes)
