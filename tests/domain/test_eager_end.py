"""Letting the model think before an answer's end is certain: kept, handed over at once, or taken
back unheard."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from domain import effects as fx
from domain import events as ev
from domain import inputs as inp
from domain.event import Event
from domain.policy import EagerPolicy, EndpointPolicy, Policy
from domain.sound.endpointing import CERTAIN
from domain.sound.rates import samples
from domain.states import State
from tests.domain.calls import Driver

EAGER = Policy(eager=EagerPolicy(enabled=True))
AFTER_MS = EAGER.eager.after_ms


def paused(policy: Policy = EAGER, completeness: int = CERTAIN) -> Driver:
    """An answer, a pause just long enough to be taken for its end, and a verdict on it."""
    driver = Driver(policy).asked()
    driver.keeps_silent(1_000)
    driver.speaks(2_000)
    driver.effects.clear()
    driver.keeps_silent(AFTER_MS)
    now = driver.call.hearing.next_sample
    driver.happens(inp.EndOfTurnPredicted(to_sample=now, completeness=completeness, took_ms=40))
    return driver


def of(driver: Driver, *kinds: type[fx.Effect]) -> list[Any]:
    return [effect for effect in driver.effects if isinstance(effect, kinds)]


def kinds_of(driver: Driver, *kinds: type) -> list[type]:
    """The kinds of such effects in their order; several of a kind in a row count once."""
    return [kind for kind, _ in itertools.groupby(type(effect) for effect in of(driver, *kinds))]


def positions(driver: Driver, *kinds: type[Event]) -> list[type[Event]]:
    return [type(event) for event in driver.events if isinstance(event, kinds)]


def test_an_answer_that_sounds_finished_is_given_to_the_model_before_its_end_is_certain() -> None:
    """Given a verdict that it is finished, then the window closes with all that was heard, the
    floor stays theirs."""
    driver = paused()
    assert driver.call.state is State.CANDIDATE_SPEAKING
    tried = driver.last(ev.EagerEndTried)
    assert tried.to_sample == driver.call.hearing.next_sample
    assert tried.evidence["completeness"] == CERTAIN
    assert tried.evidence["silent_ms"] == AFTER_MS
    assert kinds_of(driver, fx.SendCandidateAudio, fx.CloseActivity)[-1] is fx.CloseActivity
    requested = driver.last(ev.ReplyRequested)
    assert (requested.cause, requested.turn) == ("answer", tried.turn)
    assert driver.count(ev.CandidateStopped) == 0


def test_a_verdict_that_comes_early_waits_for_the_silence() -> None:
    """Given a verdict before the eager silence is over, then the frame that completes it closes the
    window."""
    driver = Driver(EAGER).asked()
    driver.speaks(2_000)
    driver.keeps_silent(AFTER_MS - 40)
    now = driver.call.hearing.next_sample
    driver.happens(inp.EndOfTurnPredicted(to_sample=now, completeness=CERTAIN, took_ms=40))
    driver.keeps_silent(20)
    assert driver.count(ev.EagerEndTried) == 0
    driver.keeps_silent(20)
    assert driver.count(ev.EagerEndTried) == 1


@pytest.mark.parametrize(
    "driver",
    [
        lambda: paused(Policy()),
        lambda: paused(completeness=CERTAIN * 89 // 100),
        lambda: paused(Policy(eager=EagerPolicy(enabled=True), endpoint=EndpointPolicy(turns="gemini"))),
    ],
    ids=["off by default", "not finished enough", "gemini decides turns"],
)
def test_otherwise_nothing_is_tried(driver: Callable[[], Driver]) -> None:
    """Given the default policy, an unsure verdict, or turns that Gemini decides, then no end is
    anticipated."""
    call = driver()
    assert call.count(ev.EagerEndTried) == call.count(fx.CloseActivity) == 0
    assert call.call.state is State.CANDIDATE_SPEAKING


def test_a_pause_without_a_verdict_is_not_anticipated() -> None:
    """Given a turn detector that never answers, then the answer ends by its silence alone."""
    driver = Driver(EAGER).asked()
    driver.speaks(2_000)
    driver.keeps_silent(3_000)
    assert driver.count(ev.EagerEndTried) == 0
    assert driver.last(ev.CandidateStopped).evidence["eager"] == 0


def test_the_reply_is_kept_until_the_end_is_certain_and_there_at_once() -> None:
    """Given a reply during the pause, then nothing of it goes out before the end, and its beginning
    with the end."""
    driver = paused()
    generation = driver.last(ev.ReplyRequested).generation
    driver.model_sends(1_000)
    assert driver.last(ev.ReplyStarted).generation == generation
    assert not of(driver, fx.SendInterviewerAudio)
    while driver.call.state is State.CANDIDATE_SPEAKING:
        assert not of(driver, fx.SendInterviewerAudio)
        driver.keeps_silent(20)
    stopped = driver.last(ev.CandidateStopped)
    assert stopped.evidence["eager"] == 1
    assert stopped.to_sample == driver.last(ev.EagerEndTried).to_sample
    first = of(driver, fx.SendInterviewerAudio)[0]
    assert (first.generation, first.from_sample) == (generation, driver.last(ev.ReplyStarted).first_model_sample)
    assert driver.count(fx.CloseActivity) == 1
    assert driver.last(ev.ReplyRequested).generation == generation


def test_the_reply_is_played_and_finished_like_any_other() -> None:
    """Given an anticipated end that proved right, then its reply starts, and the latency counts
    from the voice."""
    driver = paused()
    driver.model_sends(1_000)
    driver.keeps_silent(1_000)
    driver.client_plays(1_400)
    assert driver.last(ev.ModelFinished).generation == driver.last(ev.ReplyRequested).generation
    latency = of(driver, fx.TellLatency)[-1]
    assert latency.response_ms >= latency.endpoint_ms > AFTER_MS
    assert driver.call.state is State.LISTENING


def test_a_candidate_who_goes_on_takes_it_back() -> None:
    """Given a reply that has begun, when they go on, then it is dropped unheard and its cost is
    recorded."""
    driver = paused()
    generation = driver.last(ev.ReplyRequested).generation
    driver.model_sends(400, complete=False)
    driver.keeps_silent(100)
    driver.speaks(20)
    withdrawn, cancelled = driver.last(ev.EagerEndWithdrawn), driver.last(ev.ReplyWithdrawn)
    assert (withdrawn.generation, withdrawn.received_ms) == (generation, 400)
    assert withdrawn.waited_ms == 100 + 10 * 10 + 20
    assert (cancelled.generation, cancelled.reason) == (generation, "candidate_spoke_on")
    driver.model_sends(400, complete=False)
    driver.speaks(1_000)
    assert driver.call.state is State.CANDIDATE_SPEAKING
    assert not of(driver, fx.SendInterviewerAudio)
    assert driver.count(ev.CandidateStarted) == 1


def test_the_window_continues_exactly_where_the_early_one_ended() -> None:
    """Given a withdrawn end, then a window opens for the same answer, with no gap and no sample
    twice."""
    driver = paused()
    early = driver.last(ev.EagerEndTried).to_sample
    driver.keeps_silent(100)
    driver.speaks(1_000)
    driver.keeps_silent(3_000)
    order = kinds_of(driver, fx.OpenActivity, fx.SendCandidateAudio, fx.CloseActivity)
    send = fx.SendCandidateAudio
    assert order == [send, fx.CloseActivity, fx.OpenActivity, send, fx.CloseActivity]
    ranges = of(driver, send)
    assert early in [part.from_sample for part in ranges]
    assert all(a.to_sample == b.from_sample for a, b in itertools.pairwise(ranges))
    assert driver.last(ev.CandidateStopped).to_sample == ranges[-1].to_sample
    assert driver.call.delivery.resent_samples == 0


def test_an_end_can_be_tried_again_in_the_next_pause() -> None:
    """Given a withdrawn end, when the next pause sounds finished too, then it is tried again, for
    a new reply."""
    driver = paused()
    driver.speaks(1_000)
    driver.keeps_silent(AFTER_MS)
    now = driver.call.hearing.next_sample
    driver.happens(inp.EndOfTurnPredicted(to_sample=now, completeness=CERTAIN, took_ms=40))
    assert driver.count(ev.EagerEndTried) == 2
    driver.keeps_silent(1_500)
    driver.model_sends(400)
    driver.client_plays(200)
    started = driver.last(ev.ModelStarted)
    assert started.generation == driver.last(ev.EagerEndWithdrawn).generation + 1


def test_late_audio_of_a_withdrawn_reply_is_not_taken_for_the_next() -> None:
    """Given audio in flight, when an end is tried again before Gemini heard of the first, then it
    is dropped."""
    driver = paused()
    driver.model_sends(200, complete=False)
    driver.speaks(100)
    driver.keeps_silent(AFTER_MS)
    now = driver.call.hearing.next_sample
    driver.happens(inp.EndOfTurnPredicted(to_sample=now, completeness=CERTAIN, took_ms=40))
    driver.model_sends(80, complete=False)
    assert driver.count(ev.ReplyStarted) == 2  # the opening's and the first one's
    driver.happens(inp.ModelInterruptionReported())
    driver.happens(inp.ModelTurnCompleted())
    driver.model_sends(80, complete=False)
    assert driver.last(ev.ReplyStarted).generation == driver.last(ev.ReplyRequested).generation


def test_audio_of_a_reply_withdrawn_before_it_began_is_not_taken_for_the_next() -> None:
    """Given a reply that begins after it was withdrawn, and a second try at once, then it is
    dropped too."""
    driver = paused()
    driver.speaks(100)
    driver.keeps_silent(AFTER_MS)
    now = driver.call.hearing.next_sample
    driver.happens(inp.EndOfTurnPredicted(to_sample=now, completeness=CERTAIN, took_ms=40))
    driver.model_sends(80, complete=False)
    assert driver.count(ev.ReplyStarted) == 1


def test_a_model_that_chooses_silence_meanwhile_is_not_asked_twice() -> None:
    """Given an early end to which the model says nothing by choice, then the certain end does not
    ask."""
    driver = paused()
    requested = driver.count(ev.ReplyRequested)
    driver.happens(inp.ModelTurnCompleted(waiting_for_input=True))
    driver.keeps_silent(3_000)
    assert driver.call.state is State.LISTENING
    assert driver.count(ev.ReplyRequested) == requested
    assert driver.last(ev.ReplyWithdrawn).reason == "model_chose_silence"


def test_a_candidate_who_goes_on_after_such_a_silence_gets_a_window_again() -> None:
    """Given an early end that the model let pass, when they go on, then a window opens; none is
    cancelled twice."""
    driver = paused()
    driver.happens(inp.ModelTurnCompleted(waiting_for_input=True))
    driver.speaks(500)
    assert driver.count(ev.ReplyWithdrawn) == 1
    assert driver.last(ev.EagerEndWithdrawn).received_ms == 0
    assert kinds_of(driver, fx.CloseActivity, fx.OpenActivity) == [fx.CloseActivity, fx.OpenActivity]


def test_a_muted_microphone_makes_the_end_certain() -> None:
    """Given an early end, when the microphone is muted, then the reply is there, with no second
    close."""
    driver = paused()
    driver.model_sends(400)
    driver.happens(inp.MicMuted())
    assert driver.last(ev.CandidateStopped).reason == "muted"
    assert driver.count(fx.CloseActivity) == 1
    assert of(driver, fx.SendInterviewerAudio)
    assert driver.call.state is State.LISTENING


def test_a_lost_client_leaves_it_undecided() -> None:
    """Given an early end, when the client is lost and returns, then what comes with it decides;
    nothing was heard."""
    goes_on, is_over = paused(), paused()
    for driver in (goes_on, is_over):
        driver.model_sends(400)
        driver.happens(inp.ClientLost(reason="1006"))
        driver.happens(inp.ClientConnected(rate_hz=48_000, resumed=True))
        assert driver.call.state is State.CANDIDATE_SPEAKING
        assert not of(driver, fx.SendInterviewerAudio)
        driver.effects.clear()
    early = goes_on.last(ev.EagerEndTried).to_sample
    goes_on.speaks(500)
    assert goes_on.last(ev.ReplyWithdrawn)
    assert of(goes_on, fx.SendCandidateAudio)[0].from_sample == early
    assert not of(goes_on, fx.SendInterviewerAudio)
    is_over.keeps_silent(3_000)
    assert is_over.last(ev.CandidateStopped).evidence["eager"] == 1
    assert of(is_over, fx.SendInterviewerAudio)


def test_a_lost_model_takes_it_back_and_is_given_the_whole_answer_again() -> None:
    """Given an early end, when the session is lost, then the new one gets one window from the
    answer's beginning."""
    driver = paused()
    driver.model_sends(400)
    driver.happens(inp.ModelLost(code=1011, reason="internal", retryable=True))
    assert driver.count(ev.EagerEndWithdrawn) == 1
    driver.effects.clear()
    driver.happens(inp.ModelConnected(model="first", resumed=True, setup_ms=90))
    assert driver.call.state is State.CANDIDATE_SPEAKING
    sent = of(driver, fx.SendCandidateAudio)
    assert [part.from_sample for part in sent] == [driver.last(ev.CandidateStarted).from_sample]
    driver.keeps_silent(3_000)
    assert driver.count(ev.EagerEndTried) == 2  # the pause goes on, and so does the verdict on it
    assert driver.last(ev.CandidateStopped).to_sample == of(driver, fx.SendCandidateAudio)[-1].to_sample
    assert driver.count(fx.OpenActivity) == driver.count(fx.CloseActivity) == 1


def test_a_hangup_while_the_end_is_anticipated_just_closes() -> None:
    """Given an early end, when somebody hangs up, then the call closes with nothing pending and
    nothing played."""
    driver = paused()
    driver.model_sends(400)
    driver.happens(inp.HangupRequested(by="candidate", reason=""))
    assert driver.call.state is State.CLOSED
    assert not driver.call.record.eager
    assert driver.call.record.reply is None
    assert not of(driver, fx.SendInterviewerAudio)


def test_a_pause_longer_than_what_is_sent_of_it_is_sent_whole_with_an_early_end() -> None:
    """Given an eager silence above `send_silence_ms`, then the early window still ends with the
    newest frame."""
    policy = Policy(eager=EagerPolicy(enabled=True), endpoint=EndpointPolicy(send_silence_ms=100))
    driver = paused(policy)
    end = driver.call.hearing.end_sample
    assert driver.last(ev.EagerEndTried).to_sample == end + samples(AFTER_MS)


def test_a_goodbye_that_nobody_heard_ends_nothing() -> None:
    """Given a model that calls the end while the answer only seemed over, then the interview goes
    on."""
    driver = paused()
    driver.happens(inp.ToolCallRequested(tool_call_id="t1", name="end_interview", args={}))
    assert driver.call.record.end_agreed
    driver.speaks(400)
    assert driver.last(ev.EagerEndWithdrawn)
    assert not driver.call.record.end_agreed
