"""A model that says nothing: one that hangs is nudged, then dialled again; one that chose to is let
be at first."""

from domain import effects as fx
from domain import events as ev
from domain import inputs as inp
from domain.policy import LinkPolicy
from domain.ports import Side
from domain.states import State
from tests.domain.calls import Driver

LINKS = LinkPolicy()
CHOICE = inp.ModelTurnCompleted(waiting_for_input=True)


def answered() -> Driver:
    """The opening question was heard, an answer given, and a reply is awaited."""
    driver = Driver().asked()
    answers(driver)
    return driver


def answers(driver: Driver) -> None:
    driver.speaks(1_000)
    driver.keeps_silent(700)


def test_a_model_that_hangs_is_nudged_soon_and_dialled_again_late() -> None:
    """Given no reply at all, when 5 s have passed it is nudged; it has 10 s more before it is
    dialled again."""
    driver = answered()
    driver.keeps_silent(4_960)
    assert driver.count(ev.ReplyOverdue) == 0
    driver.keeps_silent(100)
    nudged = driver.last(ev.ReplyOverdue)
    assert (nudged.action, nudged.evidence["turn_ended"]) == ("nudged", 0)
    driver.keeps_silent(9_800)
    assert driver.count(ev.ReplyOverdue) == 1
    driver.keeps_silent(300)
    assert driver.last(ev.ReplyOverdue).action == "redialled"
    assert driver.call.state is State.RESUMING


def test_a_slow_model_has_time_to_answer_the_nudge() -> None:
    """Given a model that always takes 6 s, when it is nudged, then its reply is heard without
    another dial."""
    driver = answered()
    driver.keeps_silent(5_100)
    driver.keeps_silent(6_000)
    driver.model_sends(1_000)
    driver.client_plays(1_200)
    assert driver.last(ev.ModelFinished).generation == driver.last(ev.ReplyRequested).generation
    assert driver.count(fx.DialModel) == 1


def test_a_turn_that_ends_without_a_word_is_not_waited_for_as_long() -> None:
    """Given `turnComplete` without audio, when 3 s have passed, then the model is nudged, and the
    log says why."""
    driver = answered()
    driver.happens(inp.ModelTurnCompleted())
    driver.keeps_silent(2_900)
    assert driver.count(ev.ReplyOverdue) == 0
    driver.keeps_silent(200)
    assert driver.last(ev.ReplyOverdue).evidence["turn_ended"] == 1


def test_ends_without_a_word_do_not_put_the_nudge_off() -> None:
    """Given `turnComplete` after `turnComplete`, when the reply is due, then it is due, whatever
    ended meanwhile."""
    driver = answered()
    for _ in range(3):
        driver.keeps_silent(1_500)
        driver.happens(inp.ModelTurnCompleted())
    driver.keeps_silent(700)
    assert driver.last(ev.ReplyOverdue).action == "nudged"


def test_a_model_that_chose_silence_is_asked_once_to_go_on() -> None:
    """Given a chosen silence, when nobody says anything for long, then one nudge, and a second
    choice is respected."""
    driver = answered()
    driver.happens(CHOICE)
    cancelled = driver.last(ev.ReplyWithdrawn)
    assert cancelled.reason == "model_chose_silence"
    driver.keeps_silent(9_900)
    assert driver.count(ev.ReplyOverdue) == 0
    driver.keeps_silent(200)
    overdue = driver.last(ev.ReplyOverdue)
    assert (overdue.action, overdue.generation, overdue.evidence["chose_silence"]) == ("nudged", 2, 1)
    driver.happens(CHOICE)
    driver.keeps_silent(60_000)
    assert driver.count(ev.ReplyOverdue) == 1
    assert driver.call.state is State.LISTENING


def test_a_candidate_who_goes_on_after_a_chosen_silence_is_simply_heard() -> None:
    """Given a chosen silence, when the candidate speaks on, then nobody is nudged and the whole
    answer is answered."""
    driver = answered()
    driver.happens(CHOICE)
    driver.keeps_silent(8_000)
    answers(driver)
    driver.keeps_silent(3_000)
    assert driver.count(ev.ReplyOverdue) == 0
    assert driver.last(ev.ReplyRequested).cause == "answer"


def test_a_chosen_silence_outlives_its_session() -> None:
    """Given a chosen silence, when the session is rotated meanwhile, then the call does not stand
    still for ever."""
    driver = answered()
    driver.happens(CHOICE)
    driver.keeps_silent(2_000)
    driver.happens(inp.ModelLost(code=1011, reason="internal", retryable=True))
    driver.happens(inp.ModelConnected(model="first", resumed=True, setup_ms=90), 100_000)
    driver.keeps_silent(10_200)
    assert driver.last(ev.ReplyOverdue).evidence["chose_silence"] == 1
    assert driver.last(ev.ReplyRequested).cause == "nudge"


def test_a_silence_is_chosen_even_if_the_turn_before_never_ended() -> None:
    """Given a reply without `turnComplete`, when the next turn is a chosen silence, then it is
    known as one."""
    driver = Driver().connected()
    driver.model_sends(1_000)
    driver.client_plays(1_200)
    answers(driver)
    driver.happens(CHOICE)
    assert driver.last(ev.ReplyWithdrawn).reason == "model_chose_silence"


def test_every_silence_is_bounded() -> None:
    """Given a model that never says a word again, when it was nudged and dialled without success,
    then the call closes."""
    driver = Driver().asked()
    answers(driver)
    for _ in range(12):
        driver.keeps_silent(5_100)
        if driver.call.state is State.RESUMING:
            driver.happens(inp.ModelConnected(model="first", resumed=True, setup_ms=90), 100_000)
    assert driver.last(ev.CallClosed).reason == "model_unavailable"
    assert driver.count(fx.DialModel) == 1 + LINKS.dial_attempts
    assert not [each for each in driver.effects if isinstance(each, fx.TellTranscript) and each.side is Side.CANDIDATE]
