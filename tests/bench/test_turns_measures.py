"""Measures on traces made by hand: each says what its definition says."""

import math

import pytest

from bench.turns.report.answers import EVERY_PAUSE
from bench.turns.report.curve import Curve, Point
from bench.turns.report.figures import figure
from bench.turns.report.measures import seen_in
from bench.turns.report.seen import Seen
from bench.turns.report.statistics import clustered, poisson, quantile, wilson
from bench.turns.stage.loudspeaker import Played
from bench.turns.stage.trace import Trace
from domain.events import (
    BargeInConfirmed,
    BargeInDismissed,
    BargeInSuspected,
    CandidateStarted,
    CandidateStopped,
    ReplyCut,
)
from domain.states import State
from tests.bench.turns_corpus import trace_of


def values(trace: Trace, measure: str, condition: str | None = None) -> list[float]:
    """What a trace says on one measure."""
    return [
        each.value
        for each in seen_in(trace)
        if each.measure == measure and (condition is None or each.condition == condition)
    ]


def started(at_s: float) -> CandidateStarted:
    """The floor went to the candidate."""
    return CandidateStarted(at_us=round(at_s * 1e6), turn=1, onset_sample=0, onset_at_us=0, from_sample=0, evidence={})


def stopped(at_s: float) -> CandidateStopped:
    """The turn was ended."""
    return CandidateStopped(
        at_us=round(at_s * 1e6), turn=1, end_sample=0, end_at_us=0, to_sample=0, reason="silence", evidence={}
    )


def confirmed(at_s: float) -> BargeInConfirmed:
    """An interruption was believed."""
    return BargeInConfirmed(
        at_us=round(at_s * 1e6),
        generation=1,
        turn=1,
        from_sample=0,
        onset_sample=0,
        onset_at_us=0,
        reason="voiced",
        evidence={},
    )


def dismissed(at_s: float) -> BargeInDismissed:
    """An interruption was not believed."""
    evidence = {"at_sample": round(at_s * 16_000)}
    return BargeInDismissed(at_us=round(at_s * 1e6), generation=1, reason="silence", held_ms=1, evidence=evidence)


def suspected(at_s: float) -> BargeInSuspected:
    """A voice was heard over the interviewer."""
    return BargeInSuspected(at_us=round(at_s * 1e6), generation=1, onset_sample=0, onset_at_us=0, evidence={})


def cut(at_s: float, heard_ms: int) -> ReplyCut:
    """What the log says was heard."""
    return ReplyCut(
        at_us=round(at_s * 1e6),
        generation=1,
        received_ms=9_000,
        sent_ms=0,
        heard_ms=heard_ms,
        heard_text="",
        evidence={},
    )


def test_an_interruption_that_is_yielded_to() -> None:
    """Given an onset at 5 s, a hold at 5.1 and a flush at 5.4, latencies run from the true onset."""
    trace = trace_of(
        "interruption",
        events=(suspected(5.1), confirmed(5.4), cut(5.4, 3_600)),
        messages=((5.1, "hold"), (5.4, "flush")),
        states=((0, State.MODEL_SPEAKING), (5.1, State.INTERRUPTED), (5.4, State.CANDIDATE_SPEAKING)),
    )
    trace.played = [Played(1_500_000, 1, 0, 24 * 3_620)]
    trace.received = [(round(5.0 * 16_000), round(8.0 * 16_000))]
    assert values(trace, "yield rate") == [True]
    assert values(trace, "hold latency") == [pytest.approx(100)]
    assert values(trace, "yield latency") == [pytest.approx(400)]
    assert values(trace, "confirm delay") == [pytest.approx(400)]
    assert values(trace, "silence latency") == [pytest.approx(120)]
    assert values(trace, "heard error") == [pytest.approx(20)]
    assert values(trace, "voiced missing at the model") == [0]


def test_a_late_yield_is_none() -> None:
    """Given a flush 2.1 s after the onset, there was no yield; its latency counts all the same."""
    trace = trace_of("interruption", events=(confirmed(7.1),), messages=((7.1, "flush"),))
    assert values(trace, "yield rate") == [False]
    assert values(trace, "yield latency") == [pytest.approx(2_100)]


def test_an_interruption_of_nobody_counts_for_nothing() -> None:
    """Given that the interviewer had lost the floor before the onset, the interruption is
    spoiled."""
    trace = trace_of("interruption", states=((0, State.MODEL_SPEAKING), (4, State.CANDIDATE_SPEAKING)))
    assert values(trace, "spoiled before its onset") == [True]
    assert not values(trace, "yield rate")


def test_what_was_dismissed_before_is_counted_apart_from_what_was_lost() -> None:
    """Given a dismissal at 5.5 s and sound that reached the model from 5.8 s, 300 ms are lost and
    500 dismissed."""
    trace = trace_of("interruption", events=(dismissed(5.5), confirmed(6.2)), messages=((6.2, "flush"),))
    trace.received = [(round(5.8 * 16_000), (9 * 16_000))]
    assert values(trace, "voiced missing at the model") == [pytest.approx(300)]
    assert values(trace, "voiced in dismissed doubts") == [pytest.approx(500)]


def test_a_backchannel_that_is_talked_through() -> None:
    """Given a hold that is released, the interviewer talked through it, and it was held for so
    long."""
    trace = trace_of("backchannel", speech=((0.0, 0.4),), messages=((5.1, "hold"), (5.35, "release")))
    assert values(trace, "backchannel selectivity") == [True]
    assert values(trace, "never held") == [False]
    assert values(trace, "held time per dismissal") == [pytest.approx(250)]


@pytest.mark.parametrize(("flush_s", "answer_s", "through"), [(5.9, 5.9, False), (6.5, 6.5, False), (7.5, 7.5, True)])
def test_a_backchannel_that_is_yielded_to(flush_s: float, answer_s: float, through: bool) -> None:
    """Given a yield within 1 s or an answer within 2 s, the interviewer did not talk through it."""
    trace = trace_of("tic", speech=((0.0, 0.4),), messages=((flush_s, "flush"),), events=(confirmed(answer_s),))
    assert values(trace, "tic selectivity") == [through]


def test_false_holds_are_counted_over_the_interviewers_time() -> None:
    """Given two holds in a minute, half of which the interviewer had the floor, there are four a
    minute."""
    trace = trace_of(
        "noise",
        events=(suspected(10), suspected(20)),
        states=((0, State.LISTENING), (30, State.MODEL_SPEAKING)),
        length_s=60,
    )
    seen = next(each for each in seen_in(trace) if each.measure == "false holds")
    assert (seen.value, seen.weight) == (2, pytest.approx(0.5))
    assert figure("viva", "false holds", "noise", [seen]).value == pytest.approx(4)


PAUSES = ((0.0, 1.0), (1.2, 2.0), (2.7, 4.0))


def test_a_pause_at_which_the_turn_is_ended_is_cut_off() -> None:
    """Given an end in the second of two pauses, one of two is cut off, in its class; the delay is
    of the true end."""
    events = (started(5.1), stopped(7.5), started(7.8), stopped(9.8))
    trace = trace_of("endpoint", speech=PAUSES, events=events)
    trace.received = [(0, 10 * 16_000)]
    trace.played = [Played(10_100_000, 2, 0, 24_000)]
    assert values(trace, "cut-off rate", EVERY_PAUSE) == [False, True]
    assert values(trace, "cut-off rate", "600-1000 ms") == [True]
    assert values(trace, "endpoint delay") == [pytest.approx(800)]
    assert values(trace, "response latency") == [pytest.approx(1_100)]
    assert values(trace, "onset delay") == [pytest.approx(100)]
    assert values(trace, "answers never ended") == [False]


def test_an_answer_cut_short_at_its_last_pause_has_no_delay() -> None:
    """Given an end at the last pause and none later, there is a cut-off and no endpoint delay."""
    trace = trace_of("endpoint", speech=PAUSES, events=(started(5.1), stopped(7.5)))
    assert values(trace, "cut-off rate", EVERY_PAUSE) == [False, True]
    assert not values(trace, "endpoint delay")
    assert not values(trace, "answers never ended")


def test_voiced_sound_that_nobody_received_is_missing() -> None:
    """Given windows that leave out 100 ms of speech and all of a pause, 100 ms are missing."""
    trace = trace_of("endpoint", speech=PAUSES, events=(started(5.1), stopped(9.5)))
    trace.received = [(round(5.1 * 16_000), 6 * 16_000), (round(6.2 * 16_000), 7 * 16_000), (123_200, 160_000)]
    assert values(trace, "voiced missing at the model") == [pytest.approx(100)]


def test_intervals() -> None:
    """Given known counts, the intervals are the textbook's."""
    assert wilson(0, 10) == (0.0, pytest.approx(0.2775, abs=1e-3))
    assert wilson(9, 10) == (pytest.approx(0.5958, abs=1e-3), pytest.approx(0.9821, abs=1e-3))
    assert poisson(0, 30) == (0.0, pytest.approx(0.1))
    low, high = poisson(10, 1)
    assert low == pytest.approx(4.8, abs=0.1)
    assert high == pytest.approx(18.4, abs=0.1)
    assert math.isnan(quantile([], 0.5))


def test_what_one_recording_says_is_said_once() -> None:
    """Given a hundred equal values of one recording and one of another, the interval spans both."""
    seen = [Seen("hold latency", "clean", 100, "a", "ann") for _ in range(100)]
    seen.append(Seen("hold latency", "clean", 500, "b", "bob"))
    assert clustered(seen, lambda of: quantile(of, 0.5)) == (100, 500)
    alone = clustered(seen[:100], lambda of: quantile(of, 0.5))
    assert math.isnan(alone[0])


def test_the_delay_at_a_cut_off_rate_is_interpolated() -> None:
    """Given 15 % at 400 ms and 5 % at 800 ms, 10 % lie at 600; what the sweep does not reach is not
    known."""
    points = tuple(
        Point(value, rate, (0, 1), 100, delay, delay, delay, 50, 0.0)
        for value, rate, delay in ((300, 0.15, 400), (700, 0.05, 800))
    )
    curve = Curve("silero", "endpoint.silence_ms", points)
    assert curve.delay_at(0.10) == pytest.approx(600)
    assert curve.value_at(0.10) == pytest.approx(500)
    assert math.isnan(curve.delay_at(0.01))
