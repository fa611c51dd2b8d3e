"""Turns of the model that end too early, never or late: the call goes on, and the log says what
happened."""

import pytest

from domain import effects as fx
from domain import events as ev
from domain import inputs as inp
from domain.policy import LinkPolicy
from domain.states import State
from tests.domain.calls import Driver

LINKS = LinkPolicy()


def answered() -> Driver:
    """The opening question was heard, an answer given, and a reply is awaited."""
    driver = Driver().asked()
    answers(driver)
    return driver


def answers(driver: Driver) -> None:
    driver.speaks(1_000)
    driver.keeps_silent(700)


def interrupts(driver: Driver) -> None:
    """The candidate speaks over a reply that is being heard, and is believed."""
    driver.speaks(600)
    assert driver.call.state is State.CANDIDATE_SPEAKING


def sent_ms(driver: Driver) -> int:
    """How much of the interviewer's voice the client was sent."""
    ranges = [effect for effect in driver.effects if isinstance(effect, fx.SendInterviewerAudio)]
    return sum(each.to_sample - each.from_sample for each in ranges) // 24


# --- ends that are no ends, and ends that never come ---------------------------------------------------------------


def test_a_premature_end_does_not_split_a_reply() -> None:
    """Given `turnComplete` in mid-reply and a stall, when the audio goes on, then it is the same
    reply to its end."""
    driver = Driver().connected()
    driver.model_sends(1_000, complete=False)
    driver.client_plays(900)
    driver.happens(inp.ModelTurnCompleted())
    driver.client_plays(500)
    assert driver.call.state is State.MODEL_SPEAKING
    driver.model_sends(1_000)
    went_on = driver.last(ev.ReplyContinued)
    assert (went_on.generation, went_on.after) == (1, "turn_completed")
    driver.happens(inp.ModelTurnCompleted())
    driver.client_plays(1_400)
    assert driver.count(ev.ReplyRequested) == driver.count(ev.ModelFinished) == 1
    assert sent_ms(driver) == 2_000


@pytest.mark.parametrize("times", [1, 2, 3])
def test_each_premature_end_is_recorded(times: int) -> None:
    """Given one premature end after another, when audio follows each, then each is an event."""
    driver = Driver().connected()
    driver.model_sends(200, complete=False)
    for _ in range(times):
        driver.happens(inp.ModelTurnCompleted())
        driver.model_sends(200, complete=False)
    assert driver.count(ev.ReplyContinued) == times
    assert driver.call.record.reply is not None
    assert not driver.call.record.reply.ended


def test_a_turn_without_the_end_of_its_audio_is_over_soon_after_it_was_heard() -> None:
    """Given only `turnComplete`, when all was heard, then the floor is free: at once if it came
    long before."""
    driver = Driver().connected()
    driver.model_sends(1_000, complete=False)
    driver.happens(inp.ModelTurnCompleted())
    driver.client_plays(1_200)
    assert driver.call.state is State.LISTENING
    assert driver.count(ev.ReplyOverdue) == 0


def test_a_late_end_of_the_turn_is_waited_out_without_a_frame() -> None:
    """Given only `turnComplete`, when it comes after all was heard and the microphone is off, then
    a short wait."""
    driver = Driver().connected()
    driver.model_sends(1_000, complete=False)
    driver.client_plays(1_200)
    driver.happens(inp.MicMuted())
    driver.happens(inp.ModelTurnCompleted(), 300_000)
    wait_us = driver.call.next_deadline_us - driver.now_us
    assert wait_us == LINKS.turn_end_wait_ms * 1_000
    driver.happens(inp.DeadlinePassed(), wait_us)
    assert driver.call.state is State.LISTENING
    assert driver.count(ev.ReplyOverdue) == 0


def test_the_turn_after_one_that_never_ended_is_sound() -> None:
    """Given a reply without `turnComplete`, when the next one ends, then that end is its own."""
    driver = Driver().connected()
    driver.model_sends(1_000)
    driver.client_plays(1_200)
    answers(driver)
    driver.model_sends(1_000)
    driver.happens(inp.ModelTurnCompleted())
    assert driver.last(inp.ModelTurnCompleted).generation == 2
    assert driver.call.record.stale == ()


def test_the_reply_after_one_that_just_stopped_is_heard_from_its_first_sample() -> None:
    """Given a reply without any end, when the next one comes at once, then none of it is taken for
    the old one's."""
    driver = Driver().connected()
    driver.model_sends(1_000, complete=False)
    driver.client_plays(1_200)
    driver.keeps_silent(3_000)
    assert driver.last(ev.ReplyOverdue).action == "finished"
    answers(driver)
    driver.model_sends(400)
    assert driver.count(ev.LateAudioDropped) == 0
    assert driver.last(ev.ReplyStarted).evidence["samples"] == 960


# --- interruptions that nobody caused ------------------------------------------------------------------------------


def test_a_phantom_that_stops_a_reply_makes_us_ask_for_the_rest() -> None:
    """Given `interrupted` in mid-question and then nothing, when it was heard so far, then the
    model is nudged once."""
    driver = Driver().connected()
    driver.model_sends(1_000, complete=False)
    driver.happens(inp.ModelInterruptionReported())
    driver.client_plays(1_200)
    driver.keeps_silent(3_000)
    assert driver.last(inp.ModelInterruptionReported).generation == 0
    assert not driver.call.progress.ignored
    assert driver.last(ev.ModelFinished).evidence["truncated"] == 1
    assert driver.last(ev.ReplyRequested).cause == "nudge"
    assert driver.count(fx.SendText) == 2  # the opening, and the nudge: nobody is greeted again


def test_a_phantom_that_ends_the_turn_is_not_waited_for() -> None:
    """Given `interrupted` and `turnComplete` in mid-question, when it was heard so far, then a
    nudge at once."""
    driver = Driver().connected()
    driver.model_sends(1_000, complete=False)
    driver.happens(inp.ModelInterruptionReported())
    driver.happens(inp.ModelTurnCompleted())
    driver.client_plays(1_200)
    assert driver.last(ev.ReplyRequested).cause == "nudge"
    assert driver.count(ev.ReplyOverdue) == 0


def test_a_phantom_after_which_the_reply_goes_on_changes_nothing() -> None:
    """Given `interrupted` in mid-reply, when its audio goes on to its end, then it is heard
    whole."""
    driver = Driver().connected()
    driver.model_sends(1_000, complete=False)
    driver.happens(inp.ModelInterruptionReported())
    driver.model_sends(1_000)
    driver.happens(inp.ModelTurnCompleted())
    driver.client_plays(2_400)
    assert driver.last(ev.ReplyContinued).after == "interruption_reported"
    assert driver.count(ev.ReplyRequested) == driver.count(ev.ModelFinished) == 1
    assert sent_ms(driver) == 2_000


@pytest.mark.parametrize("reply", [False, True])
def test_a_phantom_while_nothing_is_said_is_counted(reply: bool) -> None:
    """Given `interrupted` while the candidate thinks, or while a reply is awaited, then it is
    counted, no more."""
    driver = answered() if reply else Driver().asked()
    before = len(driver.effects)
    driver.happens(inp.ModelInterruptionReported())
    assert driver.effects[before:] == []
    assert sum(driver.call.progress.ignored.values()) == 1


# --- what comes late -----------------------------------------------------------------------------------------------


def cut_short() -> Driver:
    """A question was cut by a remark so short that it was over, muted, before Gemini's news of the
    cut came."""
    driver = Driver().connected()
    driver.model_sends(3_000, complete=False)
    driver.client_plays(1_000)
    interrupts(driver)
    driver.keeps_silent(400)
    driver.happens(inp.MicMuted())
    assert driver.last(ev.ReplyRequested).cause == "answer"
    return driver


@pytest.mark.parametrize("after", [False, True])
def test_a_cut_reply_that_talks_on_is_never_heard(after: bool) -> None:
    """Given late audio before or after its `interrupted`, when the next reply comes, then only that
    one is heard."""
    driver = cut_short()
    before = sent_ms(driver)
    if after:
        driver.happens(inp.ModelInterruptionReported())
    driver.model_sends(400, complete=False)
    driver.happens(inp.ModelTranscribed(text="the cut question"))
    if not after:
        driver.happens(inp.ModelInterruptionReported())
    driver.happens(inp.ModelTurnCompleted())
    driver.model_sends(1_000)
    driver.happens(inp.ModelTranscribed(text="A new one."))
    driver.client_plays(1_400)
    assert driver.last(ev.LateAudioDropped).samples == 400 * 24
    assert sent_ms(driver) - before == 1_000
    assert [event.generation for event in driver.events if isinstance(event, inp.ModelTranscribed)] == [1, 2]
    texts = [each.text for each in driver.effects if isinstance(each, fx.TellTranscript)]
    assert texts == ["A new one."]


def test_a_cut_that_gemini_never_reports_costs_no_more_than_the_bound() -> None:
    """Given a cut without `interrupted` or any end, when the next reply comes after the bound, then
    it is whole."""
    driver = cut_short()
    driver.keeps_silent(LINKS.late_audio_ms)
    driver.model_sends(400)
    assert driver.count(ev.LateAudioDropped) == 0
    assert driver.last(ev.ReplyStarted).generation == 2


def test_an_end_before_its_interruption_is_taken_as_it_comes() -> None:
    """Given `turnComplete` and then `interrupted` after a cut, when the next reply comes, then
    nothing is amiss."""
    driver = Driver().connected()
    driver.model_sends(3_000, complete=False)
    driver.client_plays(1_000)
    interrupts(driver)
    driver.happens(inp.ModelTurnCompleted())
    driver.happens(inp.ModelInterruptionReported())
    driver.keeps_silent(700)
    driver.model_sends(1_000)
    driver.happens(inp.ModelTurnCompleted())
    driver.client_plays(1_200)
    assert driver.last(ev.ModelFinished).generation == 2
    assert driver.last(ev.ModelFinished).evidence["truncated"] == 0
    assert driver.call.state is State.LISTENING


def test_a_gap_longer_than_the_patience_loses_no_audio() -> None:
    """Given audio that stalls for longer than a reply is waited for, when the rest bursts in, then
    it is heard too."""
    driver = Driver().connected()
    driver.model_sends(1_000, complete=False)
    driver.client_plays(1_200)
    driver.keeps_silent(3_500)
    assert driver.call.state is State.LISTENING
    driver.model_sends(1_000)
    driver.happens(inp.ModelTurnCompleted())
    driver.client_plays(1_400)
    assert sent_ms(driver) == 2_000
    assert driver.last(ev.ReplyRequested).cause == "unprompted"
    assert driver.call.state is State.LISTENING
