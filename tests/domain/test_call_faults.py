"""One call among faults: a model that breaks off, repeats itself or comes late, links that go at
the wrong moment."""

import itertools

import pytest

from domain import effects as fx
from domain import events as ev
from domain import inputs as inp
from domain.policy import EndpointPolicy, Policy
from domain.states import State
from tests.domain.calls import Driver

GEMINI_DECIDES = Policy(endpoint=EndpointPolicy(turns="gemini"))


def answered() -> Driver:
    """The opening question was heard, an answer given, and a reply is awaited."""
    driver = Driver().asked()
    driver.speaks(1_000)
    driver.keeps_silent(700)
    return driver


def lose_model(driver: Driver) -> None:
    driver.happens(inp.ModelLost(code=1011, reason="internal", retryable=True))


def bring_model_back(driver: Driver, after_us: int = 100_000) -> None:
    driver.happens(inp.ModelConnected(model="first", resumed=True, setup_ms=90), after_us)


def test_a_reply_that_neither_goes_on_nor_ends_is_over_after_a_while() -> None:
    """Given a reply without any end, when it was heard and nothing follows, then the floor is free
    again."""
    driver = Driver().connected()
    driver.model_sends(1_000, complete=False)
    driver.client_plays(1_200)
    assert driver.call.state is State.MODEL_SPEAKING
    driver.keeps_silent(3_000)
    assert driver.call.state is State.LISTENING
    assert driver.last(ev.ReplyOverdue).action == "finished"
    assert driver.last(ev.ModelFinished).generation == 1


def test_a_reply_that_pauses_is_waited_for() -> None:
    """Given a gap in the model's audio, when more comes in time, then it is the same reply."""
    driver = Driver().connected()
    driver.model_sends(1_000, complete=False)
    driver.client_plays(1_200)
    driver.keeps_silent(2_000)
    driver.model_sends(1_000)
    driver.client_plays(1_200)
    driver.keeps_silent(2_000)
    assert driver.count(ev.ReplyRequested) == driver.count(ev.ModelFinished) == 1
    assert driver.count(ev.ReplyOverdue) == 0


@pytest.mark.parametrize("ends", [*itertools.permutations([inp.GenerationCompleted(), inp.ModelTurnCompleted()])])
def test_ends_that_come_before_the_audio_do_not_keep_the_floor_taken(ends: tuple[inp.Input, ...]) -> None:
    """Given both ends of a reply before its audio, when it was heard, then it is finished."""
    driver = Driver().connected()
    for end in ends:
        driver.happens(end)
    driver.model_sends(400, complete=False)
    driver.client_plays(600)
    driver.keeps_silent(3_000)
    assert driver.call.state is State.LISTENING
    assert driver.call.record.reply is None


def test_a_suspected_barge_in_over_a_reply_that_has_ended_leaves_no_one_speaking() -> None:
    """Given a barge-in after the last sample, when the end comes during the suspicion and it is
    dismissed: finished."""
    driver = Driver().connected()
    driver.model_sends(1_000, complete=False)
    driver.client_plays(1_200)
    driver.speaks(100)
    driver.happens(inp.GenerationCompleted())
    driver.keeps_silent(300)
    assert driver.last(ev.BargeInDismissed).reason == "silence"
    assert driver.call.state is State.LISTENING


def test_late_audio_of_a_cut_reply_is_not_taken_for_the_answer() -> None:
    """Given an interruption resent in a burst, when the cut reply talks on until Gemini hears of
    it: never played."""
    driver = Driver().connected()
    driver.model_sends(2_000, complete=False)
    driver.client_plays(500)
    burst(driver, voiced=50, silent=35)
    cut, awaited = driver.last(ev.ReplyCut).generation, driver.last(ev.ReplyRequested).generation
    assert cut < awaited
    driver.model_sends(200, complete=False)
    assert driver.call.record.reply is not None
    assert not driver.call.record.reply.has_audio
    driver.happens(inp.ModelInterruptionReported())
    driver.happens(inp.ModelTurnCompleted())
    driver.model_sends(200)
    assert driver.call.record.reply is not None
    assert driver.call.record.reply.has_audio
    assert driver.last(ev.ReplyStarted).generation == awaited
    dropped = driver.last(ev.LateAudioDropped)
    assert (dropped.generation, dropped.chunks) == (cut, 5)


def burst(driver: Driver, voiced: int, silent: int) -> None:
    """Frames that were spoken before arrive all at once."""
    before_us = driver.now_us
    for count, speak in ((voiced, driver.speaks), (silent, driver.keeps_silent)):
        for _ in range(count):
            driver.now_us = before_us - 20_000
            speak(20)


def test_the_reply_of_a_new_session_is_not_taken_for_the_lost_one() -> None:
    """Given a session that died when its reply had begun to arrive, when the next one replies, all
    of that is heard."""
    driver = answered()
    driver.model_sends(200, complete=False)
    lose_model(driver)
    bring_model_back(driver, 300_000)
    driver.keeps_silent(200)
    driver.model_sends(1_000)
    assert driver.last(ev.ReplyRequested).cause == "resent"
    assert driver.last(ev.ReplyStarted).generation == driver.last(ev.ReplyRequested).generation
    driver.client_plays(1_200)
    assert driver.last(ev.ModelFinished).generation == driver.last(ev.ReplyRequested).generation
    assert driver.count(ev.LateAudioDropped) == driver.count(ev.ReplyOverdue) == 0


def test_an_answer_that_was_replied_to_is_not_given_to_the_model_again() -> None:
    """Given a truncated reply, when the session that was asked to go on is lost too, then it is
    asked, not repeated."""
    driver = answered()
    driver.model_sends(2_000, complete=False)
    driver.client_plays(1_000)
    lose_model(driver)
    bring_model_back(driver)
    driver.client_plays(2_200)
    assert driver.last(ev.ReplyRequested).cause == "nudge"
    driver.effects.clear()
    lose_model(driver)
    bring_model_back(driver)
    assert driver.last(ev.ReplyRequested).cause == "nudge"
    assert driver.count(fx.SendText) == 1
    assert driver.count(fx.OpenActivity) == 0


def test_a_microphone_muted_while_the_model_was_away_does_not_keep_the_floor() -> None:
    """Given an answer during an outage, when the candidate mutes before its end, then the answer is
    over."""
    driver = Driver().asked()
    driver.speaks(600)
    lose_model(driver)
    driver.speaks(400)
    driver.happens(inp.MicMuted())
    bring_model_back(driver)
    assert driver.call.state is State.LISTENING
    assert driver.last(ev.CandidateStopped).reason == "muted"
    assert driver.last(ev.ReplyRequested).cause == "answer"


def test_turns_without_audio_do_not_make_dialling_endless() -> None:
    """Given sessions that end a turn and die, when that repeats, then the dials are counted on."""
    driver = Driver().asked()
    for _ in range(10):
        driver.happens(inp.ModelTurnCompleted())
        lose_model(driver)
        bring_model_back(driver)
    assert driver.last(ev.CallClosed).reason == "model_unavailable"


def test_a_reply_heard_to_its_end_before_the_client_was_lost_is_finished_when_it_is_back() -> None:
    """Given all of a reply played but not reported, when the client returns and says so, then it
    counts as heard."""
    driver = Driver().connected()
    driver.model_sends(200)
    driver.happens(inp.ClientLost(reason="1006"))
    driver.happens(inp.ClientConnected(rate_hz=48_000, resumed=True, played_sample=4_800), 500_000)
    assert driver.last(ev.ModelFinished).generation == 1
    assert driver.call.state is State.LISTENING


def test_an_interview_that_was_called_over_ends_without_a_goodbye_too() -> None:
    """Given end_interview in silence, when nothing follows, then the call closes by itself."""
    driver = Driver().asked()
    driver.happens(inp.ToolCallRequested(tool_call_id="t", name="end_interview", args={}))
    driver.keeps_silent(4_900)
    assert driver.call.state is State.LISTENING
    driver.keeps_silent(200)
    assert driver.last(ev.CallClosed).reason == "completed"


def test_a_transcript_that_streams_belongs_to_the_answer_being_given() -> None:
    """Given an answer with its transcript, when the next one is transcribed as it is spoken, then
    it is the next's."""
    driver = answered()
    driver.happens(inp.CandidateTranscribed(text="The first."))
    driver.model_sends(400)
    driver.happens(inp.ModelTurnCompleted())
    driver.client_plays(600)
    driver.speaks(500)
    driver.happens(inp.CandidateTranscribed(text="The "))
    driver.happens(inp.CandidateTranscribed(text="second."))
    turns = [event.turn for event in driver.events if isinstance(event, inp.CandidateTranscribed)]
    assert turns == [1, 2, 2]
    assert driver.call.record.untranscribed == ()


def test_a_going_away_of_a_session_that_is_gone_is_ignored() -> None:
    """Given a dial under way, when the old session's goAway comes late, then the new one is not
    left for it."""
    driver = Driver().asked()
    lose_model(driver)
    driver.happens(inp.GoAwayReceived(time_left_ms=0))
    bring_model_back(driver)
    driver.keeps_silent(100)
    assert driver.call.state is State.LISTENING
    assert driver.count(fx.DialModel) == 2


def test_a_session_is_left_only_when_it_can_be_resumed_as_it_is_now() -> None:
    """Given goAway, when a reply is heard before a handle covers it, then the rotation waits for
    the handle."""
    driver = Driver().asked()
    driver.happens(inp.ResumptionHandleIssued(handle="before", resumable=True))
    driver.speaks(500)
    driver.keeps_silent(700)
    driver.happens(inp.ResumptionHandleIssued(handle="", resumable=False))
    driver.happens(inp.GoAwayReceived(time_left_ms=50_000))
    driver.model_sends(400)
    driver.client_plays(600)
    assert driver.call.state is State.LISTENING
    assert driver.call.record.reply is None
    driver.happens(inp.ModelTurnCompleted())
    assert driver.call.state is State.LISTENING
    driver.happens(inp.ResumptionHandleIssued(handle="after", resumable=True))
    dials = [effect for effect in driver.effects if isinstance(effect, fx.DialModel)]
    assert dials[-1] == fx.DialModel(attempt=1, wait_ms=0, handle="after", model="first")


def test_where_gemini_decides_turns_our_slower_silence_does_not_cancel_its_reply() -> None:
    """Given Gemini answers before our own silence timer would, then its reply is one reply and is
    heard."""
    driver = Driver(GEMINI_DECIDES).asked()
    driver.speaks(1_000)
    driver.keeps_silent(400)
    driver.model_sends(400, complete=False)
    driver.keeps_silent(100)
    driver.model_sends(400)
    driver.client_plays(1_000)
    assert driver.count(ev.ReplyWithdrawn) == 0
    assert driver.last(ev.ModelFinished).generation == 2


def test_where_gemini_decides_turns_a_reply_begun_without_the_client_is_resolved() -> None:
    """Given a reply begun while the client was away in mid-answer, when it is back, then the reply
    is given up."""
    driver = Driver(GEMINI_DECIDES).asked()
    driver.speaks(1_000)
    driver.happens(inp.ClientLost(reason="1006"))
    driver.model_sends(400)
    begun = driver.last(ev.ReplyRequested).generation
    driver.happens(inp.ClientConnected(rate_hz=48_000, resumed=True), 500_000)
    assert driver.call.state is State.CANDIDATE_SPEAKING
    assert driver.last(ev.ReplyWithdrawn).generation == begun


def test_a_call_that_cannot_be_recorded_ends_with_words_for_its_candidate() -> None:
    """Given a log that takes no more, when the call ends, then the candidate learns what to do,
    the log how full."""
    driver = Driver().asked()
    driver.happens(inp.QueueOverflowed(queue="log", reason="54 events wait for Postgres"))
    closed = driver.last(ev.CallClosed)
    assert closed.reason == "log_unavailable"
    assert closed.detail.startswith("This interview can no longer be saved")
    assert "Postgres" not in closed.detail
    assert fx.TellClosed("log_unavailable", closed.detail, driver.call.policy.links.grace_ms) in driver.effects
