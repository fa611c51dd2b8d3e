"""What the laboratory plays: each scenario is a layout, a crowd of calls and a mix of faults."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.chaos.candidate import Manner
from bench.chaos.laboratory import Layout
from bench.chaos.schedule import Chance, Kind, Mix

_QUICK_POLICY: Mapping[str, Any] = {
    "recording": {"segment_ms": 400},
    "links": {"grace_ms": 1_500, "dial_backoff_ms": 100},
}


@dataclass(frozen=True, slots=True)
class Scenario:
    """`calls` at once, each until the end; with `each_s` calls come and go, and `calls` is how many
    in all."""

    name: str
    group: str
    says: str
    minutes: float
    """About how long it takes on two cores."""
    mix: Mix
    faults: int
    every_s: tuple[float, float]
    calls: int
    layout: Layout = field(default_factory=Layout)
    manner: Manner = field(default_factory=Manner)
    each_s: tuple[float, float] | None = None
    at_once: int = 8
    settle_in_s: float = 4.0
    settle_s: float = 5.0


_RESTARTED = Chance(1, for_s=(0.1, 1.0), rest_s=5.0)
_EVERYTHING: Mix = {
    Kind.KILL: Chance(3, for_s=(0.1, 2.0), rest_s=8.0),
    Kind.DRAIN: Chance(1, for_s=(0.0, 1.0), rest_s=14.0),
    Kind.POSTGRES_FAST: Chance(1, for_s=(0.5, 4.0), rest_s=6.0),
    Kind.POSTGRES_IMMEDIATE: Chance(1, for_s=(0.5, 4.0), rest_s=6.0),
    Kind.POSTGRES_CRASH: Chance(0.5, for_s=(0.5, 2.0), rest_s=6.0),
    Kind.CUT: Chance(10),
    Kind.STALL: Chance(4, for_s=(1.0, 6.0)),
    Kind.JITTER: Chance(6, for_s=(2.0, 6.0)),
    Kind.GEMINI_DROP: Chance(5),
    Kind.GEMINI_ABORT: Chance(5),
    Kind.GEMINI_GO_AWAY: Chance(4, for_s=(5.0, 12.0)),
    Kind.GEMINI_REFUSE: Chance(2, for_s=(0.2, 0.8)),
    Kind.GEMINI_EXPIRE: Chance(2),
    Kind.GEMINI_GARBAGE: Chance(3),
    Kind.GEMINI_HANG: Chance(2),
    Kind.GEMINI_STALL: Chance(1, for_s=(1.0, 3.0)),
}

SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        name="kill-1",
        group="kill",
        says="SIGKILL of the only server: its calls go on once it is back",
        minutes=13.0,
        mix={Kind.KILL: _RESTARTED},
        faults=100,
        every_s=(1.0, 2.0),
        calls=5,
        layout=Layout(servers=1),
    ),
    Scenario(
        name="kill-2",
        group="kill",
        says="SIGKILL of one of two servers: its calls go on at the other",
        minutes=14.0,
        mix={Kind.KILL: Chance(1, for_s=(0.5, 1.5), rest_s=5.5)},
        faults=100,
        every_s=(1.0, 2.0),
        calls=5,
    ),
    Scenario(
        name="rolling",
        group="rolling",
        says="two servers are restarted one after the other by SIGTERM",
        minutes=1.0,
        mix={Kind.DRAIN: Chance(1, for_s=(0.1, 0.5), rest_s=15.0)},
        faults=2,
        every_s=(2.0, 3.0),
        calls=20,
    ),
    Scenario(
        name="gemini",
        group="gemini",
        says="sessions are dropped, with a word or without, and accepted again at once",
        minutes=3.2,
        mix={Kind.GEMINI_DROP: Chance(1), Kind.GEMINI_ABORT: Chance(1)},
        faults=150,
        every_s=(0.8, 1.6),
        calls=10,
        layout=Layout(servers=1),
        manner=Manner(answers_s=(2.5, 5.0)),
    ),
    Scenario(
        name="goaway",
        group="goaway",
        says="Gemini announces that sessions end: the call moves on to another, and nobody hears it",
        minutes=4.2,
        mix={Kind.GEMINI_GO_AWAY: Chance(1, for_s=(10.0, 14.0))},
        faults=110,
        every_s=(1.9, 2.3),
        calls=6,
        layout=Layout(servers=1),
        settle_s=14.0,
    ),
    Scenario(
        name="postgres",
        group="postgres",
        says="Postgres is away for 10 s, three times, each in another mode",
        minutes=1.5,
        mix={
            Kind.POSTGRES_FAST: Chance(1, for_s=(10.0, 10.0), rest_s=8.0),
            Kind.POSTGRES_IMMEDIATE: Chance(1, for_s=(10.0, 10.0), rest_s=8.0),
        },
        faults=3,
        every_s=(3.0, 4.0),
        calls=20,
        layout=Layout(servers=1),
        settle_s=8.0,
    ),
    Scenario(
        name="mixed",
        group="mixed",
        says="calls come and go, and everything happens to them",
        minutes=4.5,
        mix=_EVERYTHING,
        faults=260,
        every_s=(0.5, 1.4),
        calls=200,
        each_s=(6.0, 20.0),
    ),
)

QUICK = Scenario(
    name="quick",
    group="quick",
    says="a little of everything, for the tests",
    minutes=0.4,
    mix={
        Kind.KILL: Chance(2, for_s=(0.0, 0.2), rest_s=60.0),
        Kind.CUT: Chance(2),
        Kind.STALL: Chance(1, for_s=(0.3, 0.6)),
        Kind.JITTER: Chance(1, for_s=(0.5, 1.0)),
        Kind.GEMINI_DROP: Chance(1),
        Kind.GEMINI_ABORT: Chance(1),
        Kind.POSTGRES_FAST: Chance(1, for_s=(0.3, 0.6), rest_s=60.0),
    },
    faults=8,
    every_s=(0.4, 0.9),
    calls=3,
    layout=Layout(policy=_QUICK_POLICY),
    settle_in_s=2.5,
    settle_s=2.0,
)


def chosen(group: str) -> tuple[Scenario, ...]:
    """The scenarios of one name or one group, or all."""
    return tuple(each for each in SCENARIOS if group in ("all", each.group, each.name))
