"""A call changes hands, after a crash or in good order: what its new owner knows, tells and asks
for."""

from typing import Any, Literal

import pytest

from domain import effects as fx
from domain import events as ev
from domain import inputs as inp
from domain.call import Decision
from domain.policy import LinkPolicy, Policy, RecordingPolicy
from domain.recovery.recover import recover
from domain.recovery.replay import differences
from domain.sound.rates import MODEL_RATE_HZ, millis, samples
from domain.states import Link, State
from tests.domain.calls import PLAIN, Driver
from tests.domain.segments import stored

GOOD = inp.ResumptionHandleIssued(handle="good", resumable=True)
BACK = inp.ClientConnected(rate_hz=48_000, resumed=True)
RESUMED = inp.ModelConnected(model="first", resumed=True, setup_ms=100)


def dials(driver: Driver) -> list[fx.DialModel]:
    return [effect for effect in driver.effects if isinstance(effect, fx.DialModel)]


def sent(decision: Decision) -> list[tuple[int, int]]:
    """The ranges of the candidate's audio that the model is given."""
    return [(e.from_sample, e.to_sample) for e in decision.effects if isinstance(e, fx.SendCandidateAudio)]


def kinds_of_events(driver: Driver) -> list[type]:
    return [type(event) for event in driver.events]


def both_back(driver: Driver, **hello: Any) -> Decision:
    driver.happens(inp.ClientConnected(rate_hz=48_000, resumed=True, **hello), 100_000)
    return driver.happens(RESUMED, 100_000)


def test_the_new_owner_misses_both_links_and_dials_with_the_handle() -> None:
    driver = Driver().asked()
    driver.happens(GOOD)
    driver.keeps_silent(200)
    driver.speaks(200)  # recorded with the decision that they took the floor
    driver.crashes(1_500_000)
    record = driver.call.record
    assert record.state is State.RESUMING
    assert record.missing == {Link.CLIENT, Link.MODEL}
    assert (record.epoch, record.process) == (2, "process 2")
    assert dials(driver)[-1] == fx.DialModel(attempt=1, wait_ms=0, handle="good", model="first")
    assert [event.link for event in driver.events if isinstance(event, ev.LinkLost)][-2:] == [Link.CLIENT, Link.MODEL]


def test_without_a_handle_the_new_owner_tells_what_was_heard() -> None:
    """Given no handle in the log, when the call is taken over, then the new session is seeded with
    the conversation."""
    driver = Driver().connected()
    driver.happens(inp.ModelTranscribed(text="Hello. Why?"))
    driver.model_sends(1_000)
    driver.happens(inp.ModelTurnCompleted())
    driver.client_plays(1_200)
    driver.speaks(1_000)
    driver.keeps_silent(800)
    driver.happens(inp.CandidateTranscribed(text="Because."))
    driver.crashes()
    assert [turn.text for turn in driver.seed_of(dials(driver)[-1])[1:]] == ["Hello. Why?"]
    assert sent(both_back(driver))  # the answer itself is given as it was spoken


def test_an_answer_under_way_is_given_to_the_new_session_whole() -> None:
    driver = Driver().asked()
    driver.speaks(1_000)
    window = driver.last(ev.CandidateStarted).from_sample
    driver.crashes()
    decision = both_back(driver)
    assert driver.call.state is State.CANDIDATE_SPEAKING
    assert sent(decision) == [(window, driver.call.hearing.next_sample)]
    driver.speaks(400)
    driver.keeps_silent(800)
    assert driver.call.state is State.LISTENING
    assert driver.last(ev.CandidateStopped).turn == 1


def test_what_the_log_did_not_hold_is_heard_again_from_where_it_ends() -> None:
    """Given frames that were not recorded at the crash, when they come again, the stream has them
    once."""
    driver = Driver(Policy(endpoint=PLAIN.endpoint, recording=RecordingPolicy(segment_ms=1_000))).asked()
    driver.speaks(300)
    driver.keeps_silent(0)
    heard = driver.call.hearing.next_sample
    driver.crashes()
    recorded = driver.call.hearing.next_sample
    assert recorded < heard
    assert recorded == driver.call.candidate_audio.next_sample
    both_back(driver)
    driver.speaks(millis(heard - recorded))
    assert driver.call.hearing.next_sample == heard


def test_an_awaited_reply_is_asked_for_again() -> None:
    driver = Driver().asked()
    driver.speaks(800)
    driver.keeps_silent(800)
    assert driver.call.record.reply is not None
    answer = driver.call.record.answer
    assert answer is not None
    assert answer.end is not None
    driver.crashes()
    decision = both_back(driver)
    assert driver.last(ev.ReplyRequested).cause == "resent"
    assert sent(decision) == [(answer.from_sample, answer.end.to_sample)]


def test_a_reply_that_was_playing_goes_on_from_where_the_client_heard_it() -> None:
    """Given a whole reply, half heard, its rest is sent again; nothing is asked of the model."""
    driver = Driver().connected()
    driver.model_sends(2_000)
    driver.happens(inp.ModelTurnCompleted())
    driver.client_plays(1_000)
    heard = driver.played
    driver.crashes()
    driver.happens(RESUMED, 100_000)
    decision = driver.happens(inp.ClientConnected(rate_hz=48_000, resumed=True, played_sample=heard + 480), 100_000)
    assert driver.call.state is State.MODEL_SPEAKING
    ranges = [effect for effect in decision.effects if isinstance(effect, fx.SendInterviewerAudio)]
    assert ranges[0].from_sample == heard + 480
    driver.played = heard + 480
    driver.client_plays(1_200)
    assert driver.call.state is State.LISTENING
    assert driver.last(ev.ModelFinished).evidence["truncated"] == 0


def test_a_reply_that_broke_off_is_heard_as_far_as_it_came_and_then_asked_for() -> None:
    driver = Driver().connected()
    driver.model_sends(1_000, complete=False)
    driver.client_plays(500)
    driver.crashes()
    both_back(driver, played_sample=driver.played)
    driver.client_plays(1_500)
    assert driver.last(ev.ModelFinished).evidence["truncated"] == 1
    assert driver.last(ev.ReplyRequested).cause == "nudge"


def test_positions_that_the_client_may_have_played_are_not_used_again() -> None:
    driver = Driver().connected()
    driver.model_sends(1_000, complete=False)
    driver.client_plays(500)
    before = driver.call.interviewer_audio.next_sample
    driver.crashes(2_000_000)
    assert driver.call.interviewer_audio.next_sample >= before + samples(2_000, MODEL_RATE_HZ)
    both_back(driver, played_sample=before + 10_000)
    driver.keeps_silent(40)
    driver.model_sends(400)
    assert driver.last(ev.ReplyStarted).first_model_sample >= before + samples(2_000, MODEL_RATE_HZ)


def test_a_suspected_barge_in_is_dropped_and_the_interviewer_talks_on() -> None:
    driver = Driver().connected()
    driver.model_sends(2_000)
    driver.client_plays(600)
    driver.speaks(60)
    assert driver.call.state is State.INTERRUPTED
    driver.crashes()
    assert driver.last(ev.BargeInDismissed).reason == "client_lost"
    both_back(driver, played_sample=driver.played)
    assert driver.call.state is State.MODEL_SPEAKING


def test_a_client_that_never_came_is_still_waited_for() -> None:
    driver = Driver()
    driver.crashes(5_000_000)
    assert not dials(driver)
    assert driver.happens(inp.ClientConnected(rate_hz=16_000, resumed=False), 1_000_000)
    assert len(dials(driver)) == 1
    driver.happens(inp.ModelConnected(model="first", resumed=False, setup_ms=9), 100_000)
    assert driver.last(ev.ReplyRequested).cause == "opening"


def test_a_client_that_does_not_come_back_ends_the_call() -> None:
    driver = Driver().asked()
    driver.crashes()
    driver.happens(inp.DeadlinePassed(), (LinkPolicy().resume_wait_ms + 1) * 1000)
    assert driver.last(ev.CallClosed).reason == "client_gone"


def test_downtime_counts_against_the_interview() -> None:
    driver = Driver(Policy(links=LinkPolicy(resume_wait_ms=3_600_000))).asked()
    driver.crashes(60 * 60_000_000 - 1_000_000)
    assert driver.call.state is State.CLOSED
    assert driver.last(ev.CallClosed).reason == "duration_reached"


WAIT_US = LinkPolicy().resume_wait_ms * 1_000


def test_downtime_counts_against_the_wait_for_the_client() -> None:
    """Given a process that is down for a part of the wait, then its client is waited for as long as
    is left of it."""
    driver = Driver().asked()
    driver.crashes(WAIT_US - 10_000_000)
    assert driver.call.state is State.RESUMING
    driver.happens(inp.DeadlinePassed(), 8_000_000)  # what the last moment held was not recorded
    assert driver.call.state is State.RESUMING
    driver.happens(inp.DeadlinePassed(), 2_100_000)
    assert driver.last(ev.CallClosed).reason == "client_gone"


def test_a_client_that_was_away_before_is_not_waited_for_anew() -> None:
    """Given a client that left long before its server died, then the wait began when it left."""
    driver = Driver().asked()
    driver.happens(inp.ClientLost(reason="gone", left=False))
    driver.happens(inp.ModelLost(code=1011, reason="lost", retryable=True), WAIT_US - 30_000_000)
    driver.crashes(10_000_000)
    assert driver.call.state is State.RESUMING
    driver.happens(inp.DeadlinePassed(), 20_100_000)
    assert driver.last(ev.CallClosed).reason == "client_gone"


def test_a_call_whose_wait_is_over_is_closed_and_gemini_is_not_dialled() -> None:
    """Given a process that is down for longer than the call waits, then the process that takes it
    over closes it."""
    driver = Driver().asked()
    driver.effects.clear()
    decision = driver.crashes(WAIT_US + 1_000_000)
    assert driver.last(ev.CallClosed).reason == "client_gone"
    assert not [effect for effect in decision.effects if isinstance(effect, fx.DialModel)]


def test_a_call_that_no_client_came_for_waits_from_its_opening_on() -> None:
    driver = Driver()
    driver.crashes(LinkPolicy().hello_wait_ms * 1_000 + 1)
    assert driver.last(ev.CallClosed).reason == "never_connected"


def test_a_closed_call_gets_another_grace_period_and_settles() -> None:
    driver = Driver().asked()
    driver.happens(inp.HangupRequested(by="candidate", reason=""))
    driver.crashes(1_000_000)
    assert driver.call.state is State.CLOSED
    driver.keeps_silent(100)
    driver.happens(inp.DeadlinePassed(), 3_100_000)
    assert driver.call.record.settled
    assert driver.last(ev.CallSettled).after_close_ms == 100


@pytest.mark.parametrize("reason", ["drain", "asked"])
def test_a_call_is_handed_over_at_a_quiet_moment(reason: Literal["drain", "asked"]) -> None:
    driver = Driver().connected()
    driver.model_sends(1_000)
    driver.happens(inp.HandOverRequested(reason=reason, wait_ms=10_000))
    assert not driver.call.record.handed_over
    driver.happens(inp.ModelTurnCompleted())
    driver.client_plays(1_200)
    assert driver.call.record.handed_over
    assert kinds_of_events(driver)[-1] is ev.CallHandedOver
    assert driver.last(ev.CallHandedOver).reason == reason
    assert [effect for effect in driver.effects if isinstance(effect, fx.HandOver)] == [fx.HandOver(reason)]
    assert driver.call.fully_sealed


def test_a_call_that_finds_no_quiet_moment_is_handed_over_in_time() -> None:
    driver = Driver().asked()
    driver.speaks(400)
    driver.happens(inp.HandOverRequested(reason="drain", wait_ms=1_000))
    driver.speaks(980)
    assert not driver.call.record.handed_over
    driver.speaks(40)
    assert driver.call.record.handed_over


def test_a_call_without_its_client_is_handed_over_at_once() -> None:
    driver = Driver().asked()
    driver.speaks(400)
    driver.happens(inp.ClientLost(reason="gone", left=True))
    driver.happens(inp.HandOverRequested(reason="asked", wait_ms=10_000))
    assert driver.call.record.handed_over


def test_a_former_owner_decides_no_more() -> None:
    driver = Driver().asked()
    driver.happens(inp.HandOverRequested(reason="drain", wait_ms=0))
    version = driver.call.record.version
    driver.speaks(1_000)
    driver.happens(inp.ClientLost(reason="gone", left=True))
    driver.happens(inp.HangupRequested(by="server", reason=""))
    assert driver.call.record.version == version
    driver.crashes()
    assert (driver.call.record.epoch, driver.call.record.handed_over) == (2, False)
    assert driver.last(inp.CallTakenOver).before == ""


def test_a_log_of_several_owners_is_replayed_to_the_same_decisions() -> None:
    driver = Driver().asked()
    driver.speaks(700)
    driver.crashes(400_000)
    both_back(driver)
    driver.speaks(300)
    driver.keeps_silent(900)
    driver.model_sends(600)
    driver.happens(inp.HandOverRequested(reason="drain", wait_ms=0))
    driver.crashes(300_000)
    both_back(driver)
    driver.crashes(2_000_000)
    both_back(driver)
    driver.keeps_silent(500)
    driver.happens(inp.HangupRequested(by="candidate", reason=""))
    driver.happens(inp.ClientLost(reason="gone", left=True))
    assert driver.call.record.epoch == 4
    assert driver.call.record.settled
    assert list(differences(driver.events, stored(driver))) == []


def test_where_another_core_decided_otherwise_its_decisions_stand() -> None:
    """Given a log whose barge-in today's core would not confirm, the recovered call stands where
    the log ends."""
    other = Policy(
        endpoint=PLAIN.endpoint, barge_in=Policy().barge_in.__class__(confirm_voiced_ms=60, suspect_voiced_ms=40)
    )
    driver = Driver(other).connected()
    driver.model_sends(3_000)
    driver.client_plays(600)
    driver.speaks(120)
    assert driver.call.state is State.CANDIDATE_SPEAKING
    today = driver.events[0].__class__(
        **{name: getattr(driver.events[0], name) for name in driver.events[0].__struct_fields__} | {"policy": PLAIN}
    )
    recovered = recover([today, *driver.events[1:]], stored(driver)).call
    assert recovered.state is State.CANDIDATE_SPEAKING
    assert recovered.record.window_open
    recovered.handle(inp.CallTakenOver(at_us=driver.now_us + 1, epoch=2, process="b", taken_over_at=""))
    assert recovered.state is State.RESUMING
