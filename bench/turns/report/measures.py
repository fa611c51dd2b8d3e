"""What a trace says about turn-taking: `Seen` values under the names that docs and dashboards use.

Decisions are the session's own events, effects what was handed to the client's wire, truth the
scene's. A value knows which recording and which speaker it came from, so that intervals can count
independent things.
"""

from collections.abc import Iterator

from bench.turns.report.answers import answers_seen
from bench.turns.report.seen import UNITS, Seen
from bench.turns.stage.trace import Trace
from domain.events import (
    BargeInConfirmed,
    BargeInDismissed,
    BargeInSuspected,
    CandidateStarted,
    ReplyCut,
)
from domain.states import State

YIELD_WITHIN_US = 2_000_000
TALK_THROUGH_US, NO_ANSWER_US = 1_000_000, 2_000_000
_FLOOR_HELD = (State.MODEL_SPEAKING, State.INTERRUPTED)


def seen_in(trace: Trace) -> list[Seen]:
    """Every measure that this trace has something to say on."""
    found = [*_by_kind(trace), *answers_seen(trace), *_sent(trace)]
    assert all(each.measure in UNITS for each in found)
    return found


def _by_kind(trace: Trace) -> Iterator[Seen]:
    match trace.scene.kind:
        case "interruption":
            yield from _interruption(trace)
        case "backchannel" | "hesitation" | "tic":
            yield from _talked_through(trace, f"{trace.scene.kind} selectivity")
        case "side_speech":
            yield from _talked_through(trace, "side-speech selectivity")
        case "noise":
            yield from _nobody_speaks(trace, "false holds", "false confirmed")
        case "echo":
            yield from _nobody_speaks(trace, "self-interruptions held", "self-interruptions")
        case "double_talk":
            yield from _double_talk(trace)


def _seen(trace: Trace, measure: str, value: float, part: int = 0, weight: float = 1.0, condition: str = "") -> Seen:
    whose = trace.part(part).cut if trace.scene.parts else trace.scene.bed.cut if trace.scene.bed else None
    recording, speaker = (whose.path, whose.speaker) if whose else (trace.scene.id, "interviewer")
    return Seen(measure, condition or trace.scene.condition, value, recording, speaker, weight)


def _over_the_interviewer(trace: Trace, onset_us: int) -> bool:
    return onset_us >= 0 and trace.state_at(onset_us) in _FLOOR_HELD


def _held_at(trace: Trace, at_us: int) -> bool:
    held = False
    for message in trace.messages:
        if message.at_us > at_us:
            break
        held = message.type == "hold"
    return held


def _interruption(trace: Trace) -> Iterator[Seen]:
    onset_us = trace.onset_us(0)
    there = _over_the_interviewer(trace, onset_us)
    yield _seen(trace, "spoiled before its onset", not there)
    if not there:
        return
    hold_us = onset_us if _held_at(trace, onset_us) else trace.first_sent_us("hold", onset_us)
    flush_us = trace.first_sent_us("flush", onset_us)
    yield _seen(trace, "yield rate", flush_us is not None and flush_us - onset_us <= YIELD_WITHIN_US)
    if hold_us is not None:
        yield _seen(trace, "hold latency", (hold_us - onset_us) / 1000)
    decided = [event.at_us for event in trace.of(BargeInConfirmed, BargeInDismissed) if event.at_us >= onset_us]
    if decided:
        yield _seen(trace, "confirm delay", (decided[0] - onset_us) / 1000)
    if flush_us is None:
        return
    yield _seen(trace, "yield latency", (flush_us - onset_us) / 1000)
    cut = next((event for event in trace.of(ReplyCut) if event.at_us <= flush_us), None)
    if cut is None:
        return
    audible = [played for played in trace.played if played.generation == cut.generation]
    if audible:
        yield _seen(trace, "silence latency", max(0, audible[-1].end_us - onset_us) / 1000)
        heard_ms = sum(played.count for played in audible) / 24
        yield _seen(trace, "heard error", abs(cut.heard_ms - heard_ms))


def _talked_through(trace: Trace, measure: str) -> Iterator[Seen]:
    """An interviewer who goes on: no yield within 1 s, no answer within 2 s."""
    onset_us = trace.onset_us(0)
    if not _over_the_interviewer(trace, onset_us):
        yield _seen(trace, "spoiled before its onset", True)
        return
    flush_us = trace.first_sent_us("flush", onset_us)
    answers = [event.at_us for event in trace.of(CandidateStarted, BargeInConfirmed) if event.at_us >= onset_us]
    yielded = flush_us is not None and flush_us - onset_us <= TALK_THROUGH_US
    answered = bool(answers) and answers[0] - onset_us <= NO_ANSWER_US
    yield _seen(trace, measure, not (yielded or answered))
    over_us = onset_us + round(1e6 * trace.part(0).cut.seconds) + TALK_THROUGH_US
    held_us = trace.first_sent_us("hold", onset_us, over_us)
    yield _seen(trace, "never held", held_us is None and not _held_at(trace, onset_us), condition=trace.scene.kind)
    if trace.scene.kind == "side_speech":
        yield _seen(trace, "side speech not yielded to at all", flush_us is None)
    for begin_us, end_us in _dismissed(trace):
        if onset_us - 200_000 <= begin_us <= over_us:
            yield _seen(trace, "held time per dismissal", (end_us - begin_us) / 1000, condition=trace.scene.kind)


def _dismissed(trace: Trace) -> Iterator[tuple[int, int]]:
    held_us = -1
    for message in trace.messages:
        if message.type == "hold":
            held_us = message.at_us
        elif message.type == "release" and held_us >= 0:
            yield held_us, message.at_us
            held_us = -1
        else:
            held_us = -1


def _nobody_speaks(trace: Trace, holds: str, confirmed: str) -> Iterator[Seen]:
    """Exposure is the time in which the interviewer had the floor; a false answer is counted over
    the rest."""
    minutes = trace.minutes_in(*_FLOOR_HELD)
    yield _seen(trace, holds, len(trace.of(BargeInSuspected)), weight=minutes)
    yield _seen(trace, confirmed, len(trace.of(BargeInConfirmed)), weight=minutes)
    if trace.scene.kind == "noise":
        whole = trace.length_us / 60e6
        yield _seen(trace, "false answers", len(trace.of(CandidateStarted)), weight=whole)
        for begin_us, end_us in _dismissed(trace):
            yield _seen(trace, "held time per dismissal", (end_us - begin_us) / 1000, condition="noise")


def _double_talk(trace: Trace) -> Iterator[Seen]:
    """Begun within the last 300 ms of the interviewer's turn: an answer, whose beginning
    overlaps."""
    onset_us = trace.onset_us(0)
    there = _over_the_interviewer(trace, onset_us)
    yield _seen(trace, "spoiled before its onset", not there)
    if not there:
        return
    cuts = trace.of(ReplyCut)
    taken = [event for event in trace.of(CandidateStarted, BargeInConfirmed) if event.at_us >= onset_us]
    yield _seen(trace, "double talk taken as the answer", bool(taken) and not cuts)
    lost_ms = sum(cut.received_ms - cut.heard_ms for cut in cuts)
    yield _seen(trace, "interviewer's words lost to double talk", lost_ms)


def _sent(trace: Trace) -> Iterator[Seen]:
    if trace.scene.kind != "endpoint":
        return
    received = sum(last - first for first, last in trace.received)
    voiced = sum(round(16_000 * (end - start)) for part in trace.scene.parts for start, end in part.speech)
    silence = max(1, trace.heard_samples - voiced)
    kept = min(1.0, max(0, received - voiced) / silence)
    yield _seen(trace, "silence not sent", (1 - kept) * silence, weight=silence)
    yield _seen(trace, "sent wrong", trace.received_wrong / 16)
