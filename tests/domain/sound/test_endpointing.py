"""How long a silence is waited out: from all that is known about the pause, the answer and the
candidate."""

import itertools

import pytest

from domain import effects as fx
from domain import events as ev
from domain import inputs as inp
from domain.policy import EndpointPolicy, Policy
from domain.sound.endpointing import CERTAIN, Endpointing, tail_completeness
from domain.sound.rates import samples
from domain.states import State
from tests.domain.calls import PLAIN, Driver

POLICY = EndpointPolicy()
LONG_MS, LEVEL_TAIL, SUNK_TAIL = 8_000, 0, -24


def predicted(completeness: int, policy: EndpointPolicy = POLICY) -> Endpointing:
    endpointing = Endpointing.under(policy)
    endpointing.predicted(completeness)
    return endpointing


def rising(values: list[int]) -> bool:
    return all(a <= b for a, b in itertools.pairwise(values)) and values[0] < values[-1]


def test_what_is_surely_over_is_answered_quickly() -> None:
    """Given a long answer that sounds finished and has sunk, then the wait is the quick one."""
    assert predicted(CERTAIN).wait_ms(LONG_MS, SUNK_TAIL) == POLICY.quick_ms


def test_what_is_surely_not_over_is_waited_for_patiently() -> None:
    """Given a beginning that sounds unfinished, then the wait is the patient one."""
    assert predicted(0).wait_ms(1_000, 10) == POLICY.patient_ms


def test_the_more_finished_it_sounds_the_shorter_the_wait() -> None:
    """Given verdicts from finished to not at all, then waits only grow."""
    assert rising([predicted(c).wait_ms(LONG_MS, LEVEL_TAIL) for c in range(CERTAIN, -1, -1)])


def test_the_longer_the_answer_the_shorter_the_wait() -> None:
    """Given answers from long to short, then waits only grow, within the lengths that say
    something."""
    lengths = range(14_000, 0, -500)
    waits = [predicted(CERTAIN // 2).wait_ms(length, LEVEL_TAIL) for length in lengths]
    assert rising(waits)
    assert waits[0] == predicted(CERTAIN // 2).wait_ms(60_000, LEVEL_TAIL)
    assert waits[-1] == predicted(CERTAIN // 2).wait_ms(0, LEVEL_TAIL)


def test_the_further_the_voice_has_sunk_the_shorter_the_wait() -> None:
    """Given tails from sunk to raised, then waits only grow."""
    assert rising([predicted(CERTAIN // 2).wait_ms(LONG_MS, tail) for tail in range(-40, 20)])


def test_without_a_verdict_the_wait_is_between_the_plain_timer_and_twice_that() -> None:
    """Given no turn detector, then length and tail alone move the wait, from `silence_ms` to twice
    as much."""
    waits = [
        Endpointing.under(POLICY).wait_ms(length, tail) for length in range(0, 20_000, 500) for tail in (-60, 0, 20)
    ]
    assert min(waits) == POLICY.silence_ms
    assert max(waits) <= 2 * POLICY.silence_ms
    assert max(waits) > POLICY.silence_ms * 3 // 2


def test_the_plain_timer_asks_nothing_and_nobody() -> None:
    """Given the silence strategy, then the wait is the timer's, whatever is known, and the turn
    detector is left alone."""
    endpointing = predicted(0, PLAIN.endpoint)
    assert {endpointing.wait_ms(length, 0) for length in (0, LONG_MS)} == {PLAIN.endpoint.silence_ms}
    assert not endpointing.wants_prediction(5_000)


def test_long_pauses_make_patience_longer_and_short_ones_shorter() -> None:
    """Given a candidate's own pauses, then patience follows them in both directions."""
    thinker, talker = Endpointing.under(POLICY), Endpointing.under(POLICY)
    for _ in range(10):
        thinker.goes_on(2_000)
        talker.goes_on(300)
    assert talker.patient_ms < Endpointing.under(POLICY).patient_ms == POLICY.patient_ms < thinker.patient_ms


def test_gaps_between_words_teach_nothing() -> None:
    """Given many gaps below 200 ms, then patience is what it was."""
    endpointing = Endpointing.under(POLICY)
    for _ in range(100):
        endpointing.goes_on(199)
    assert endpointing.patient_ms == POLICY.patient_ms
    assert endpointing.evidence(0, 0)["own_pauses"] == 0


def test_only_the_newest_pauses_count_and_people_in_general_still_do() -> None:
    """Given a hundred long pauses and then forty short ones, then it is as if the long ones had
    never been."""
    changed, always = Endpointing.under(POLICY), Endpointing.under(POLICY)
    for _ in range(100):
        changed.goes_on(POLICY.ceiling_ms)
    assert changed.patient_ms == POLICY.ceiling_ms * POLICY.patient_ms // 1_200
    for _ in range(40):
        changed.goes_on(250)
        always.goes_on(250)
    assert changed.patient_ms == always.patient_ms
    assert changed.evidence(0, 0)["own_pauses"] == 40


def test_a_candidate_who_asks_whether_anybody_is_there_did_not_pause() -> None:
    """Given speech after a silence longer than any that is waited out, then it says nothing about
    their pauses."""
    asked = Endpointing.under(POLICY)
    asked.goes_on(POLICY.ceiling_ms + 1)
    assert asked.patient_ms == Endpointing.under(POLICY).patient_ms


def test_patience_never_falls_below_the_quick_wait() -> None:
    """Given a candidate who hardly pauses and a policy that is slow to answer, then unfinished is
    no quicker."""
    policy = EndpointPolicy(quick_ms=1_500)
    endpointing = predicted(0, policy)
    for _ in range(40):
        endpointing.goes_on(200)
    endpointing.predicted(0)
    assert endpointing.patient_ms < 1_500
    assert endpointing.wait_ms(1_000, 10) == 1_500


def test_no_silence_is_waited_out_beyond_the_ceiling() -> None:
    """Given the most patient policy and candidate, then the wait is the ceiling."""
    endpointing = Endpointing.under(EndpointPolicy(patience_pct=500))
    for _ in range(40):
        endpointing.goes_on(10_000)
    endpointing.predicted(0)
    assert endpointing.wait_ms(0, 20) == POLICY.ceiling_ms


@pytest.mark.parametrize("pct", [50, 100, 130])
def test_patience_scales_every_wait(pct: int) -> None:
    """Given a percentage, then quick and patient waits are scaled by it."""
    policy = EndpointPolicy(patience_pct=pct)
    assert predicted(CERTAIN, policy).wait_ms(LONG_MS, SUNK_TAIL) == POLICY.quick_ms * pct // 100
    assert predicted(0, policy).wait_ms(1_000, 10) == POLICY.patient_ms * pct // 100


def test_the_turn_detector_is_asked_after_a_while_and_again_at_most_three_times() -> None:
    """Given a long silence, then it is asked at 160, 560 and 960 ms and never again; a new pause
    begins anew."""
    endpointing = Endpointing.under(POLICY)
    assert [ms for ms in range(0, 3_000, 20) if endpointing.wants_prediction(ms)] == [160, 560, 960]
    endpointing.goes_on(3_000)
    assert endpointing.wants_prediction(160)


def test_nobody_is_asked_where_there_is_no_turn_detector() -> None:
    """Given a policy without one, then no silence asks."""
    assert not Endpointing.under(EndpointPolicy(turn_detector="none")).wants_prediction(3_000)


def test_a_verdict_is_about_one_pause() -> None:
    """Given a verdict and last words, when they go on, then neither counts any more: both were
    about that pause."""
    endpointing = predicted(CERTAIN)
    endpointing.transcribed("and")
    assert endpointing.completeness == (CERTAIN + 25) // 2
    endpointing.goes_on(300)
    assert endpointing.completeness is None


@pytest.mark.parametrize(
    ("text", "completeness"),
    [
        ("", None),
        ("  ...  ", None),
        ("I worked there", None),
        ("I worked there.", 229),
        ("Did I? ", 229),
        ("What a year!", 229),
        ("はい。", 229),
        ("I worked there and", 25),
        ("I worked there, AND", 25),
        ("because we're", 25),
        ("because we’re", 25),
        ("first,", 25),
        ("und ich war der", 25),
        ("I worked, um", 0),
        ("Um.", 0),
        ("I worked...", 0),
        ("I worked there -", 0),
        ("I worked there…", 0),
        ("42", None),
    ],
)
def test_the_last_words_say_whether_more_will_come(text: str, completeness: int | None) -> None:
    """A table of endings: fillers, words that lead on, signs of punctuation, and what says
    nothing."""
    assert tail_completeness(text) == completeness


# --- in a call ---------------------------------------------------------------------------------------------------


def answering(ms: int = 2_000) -> Driver:
    """The opening question was heard and an answer is being given."""
    driver = Driver(Policy()).asked()
    driver.keeps_silent(1_000)
    driver.speaks(ms)
    return driver


def verdict(driver: Driver, completeness: int) -> None:
    """The turn detector answers what it was asked last."""
    asked = [effect for effect in driver.effects if isinstance(effect, fx.PredictEndOfTurn)][-1]
    driver.happens(inp.EndOfTurnPredicted(to_sample=asked.to_sample, completeness=completeness, took_ms=60))


def sent(driver: Driver) -> list[fx.SendCandidateAudio]:
    return [effect for effect in driver.effects if isinstance(effect, fx.SendCandidateAudio)]


def test_the_turn_detector_hears_the_answer_from_its_first_sample() -> None:
    """Given a short answer, then it is predicted from the beginning of its window to the newest
    frame."""
    driver = answering()
    assert driver.count(fx.PredictEndOfTurn) == 0
    driver.keeps_silent(160)
    first_sample = driver.last(ev.CandidateStarted).from_sample
    assert driver.effects[-1] == fx.PredictEndOfTurn(first_sample, driver.call.hearing.next_sample)


def test_the_turn_detector_hears_at_most_the_last_eight_seconds() -> None:
    """Given a long answer, then only its end is predicted, and that is still kept."""
    driver = answering(12_000)
    driver.keeps_silent(160)
    now = driver.call.hearing.next_sample
    assert driver.effects[-1] == fx.PredictEndOfTurn(now - samples(8_000), now)
    forgotten = [e.before_sample for e in driver.effects if isinstance(e, fx.ForgetCandidateAudio)]
    assert max(forgotten) <= now - samples(8_000)


def test_a_stretch_that_continues_a_turn_is_heard_with_the_one_before_it() -> None:
    """Given an answer taken up again before its reply was heard, then the turn detector hears both
    stretches."""
    driver = answering()
    first_sample = driver.last(ev.CandidateStarted).from_sample
    driver.keeps_silent(1_500)
    assert driver.call.state is State.LISTENING
    driver.speaks(500)
    driver.keeps_silent(160)
    assert driver.count(ev.CandidateStarted) == 2
    assert driver.effects[-1] == fx.PredictEndOfTurn(first_sample, driver.call.hearing.next_sample)


def test_a_finished_answer_ends_after_the_quick_wait() -> None:
    """Given a long answer and a verdict that it is finished, then it ends as soon as the quick wait
    is over."""
    driver = answering(12_000)
    driver.keeps_silent(160)
    verdict(driver, CERTAIN)
    wait_ms = driver.call.endpointing.wait_ms(12_000, 0)
    assert POLICY.quick_ms <= wait_ms < POLICY.quick_ms + 100
    driver.keeps_silent((wait_ms - 160 - 1) // 20 * 20)
    assert driver.call.state is State.CANDIDATE_SPEAKING
    driver.keeps_silent(20)
    stopped = driver.last(ev.CandidateStopped)
    assert stopped.reason == "silence"
    assert stopped.evidence["completeness"] == CERTAIN
    assert stopped.evidence["threshold_ms"] <= stopped.evidence["silent_ms"] < stopped.evidence["threshold_ms"] + 20


def test_a_verdict_that_comes_late_ends_the_answer_at_once() -> None:
    """Given a silence longer than the quick wait, when the verdict comes, then no further frame is
    waited for."""
    driver = answering(12_000)
    driver.keeps_silent(560)
    assert driver.call.state is State.CANDIDATE_SPEAKING
    verdict(driver, CERTAIN)
    assert driver.call.state is State.LISTENING
    assert driver.last(ev.CandidateStopped).evidence["silent_ms"] == 560


def test_two_seconds_of_thinking_stay_one_answer() -> None:
    """Given a pause that sounds unfinished, when the candidate goes on after 2 s, then nothing was
    ended."""
    driver = answering()
    driver.keeps_silent(160)
    verdict(driver, 0)
    driver.keeps_silent(1_840)
    driver.speaks(500)
    assert driver.count(ev.CandidateStopped) == 0
    assert driver.count(ev.CandidateStarted) == 1
    assert driver.call.endpointing.evidence(0, 0)["own_pauses"] == 1


@pytest.mark.parametrize("words", ["and then,", "um"])
def test_words_that_lead_on_are_waited_for_too(words: str) -> None:
    """Given a transcript in time and no verdict, then an unfinished ending makes the wait longer."""
    silent, led_on = answering(), answering()
    silent.keeps_silent(1_400)
    led_on.keeps_silent(100)
    led_on.happens(inp.CandidateTranscribed(text=f"I did this {words}", interim=True))
    led_on.keeps_silent(1_300)
    assert silent.call.state is State.LISTENING
    assert led_on.call.state is State.CANDIDATE_SPEAKING


def test_words_from_before_the_pause_say_nothing_about_it() -> None:
    """Given a full stop transcribed while the candidate speaks on, then the next pause is no
    shorter for it."""
    driver = answering()
    driver.happens(inp.CandidateTranscribed(text="I like it.", interim=True))
    assert driver.call.endpointing.completeness is None


def test_a_verdict_about_a_pause_that_is_over_is_ignored() -> None:
    """Given a turn detector that takes its time, when the candidate has gone on, then its verdict
    changes nothing."""
    driver = answering()
    driver.keeps_silent(200)
    driver.speaks(200)
    verdict(driver, CERTAIN)
    assert sum(driver.call.progress.ignored.values()) == 1
    assert driver.call.endpointing.completeness is None
    driver.keeps_silent(600)
    assert driver.call.state is State.CANDIDATE_SPEAKING


def test_of_a_long_pause_only_the_beginning_is_sent_until_more_follows() -> None:
    """Given a pause of 2 s, then 600 ms of it go out while it lasts, and all the rest once the
    candidate goes on."""
    driver = answering()
    end = driver.call.hearing.next_sample
    driver.keeps_silent(160)
    verdict(driver, 0)
    driver.keeps_silent(1_840)
    assert sent(driver)[-1].to_sample == end + samples(POLICY.send_silence_ms)
    driver.speaks(60)
    assert driver.call.hearing.next_sample - sent(driver)[-1].to_sample < samples(POLICY.send_chunk_ms)
    assert all(a.to_sample == b.from_sample for a, b in itertools.pairwise(sent(driver)))


def test_a_pause_that_ended_the_answer_is_sent_no_further() -> None:
    """Given an answer that ended after a long silence, then what lies beyond its first 600 ms is
    never sent."""
    driver = answering()
    end = driver.call.hearing.next_sample
    driver.keeps_silent(3_000)
    stopped = driver.last(ev.CandidateStopped)
    assert stopped.evidence["silent_ms"] > POLICY.send_silence_ms
    assert sent(driver)[-1].to_sample == stopped.to_sample == end + samples(POLICY.send_silence_ms)


def test_an_answer_muted_mid_word_ends_with_every_sample_sent() -> None:
    """Given a microphone muted in the middle of a word, then the window closes with all that was
    heard."""
    driver = answering(500)
    driver.speaks(20)
    driver.happens(inp.MicMuted())
    assert driver.last(ev.CandidateStopped).reason == "muted"
    assert sent(driver)[-1].to_sample == driver.call.hearing.next_sample
    to_model = [e for e in driver.effects if isinstance(e, fx.SendCandidateAudio | fx.CloseActivity)]
    assert isinstance(to_model[-1], fx.CloseActivity)
