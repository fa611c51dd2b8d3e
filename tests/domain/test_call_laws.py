"""What the two peers may rely on, whatever happens: whole windows for Gemini, resolved replies, and
a call at rest."""

from hypothesis import given, settings
from hypothesis import strategies as st

from domain import effects as fx
from domain import events as ev
from domain import inputs as inp
from domain.policy import EagerPolicy, Policy
from domain.states import State
from tests.domain.calls import SILENT, Driver
from tests.domain.inputs_strategy import conversations
from tests.domain.law_runs import POLICIES, Run, decisions, mended, relaxed

LOCAL = [policy for policy in POLICIES if policy.local_turns]
RESOLUTIONS = (ev.ReplyWithdrawn, ev.ModelFinished, ev.BargeInConfirmed)


@relaxed
@given(policy=st.sampled_from(LOCAL), run=conversations)
def test_gemini_is_given_whole_windows(policy: Policy, run: Run) -> None:
    """Windows open and close in turn, their audio has no gap, none is sent outside, none that was
    forgotten."""
    driver = Driver(policy).connected()
    is_open, next_sample, kept_from = False, -1, 0
    for _, effects in decisions(driver, run):
        for effect in effects:
            match effect:
                case fx.DialModel():
                    is_open = False
                case fx.OpenActivity():
                    assert not is_open
                    is_open, next_sample = True, -1
                case fx.SendCandidateAudio(from_sample, to_sample):
                    assert is_open
                    assert kept_from <= from_sample < to_sample
                    assert next_sample in (-1, from_sample)
                    next_sample = to_sample
                case fx.SendNote():
                    assert is_open
                    assert next_sample == -1
                case fx.CloseActivity():
                    assert is_open
                    assert next_sample >= 0
                    is_open = False
                case fx.ForgetCandidateAudio(before_sample):
                    kept_from = max(kept_from, before_sample)


@relaxed
@given(policy=st.sampled_from(POLICIES), run=conversations)
def test_a_reply_is_resolved_before_the_next_is_expected(policy: Policy, run: Run) -> None:
    """Every generation is finished, cut or cancelled once; only its own audio goes to the client,
    none while held."""
    driver = Driver(policy).connected()
    pending = driver.last(ev.ReplyRequested).generation
    for events, effects in decisions(driver, run):
        for event in events:
            if isinstance(event, ev.ReplyRequested):
                assert not pending
                pending = event.generation
            elif isinstance(event, RESOLUTIONS):
                assert event.generation == pending
                pending = 0
            elif isinstance(event, ev.ReplyCut):
                assert 0 <= event.heard_ms <= event.sent_ms <= event.received_ms
        played = {effect.generation for effect in effects if isinstance(effect, fx.SendInterviewerAudio)}
        assert played <= {pending}
        assert not played or driver.call.state is not State.INTERRUPTED
        if driver.call.state is State.CLOSED:
            return


@relaxed
@given(run=conversations)
def test_a_window_closed_early_is_the_answer_or_is_continued_where_it_ended(run: Run) -> None:
    """Nothing of a reply goes out while its answer may go on; a withdrawn end loses and repeats
    nothing."""
    driver = Driver(Policy(eager=EagerPolicy(enabled=True))).connected()
    ended_at: int | None = None
    for events, effects in decisions(driver, run):
        was_eager = driver.call.record.eager
        for event in events:
            if isinstance(event, ev.EagerEndTried):
                assert ended_at is None
                ended_at = event.to_sample
            elif isinstance(event, ev.CandidateStopped):
                assert ended_at in (None, event.to_sample)
                ended_at = None
            elif isinstance(event, ev.EagerEndWithdrawn):
                assert driver.call.record.answer is not None
                sent = [effect for effect in effects if isinstance(effect, fx.SendCandidateAudio)]
                assert not sent or sent[0].from_sample in (ended_at, driver.call.record.answer.from_sample)
                ended_at = None
        assert not was_eager or not any(isinstance(effect, fx.SendInterviewerAudio) for effect in effects)
        if driver.call.state is State.CLOSED:
            return


@settings(relaxed, max_examples=40)
@given(policy=st.sampled_from(POLICIES), run=conversations)
def test_a_call_comes_to_rest(policy: Policy, run: Run) -> None:
    """Given anything, when then both links are up, the client plays and nobody says a word, the
    floor becomes free.

    Gemini may stay silent for ever: the watchdog's nudges and dials are bounded, and end the call
    if nothing helps.
    """
    driver = Driver(policy).connected()
    for _ in decisions(driver, run):
        pass
    call = driver.call
    for _ in range(1_000):
        for _ in mended(driver):
            pass
        if not call.record.muted:
            driver.happens(inp.CandidateFrame(at_us=0, client_seq=0, features=SILENT, pcm=bytes(640)))
        if call.playout.in_flight and not call.playout.held:
            driver.happens(inp.PlaybackReported(played_sample=call.playout.sent_sample))
        driver.happens(inp.DeadlinePassed(), 200_000)
    assert driver.call.state in (State.LISTENING, State.CLOSED)
    assert driver.call.record.reply is None


@relaxed
@given(policy=st.sampled_from(POLICIES), run=conversations)
def test_dials_are_bounded_and_a_refused_handle_is_not_tried_again(policy: Policy, run: Run) -> None:
    """A dial has a handle or a past, never both; what was refused stays refused until Gemini gives
    it out again."""
    driver = Driver(policy).connected()
    refused: set[str] = set()
    newest = fx.DialModel(1, 0, "", "first")
    for events, effects in decisions(driver, run):
        for event in events:
            if isinstance(event, inp.ResumptionHandleIssued):
                refused.discard(event.handle)
            elif isinstance(event, inp.ModelLost) and not event.retryable and newest.handle:
                refused.add(newest.handle)
        for effect in effects:
            if isinstance(effect, fx.DialModel):
                newest = effect
                assert not (effect.handle and effect.seed)
                assert effect.handle not in refused
                assert 1 <= effect.attempt <= policy.links.dial_attempts
        if driver.call.state is State.CLOSED:
            return
