"""The model's context holds all that it sent: after a cut a note says how much was heard."""

import pytest

from domain import effects as fx
from domain import events as ev
from domain import inputs as inp
from domain.interview import heard_note
from domain.policy import EndpointPolicy, HistoryPolicy, Policy
from domain.recovery.replay import differences, fold_all
from domain.states import State
from tests.domain.calls import Driver
from tests.domain.segments import stored

TEXT = "one two three four five six seven eight nine ten"
NOTHING_HEARD = heard_note("", 0)


def questioned(policy: Policy | None = None, text: str = TEXT) -> Driver:
    """The interviewer is being heard: 1 s of 4 s were played."""
    driver = Driver(policy).connected()
    if text:
        driver.happens(inp.ModelTranscribed(text=text))
    driver.model_sends(4_000, complete=False)
    driver.client_plays(1_000)
    return driver


def notes(driver: Driver) -> list[str]:
    return [effect.text for effect in driver.effects if isinstance(effect, fx.SendNote)]


def test_after_a_cut_the_window_says_what_was_heard_before_any_audio() -> None:
    """Given an interruption, then its window opens, carries one note with the words that were
    heard, and then audio."""
    driver = questioned()
    driver.speaks(600)
    cut = driver.last(ev.ReplyCut)
    assert cut.heard_text == "one two three"
    to_model = [e for e in driver.effects if isinstance(e, fx.OpenActivity | fx.SendNote | fx.SendCandidateAudio)]
    assert [type(effect) for effect in to_model[:3]] == [fx.OpenActivity, fx.SendNote, fx.SendCandidateAudio]
    assert notes(driver) == [heard_note("one two three", cut.heard_ms)]
    assert '"one two three"' in notes(driver)[0]


def test_a_note_to_the_model_is_recorded_once() -> None:
    """Given an interruption and answers after it, then one correction is in the log, and no other
    note goes out."""
    driver = questioned()
    driver.speaks(600)
    driver.keeps_silent(1_000)
    driver.model_sends(400)
    driver.client_plays(800)
    driver.speaks(600)
    driver.keeps_silent(1_000)
    corrected, cut = driver.last(ev.HistoryCorrected), driver.last(ev.ReplyCut)
    assert driver.count(ev.HistoryCorrected) == driver.count(fx.SendNote) == 1
    assert (corrected.generation, corrected.method) == (cut.generation, "note")
    assert (corrected.heard_ms, corrected.heard_text) == (cut.heard_ms, cut.heard_text)


def test_a_cut_reply_without_a_transcript_is_described_by_its_length() -> None:
    """Given a model that transcribes late, then the note does not say that nothing was heard."""
    driver = questioned(text="")
    driver.speaks(600)
    assert driver.last(ev.ReplyCut).heard_ms > 900
    assert notes(driver) != [NOTHING_HEARD]
    assert "only the first 1.0 s" in notes(driver)[0]


def answered(policy: Policy | None = None) -> Driver:
    """An answer was given, and the model's reply has arrived in part; nothing of it was played."""
    driver = Driver(policy).asked()
    driver.speaks(1_000)
    driver.keeps_silent(700)
    driver.model_sends(400, complete=False)
    driver.effects.clear()
    return driver


def test_a_reply_that_began_and_was_not_heard_gets_a_note_too() -> None:
    """Given audio that nobody heard, when the candidate speaks on, then the model learns that
    nothing was heard."""
    driver = answered()
    driver.speaks(200)
    assert notes(driver) == [NOTHING_HEARD]
    assert driver.last(ev.HistoryCorrected).heard_ms == 0


def test_a_reply_that_had_not_begun_needs_no_note() -> None:
    """Given no audio yet, when the candidate speaks on, then there is nothing to correct."""
    driver = Driver().asked()
    driver.speaks(1_000)
    driver.keeps_silent(700)
    driver.speaks(200)
    assert driver.last(ev.ReplyWithdrawn).reason == "candidate_spoke_on"
    assert driver.count(fx.SendNote) == driver.count(ev.HistoryCorrected) == 0


def test_a_reply_that_was_heard_to_its_end_needs_no_note() -> None:
    """Given a question heard in full, then the answer's window carries audio alone."""
    driver = Driver().asked()
    driver.speaks(1_000)
    assert driver.count(fx.OpenActivity) == 1
    assert driver.count(fx.SendNote) == 0


@pytest.mark.parametrize(
    "policy", [Policy(history=HistoryPolicy(correction="none")), Policy(endpoint=EndpointPolicy(turns="gemini"))]
)
def test_where_policy_or_gemini_says_so_nothing_is_corrected(policy: Policy) -> None:
    """Given no correction, or turns that Gemini decides (it knows what it cut), then a cut is
    followed by no note."""
    driver = questioned(policy)
    driver.speaks(600)
    driver.happens(inp.ModelInterruptionReported())
    assert driver.count(ev.ReplyCut) == 1
    assert driver.count(fx.SendNote) == driver.count(ev.HistoryCorrected) == 0


def outage(driver: Driver, resumed: bool, away_ms: int = 1_000) -> None:
    """The session is lost, the candidate speaks into the gap, and another session is there."""
    driver.happens(inp.ModelLost(code=1011, reason="internal", retryable=True))
    driver.speaks(away_ms)
    driver.happens(inp.ModelConnected(model="first", resumed=resumed, setup_ms=90))


def test_a_voice_over_a_reply_while_the_model_was_away_is_a_cut_and_noted_as_one() -> None:
    """Given a session that is resumed, then it learns the words that were heard, not that nothing
    was."""
    driver = questioned()
    outage(driver, resumed=True)
    assert driver.call.state is State.CANDIDATE_SPEAKING
    cut = driver.last(ev.ReplyCut)
    assert cut.heard_text
    assert notes(driver) == [heard_note(cut.heard_text, cut.heard_ms)]


def test_a_session_that_began_afresh_has_no_history_to_correct() -> None:
    """Given a new session that knows nothing of the cut reply, then it gets no note."""
    driver = questioned()
    outage(driver, resumed=False)
    assert driver.count(ev.ReplyCut) == 1
    assert driver.count(fx.OpenActivity) == 1
    assert driver.count(fx.SendNote) == 0


def test_a_reply_lost_with_its_session_is_not_spoken_of_after_the_next_one() -> None:
    """Given a reply that died unheard and one in its place that was heard, then the next window has
    no note."""
    driver = answered()
    driver.happens(inp.ModelLost(code=1011, reason="internal", retryable=True))
    driver.happens(inp.ModelConnected(model="first", resumed=True, setup_ms=90))
    assert driver.last(ev.ReplyRequested).cause == "resent"
    driver.keeps_silent(1_000)
    driver.model_sends(1_000)
    driver.happens(inp.ModelTurnCompleted())
    driver.client_plays(1_400)
    assert driver.call.state is State.LISTENING
    driver.effects.clear()
    driver.speaks(1_000)
    assert driver.count(fx.OpenActivity) == 1
    assert driver.count(fx.SendNote) == 0


def test_replay_and_fold_agree_on_the_notes() -> None:
    """Given a call with both kinds of correction, then its log decides the same again and folds to
    the same record."""
    driver = questioned()
    driver.speaks(600)
    driver.keeps_silent(1_000)
    driver.happens(inp.ModelInterruptionReported())
    driver.happens(inp.ModelTurnCompleted())
    driver.model_sends(400, complete=False)
    driver.speaks(300)
    assert driver.count(ev.HistoryCorrected) == 2
    driver.happens(inp.HangupRequested(by="candidate", reason=""))
    driver.happens(inp.ClientLost(reason="1000", left=True))
    assert list(differences(driver.events, stored(driver))) == []
    assert fold_all(driver.events).record == driver.call.record
