"""A session that is left before it ends: at a quiet moment, else before its deadline, and without a
sound."""

import pytest

from domain import effects as fx
from domain import events as ev
from domain import inputs as inp
from domain.policy import EndpointPolicy, LinkPolicy, Policy
from domain.sound.rates import MODEL_RATE_HZ, samples
from domain.states import Link, State
from tests.domain.calls import Driver
from tests.domain.recovery.interview import answers, asked, asks, dials, forget_effects, regains, seeded


def going_away(driver: Driver, time_left_ms: int) -> None:
    driver.happens(inp.GoAwayReceived(time_left_ms=time_left_ms))


def passes(driver: Driver, ms: int) -> None:
    """Time passes while nothing happens but the call's own deadlines."""
    until_us = driver.now_us + ms * 1000
    while driver.call.next_deadline_us <= until_us:
        driver.happens(inp.DeadlinePassed(), max(0, driver.call.next_deadline_us - driver.now_us))
    driver.now_us = until_us


@pytest.mark.parametrize("time_left_ms", [0, 400, 50_000])
def test_while_the_candidate_thinks_the_session_is_left_at_once(time_left_ms: int) -> None:
    """Given a quiet moment, when Gemini says that it goes, then nobody waits for the deadline."""
    driver = asked()
    going_away(driver, time_left_ms)
    assert [effect.handle for effect in dials(driver)] == ["first"]
    assert driver.last(ev.LinkLost).reason == "session_ending"


def test_an_answer_under_way_is_not_disturbed_before_the_deadline() -> None:
    """Given goAway in mid-answer, then the session is left 3 s before its end, and the window is
    given whole again."""
    driver = asked()
    driver.speaks(500)
    answer = driver.call.record.answer
    assert answer is not None
    going_away(driver, 10_000)
    driver.speaks(6_900)
    assert dials(driver) == []
    driver.speaks(200)
    assert len(dials(driver)) == 1
    driver.speaks(400)
    regains(driver, dials(driver)[0])
    assert driver.call.state is State.CANDIDATE_SPEAKING
    sent = [effect for effect in driver.effects if isinstance(effect, fx.SendCandidateAudio)]
    assert sent == [fx.SendCandidateAudio(answer.from_sample, driver.call.hearing.next_sample)]


def test_the_deadline_needs_no_message_and_no_frame() -> None:
    """Given a candidate whose microphone is off, when nothing happens at all, then the deadline is
    kept."""
    driver = asked()
    driver.speaks(500)
    going_away(driver, 10_000)
    passes(driver, 7_100)
    assert len(dials(driver)) == 1


def test_a_reply_being_made_is_waited_for_near_the_end() -> None:
    """Given goAway while the model generates, then the session is left when the reply has arrived,
    not before."""
    driver = asked()
    answers(driver)
    going_away(driver, 4_000)
    driver.happens(inp.ModelTranscribed(text="And how?"))
    driver.keeps_silent(1_200)
    driver.model_sends(2_000, complete=False)
    driver.client_plays(500)
    assert driver.call.state is State.MODEL_SPEAKING
    assert dials(driver) == []
    driver.happens(inp.GenerationCompleted())
    assert len(dials(driver)) == 1
    assert seeded(dials(driver)[0])[-1] == "interviewer: And how?"


def test_a_reply_that_takes_too_long_is_not_waited_for_beyond_the_end() -> None:
    """Given a reply that does not complete, then the session is left half a second before its end
    all the same."""
    driver = asked()
    answers(driver)
    going_away(driver, 3_500)
    driver.model_sends(400, complete=False)
    driver.client_plays(2_800)
    assert dials(driver) == []
    driver.client_plays(200)
    assert len(dials(driver)) == 1


def test_what_has_arrived_of_a_reply_plays_on_without_a_gap() -> None:
    """Given a rotation while the interviewer is heard, then audio goes out as before, until all of
    it was heard."""
    driver = asked()
    answers(driver)
    driver.happens(inp.ModelTranscribed(text="And how?"))
    driver.model_sends(4_000)
    driver.client_plays(500)
    going_away(driver, 0)
    assert driver.call.state is State.RESUMING
    rotation = dials(driver)[0]
    for _ in range(10):
        driver.client_plays(100)
        assert driver.call.playout.sent_sample - driver.played >= samples(300, MODEL_RATE_HZ)
    regains(driver, rotation)
    assert driver.call.state is State.MODEL_SPEAKING
    driver.client_plays(2_700)
    assert driver.last(ev.ModelFinished).generation == 2
    assert driver.call.state is State.LISTENING
    assert driver.count(fx.FlushPlayback) == driver.count(fx.SendText) == 0


def test_a_reply_that_has_arrived_and_is_about_to_be_heard_is_not_lost_by_a_rotation() -> None:
    """Given the deadline between a reply's arrival and its first sound, then the rotation waits for
    the sound."""
    driver = asked()
    answers(driver)
    driver.model_sends(1_000)
    going_away(driver, 2_000)
    assert dials(driver) == []
    driver.client_plays(100)
    assert driver.call.state in (State.MODEL_SPEAKING, State.RESUMING)
    assert len(dials(driver)) == 1
    assert driver.count(ev.ReplyWithdrawn) == 0


def test_a_suspected_barge_in_is_decided_before_the_session_is_left() -> None:
    """Given goAway with no time left while a barge-in is suspected, then the rotation follows the
    decision."""
    driver = Driver().connected()
    driver.model_sends(2_000)
    driver.client_plays(500)
    driver.speaks(100)
    assert driver.call.state is State.INTERRUPTED
    going_away(driver, 0)
    passes(driver, 100)
    assert driver.call.state is State.INTERRUPTED
    driver.speaks(400)
    assert driver.last(ev.BargeInConfirmed).reason == "voiced"
    driver.happens(inp.ModelLost(code=1011, reason="lost", retryable=True))
    assert driver.call.state is State.RESUMING


def test_a_suspected_barge_in_near_the_end_is_followed_by_the_rotation() -> None:
    """Given a suspected barge-in while the deadline passes, then the session is left as soon as it
    is decided."""
    driver = Driver().connected()
    driver.model_sends(4_000)
    driver.client_plays(500)
    forget_effects(driver)
    going_away(driver, 3_050)
    driver.speaks(100)
    assert driver.call.state is State.INTERRUPTED
    assert dials(driver) == []
    driver.speaks(300)
    assert driver.count(ev.BargeInConfirmed) == 1
    assert len(dials(driver)) == 1


def test_without_a_client_the_session_is_left_at_its_deadline() -> None:
    """Given goAway while the client is away, then the session is changed, and the call waits for
    the client alone."""
    driver = asked()
    driver.happens(inp.ClientLost(reason="1006"))
    going_away(driver, 4_000)
    passes(driver, 1_100)
    assert len(dials(driver)) == 1
    regains(driver, dials(driver)[0])
    assert driver.call.record.missing == {Link.CLIENT}
    driver.happens(inp.ClientConnected(rate_hz=48_000, resumed=True), 100_000)
    assert driver.call.state is State.LISTENING


def test_an_old_session_is_left_at_a_quiet_moment_without_a_note() -> None:
    """Given nine minutes, then the session is left when nothing is said; the next one is nine
    minutes old later."""
    driver = asked()
    passes(driver, 520_000)
    driver.speaks(20_000)
    assert driver.count(ev.SessionAged) == 1
    assert dials(driver) == []
    driver.keeps_silent(700)
    asks(driver, "second")
    assert [effect.handle for effect in dials(driver)] == ["second"]
    assert driver.last(ev.LinkLost).reason == "session_old"
    regains(driver, dials(driver)[0])
    passes(driver, 539_000)
    assert driver.count(ev.SessionAged) == 1
    passes(driver, 2_000)
    assert driver.count(ev.SessionAged) == 2


def test_an_old_session_that_cannot_be_resumed_is_kept() -> None:
    """Given no handle, then age alone is no reason to make the model forget how it all sounded."""
    driver = asked(handle="")
    passes(driver, 545_000)
    assert driver.count(ev.SessionAged) == 1
    assert dials(driver) == []
    going_away(driver, 50_000)
    passes(driver, 46_000)
    assert dials(driver) == []
    passes(driver, 2_000)
    assert len(dials(driver)) == 1


def test_age_is_policy() -> None:
    """Given another age, then it is that one."""
    policy = Policy(endpoint=EndpointPolicy(strategy="silence"), links=LinkPolicy(session_age_ms=60_000))
    driver = asked(policy)
    passes(driver, 60_000)
    assert len(dials(driver)) == 1


def test_rotations_are_no_failures() -> None:
    """Given an interview of half an hour with one rotation a minute, then each is the first try of
    its own."""
    driver = asked()
    for _ in range(28):
        passes(driver, 61_000)
        forget_effects(driver)
        going_away(driver, 50_000)
        assert [effect.attempt for effect in dials(driver)] == [1]
        regains(driver, dials(driver)[0])
        assert driver.call.state is State.LISTENING
