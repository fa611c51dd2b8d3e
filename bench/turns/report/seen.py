"""What was seen in a scene: one value of one measure, and the unit of each measure."""

from dataclasses import dataclass
from typing import Literal

Unit = Literal["ms", "share", "per minute", "ratio", "count"]
UNITS: dict[str, Unit] = {
    "yield rate": "share",
    "hold latency": "ms",
    "yield latency": "ms",
    "silence latency": "ms",
    "confirm delay": "ms",
    "heard error": "ms",
    "spoiled before its onset": "share",
    "backchannel selectivity": "share",
    "hesitation selectivity": "share",
    "tic selectivity": "share",
    "side-speech selectivity": "share",
    "side speech not yielded to at all": "share",
    "never held": "share",
    "held time per dismissal": "ms",
    "false holds": "per minute",
    "false confirmed": "per minute",
    "false answers": "per minute",
    "self-interruptions held": "per minute",
    "self-interruptions": "per minute",
    "double talk taken as the answer": "share",
    "interviewer's words lost to double talk": "ms",
    "endpoint delay": "ms",
    "response latency": "ms",
    "onset delay": "ms",
    "cut-off rate": "share",
    "answers never ended": "share",
    "answers missed": "share",
    "voiced missing at the model": "ms",
    "voiced in dismissed doubts": "ms",
    "silence not sent": "ratio",
    "generations cancelled": "count",
    "eager ends tried": "count",
    "eager ends withdrawn": "count",
    "sent wrong": "ms",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """One observation. `weight` is what a rate or ratio is of: minutes, or the whole."""

    measure: str
    condition: str
    value: float
    recording: str
    speaker: str
    weight: float = 1.0
