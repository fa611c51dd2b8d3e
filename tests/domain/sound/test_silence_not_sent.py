"""A closed call says how much of what it heard the model was given, once or again, and how much it
was spared."""

from hypothesis import given
from hypothesis import strategies as st

from domain import effects as fx
from domain import events as ev
from domain import inputs as inp
from domain.policy import EndpointPolicy, Policy
from domain.states import State
from tests.domain.calls import Driver
from tests.domain.inputs_strategy import conversations
from tests.domain.law_runs import POLICIES, Run, decisions, relaxed

HANGUP = inp.HangupRequested(by="candidate", reason="")
PREROLL_MS = Policy().voice.preroll_ms


def closed(driver: Driver) -> dict[str, int]:
    """Hang up: what the call says at its end."""
    driver.happens(HANGUP)
    evidence: dict[str, int] = driver.last(ev.CallClosed).evidence
    return evidence


def test_the_silence_between_answers_is_recorded_and_not_sent() -> None:
    """Given two seconds of voice between questions, then the model was given those, their pre-roll
    and their end."""
    driver = Driver().asked()
    driver.speaks(2_000)
    driver.keeps_silent(10_000)
    counts = closed(driver)
    answer = driver.last(ev.CandidateStopped)
    assert counts["given_ms"] == (answer.to_sample - driver.last(ev.CandidateStarted).from_sample) // 16
    assert PREROLL_MS + 2_000 <= counts["given_ms"] <= PREROLL_MS + 2_000 + Policy().endpoint.silence_ms
    assert counts["heard_ms"] == driver.call.hearing.next_sample // 16 >= 12_000
    assert counts["not_sent_ms"] == counts["heard_ms"] - counts["given_ms"]
    assert counts["resent_ms"] == 0


def test_a_window_that_goes_to_a_second_session_counts_as_resent() -> None:
    """Given a session lost in the middle of an answer, then what it had been given counts once as
    given."""
    driver = Driver().asked()
    driver.speaks(2_000)
    before_ms = driver.call.delivery.given_samples // 16
    driver.happens(inp.ModelLost(code=1011, reason="internal", retryable=True))
    driver.speaks(500)
    driver.happens(inp.ModelConnected(model="first", resumed=True, setup_ms=90))
    counts = closed(driver)
    assert counts["resent_ms"] == before_ms
    assert PREROLL_MS + 2_500 <= counts["given_ms"] <= counts["heard_ms"]


def test_where_gemini_decides_turns_nothing_is_spared() -> None:
    """It hears silence too: all but what no message has carried yet."""
    driver = Driver(Policy(endpoint=EndpointPolicy(turns="gemini"))).asked()
    driver.keeps_silent(10_000)
    assert closed(driver)["not_sent_ms"] < Policy().endpoint.send_chunk_ms


@relaxed
@given(policy=st.sampled_from(POLICIES), run=conversations)
def test_every_sample_counts_once_as_given_and_after_that_as_resent(policy: Policy, run: Run) -> None:
    """Whatever happens: the counts are those of the ranges that went out."""
    driver = Driver(policy).connected()
    for _ in decisions(driver, run):
        pass
    if driver.call.state is not State.CLOSED:
        driver.happens(HANGUP)
    ranges = [(e.from_sample, e.to_sample) for e in driver.effects if isinstance(e, fx.SendCandidateAudio)]
    # Frames are 20 ms and so is every position, a millisecond is fine enough to tell them apart.
    once = {ms for from_sample, to_sample in ranges for ms in range(from_sample // 16, to_sample // 16)}
    counts = driver.last(ev.CallClosed).evidence
    assert counts["given_ms"] == len(once)
    assert counts["resent_ms"] == sum((to - start) // 16 for start, to in ranges) - len(once)
    assert counts["not_sent_ms"] == counts["heard_ms"] - counts["given_ms"] >= 0
