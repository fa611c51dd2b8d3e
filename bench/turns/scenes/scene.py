"""What happens in one simulated call, as data: small, picklable, the same for every contestant."""

from dataclasses import dataclass
from typing import Literal

from bench.turns.scenes.corpus import Cut

SPEECH_DBFS = -26.0
"""The active level of candidate and interviewer: what normalisation brings every answer and prompt
to."""
FLOOR_DBFS = -65.0

Kind = Literal[
    "endpoint",
    "coughs",
    "interruption",
    "backchannel",
    "hesitation",
    "tic",
    "noise",
    "echo",
    "side_speech",
    "double_talk",
]


@dataclass(frozen=True, slots=True)
class At:
    """So long after the microphone was opened."""

    ms: int


@dataclass(frozen=True, slots=True)
class IntoTurn:
    """So long after the first sample of one of the interviewer's turns was heard; 0 is the opening."""

    ms: int
    turn: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that the microphone picks up. `role` says what truth it is.

    `speech` are the voiced stretches in seconds from the cut's beginning; `lead_s` and `tail_s` is
    how much of the recording's own surroundings comes with it. `gain` is linear.
    """

    cut: Cut
    role: Literal["answer", "interruption", "backchannel", "hesitation", "tic", "side_speech"]
    start: At | IntoTurn
    gain: float
    speech: tuple[tuple[float, float], ...]
    lead_s: float = 0.0
    tail_s: float = 0.0

    @property
    def recording(self) -> str:
        """What counts as one independent recording."""
        return self.cut.path


@dataclass(frozen=True, slots=True)
class Bed:
    """Noise under everything, from the microphone's opening to the end, repeated as often as
    needed."""

    cut: Cut
    gain: float


@dataclass(frozen=True, slots=True)
class Prompt:
    """A sentence of the interviewer and the silence after it."""

    name: str
    gap_ms: int


Turn = tuple[Prompt, ...]


@dataclass(frozen=True, slots=True)
class Scene:
    """`parts[0]` is what the scene is about, where it is about one.

    `turns` are what the interviewer says, one after the other, the last one again and again.
    """

    id: str
    kind: Kind
    condition: str
    seed: int
    parts: tuple[Part, ...]
    turns: tuple[Turn, ...]
    bed: Bed | None = None
    echo_db: float | None = None
    floor_dbfs: float = FLOOR_DBFS
    network_ms: float = 0.0
    jitter_ms: float = 0.0
    least_ms: int = 0
    """The scene lasts at least so long, and `tail_ms` beyond its last part."""
    tail_ms: int = 2_500
    most_ms: int = 180_000
