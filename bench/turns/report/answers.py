"""What a trace says about answers: when each was noticed and ended, at which pauses it was cut off,
what was lost."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from bench.turns.report.seen import Seen
from bench.turns.scenes.corpus import RATE_HZ
from bench.turns.stage.trace import Trace
from domain.event import Event
from domain.events import (
    BargeInConfirmed,
    BargeInDismissed,
    CandidateStarted,
    CandidateStopped,
    EagerEndTried,
    EagerEndWithdrawn,
    ReplyWithdrawn,
)

PAUSE_CLASSES: tuple[tuple[int, int, str], ...] = (
    (100, 300, "100-300 ms"),
    (300, 600, "300-600 ms"),
    (600, 1_000, "600-1000 ms"),
    (1_000, 1_000_000, "1000 ms and more"),
)
_GIVEN_UP: dict[str, type[Event]] = {
    "generations cancelled": ReplyWithdrawn,
    "eager ends tried": EagerEndTried,
    "eager ends withdrawn": EagerEndWithdrawn,
}
EVERY_PAUSE = "all pauses"
_EARLY_US = 200_000
_LATEST_US = 5_000_000


def answers_seen(trace: Trace) -> Iterator[Seen]:
    """Of every answer and interruption in the scene; endpoint figures of whole answers are kept
    apart."""
    for number, part in enumerate(trace.scene.parts):
        if part.role in ("answer", "interruption") and trace.starts[number] is not None:
            yield from _answer(trace, number)


def _answer(trace: Trace, number: int) -> Iterator[Seen]:
    part, scene = trace.part(number), trace.scene
    speech = trace.speech_us(number)
    onset_us, end_us = speech[0][0], speech[-1][1]
    taken = [
        event.at_us
        for event in trace.of(CandidateStarted, BargeInConfirmed)
        if onset_us - _EARLY_US <= event.at_us <= end_us + 1_000_000
    ]

    def seen(measure: str, value: float, condition: str = scene.condition) -> Seen:
        return Seen(measure, condition, value, part.recording, part.cut.speaker)

    if scene.kind in ("endpoint", "coughs"):
        yield seen("answers missed", not taken)
        if taken:
            yield seen("onset delay", (taken[0] - onset_us) / 1000)
        yield from _cut_offs(trace, number)
        for measure, kind in _GIVEN_UP.items():
            events = [each for each in trace.of(kind) if onset_us <= each.at_us <= end_us + _LATEST_US]
            yield seen(measure, len(events))
    if taken:
        lost_ms, dismissed_ms = _missing_ms(trace, number)
        yield seen("voiced missing at the model", lost_ms)
        if scene.kind == "interruption":
            yield seen("voiced in dismissed doubts", dismissed_ms)
        if scene.kind in ("endpoint", "coughs"):
            yield from _ending(trace, number, end_us)


def _ending(trace: Trace, number: int, end_us: int) -> Iterator[Seen]:
    part, condition = trace.part(number), trace.scene.condition
    until_us = min(
        [
            onset - 50_000
            for other in range(len(trace.starts))
            if (onset := trace.onset_us(other)) > end_us and trace.part(other).role in ("answer", "interruption")
        ]
        + [trace.length_us, end_us + _LATEST_US]
    )
    stops = [event.at_us for event in trace.of(CandidateStopped) if trace.onset_us(number) < event.at_us <= until_us]
    ended = next((at_us for at_us in stops if end_us <= at_us), None)
    cut_short = ended is None and bool(stops)
    if not cut_short:
        yield Seen("answers never ended", condition, ended is None, part.recording, part.cut.speaker)
    if ended is None:
        return
    yield Seen("endpoint delay", condition, (ended - end_us) / 1000, part.recording, part.cut.speaker)
    heard = [played.at_us for played in trace.played if end_us <= played.at_us <= until_us]
    if heard:
        yield Seen("response latency", condition, (heard[0] - end_us) / 1000, part.recording, part.cut.speaker)


def _cut_offs(trace: Trace, number: int) -> Iterator[Seen]:
    """Each pause of 100 ms or more: whether the turn was ended at it. An end within speech is of
    the pause before."""
    part, speech = trace.part(number), trace.speech_us(number)
    stops = [event.at_us for event in trace.of(CandidateStopped) if speech[0][0] < event.at_us < speech[-1][1]]
    pauses = [(begin, end) for (_, begin), (end, _) in pairwise(speech)]
    for place, (begin_us, end_us) in enumerate(pauses):
        next_us = pauses[place + 1][0] if place + 1 < len(pauses) else speech[-1][1]
        cut = any(begin_us < at_us <= next_us for at_us in stops)
        length_ms = (end_us - begin_us) / 1000
        for least, most, name in PAUSE_CLASSES:
            if least - 1 <= length_ms < most:
                for label in (EVERY_PAUSE, name) if trace.scene.kind == "endpoint" else (trace.scene.condition,):
                    yield Seen("cut-off rate", label, cut, part.recording, part.cut.speaker)


def _missing_ms(trace: Trace, number: int) -> tuple[float, float]:
    """Truly voiced sound that is in nothing the model received: lost, and lost up to the last
    dismissal.

    What was dismissed goes to the log only, by design, and what came before it with it.
    """
    first = trace.starts[number]
    assert first is not None
    part = trace.part(number)
    voiced = np.zeros(round(part.cut.seconds * RATE_HZ) + 2, bool)
    for start, end in part.speech:
        voiced[round(start * RATE_HZ) : round(end * RATE_HZ)] = True
    for begin, end in trace.received:
        voiced[max(0, begin - first) : max(0, end - first)] = False
    suspected = np.zeros_like(voiced)
    ended_us = trace.speech_us(number)[-1][1]
    for event in trace.of(BargeInDismissed):
        if event.at_us < ended_us:
            suspected[: max(0, event.evidence["at_sample"] - first)] = True
    each_ms = 1000 / RATE_HZ
    return float((voiced & ~suspected).sum()) * each_ms, float((voiced & suspected).sum()) * each_ms
