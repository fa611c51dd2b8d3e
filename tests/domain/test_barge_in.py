"""A voice over the interviewer: held at the first evidence, then an interruption, or nothing at
all."""

import pytest

from domain import effects as fx
from domain import events as ev
from domain import inputs as inp
from domain.policy import BargeInPolicy, EndpointPolicy, Policy, VoicePolicy
from domain.sound.features import FrameFeatures
from domain.sound.rates import samples
from domain.states import State
from tests.domain.calls import PLAIN, VOICED, Driver

BARGE_IN, VOICE = BargeInPolicy(), VoicePolicy()
WEAK = VOICED._replace(voice=140)
"""A hoarse voice: the network takes it for speech, and is not sure."""
FADING = VOICED._replace(level=VOICED.level - 2 * BARGE_IN.fading_db - 4)
FALLEN = VOICED._replace(level=VOICED.level - 2 * BARGE_IN.fall_db - 10)
"""Still speech to the network, but so far below the peak that the ear hears the end."""


def hears(driver: Driver, ms: int, features: FrameFeatures) -> None:
    for _ in range(ms // 20):
        driver.happens(inp.CandidateFrame(at_us=0, client_seq=0, features=features, pcm=bytes(640)), 20_000)


def questioned(policy: Policy | None = None, heard_ms: int = 1_000) -> Driver:
    """The interviewer is being heard: `heard_ms` of 4 s, all of which has come."""
    driver = Driver(policy).connected()
    driver.model_sends(4_000)
    driver.client_plays(heard_ms)
    assert driver.call.state is State.MODEL_SPEAKING
    return driver


def with_barge_in(**numbers: int) -> Policy:
    return Policy(endpoint=PLAIN.endpoint, barge_in=BargeInPolicy(**numbers))


def test_the_first_evidence_holds_playback() -> None:
    """Given 20 ms of voice, then nothing happens; given 40, then playback is held, and nobody has
    lost the floor."""
    driver = questioned()
    hears(driver, 20, VOICED)
    assert driver.call.state is State.MODEL_SPEAKING
    hears(driver, 20, VOICED)
    assert driver.call.state is State.INTERRUPTED
    assert driver.count(fx.HoldPlayback) == 1
    assert driver.count(fx.FlushPlayback) == 0
    suspected = driver.last(ev.BargeInSuspected)
    assert suspected.onset_sample == driver.call.hearing.next_sample - samples(BARGE_IN.suspect_voiced_ms)


def test_nothing_goes_out_while_playback_is_held() -> None:
    """Given a suspected barge-in, then no audio of the interviewer's is sent until it is decided."""
    driver = questioned()
    hears(driver, 40, VOICED)
    driver.effects.clear()
    hears(driver, 200, VOICED)
    assert driver.call.state is State.INTERRUPTED
    assert driver.count(fx.SendInterviewerAudio) == 0


@pytest.mark.parametrize(
    ("voice", "confirmed_ms"), [(VOICED, BARGE_IN.confirm_voiced_ms), (WEAK, BARGE_IN.confirm_long_ms)]
)
def test_a_strong_voice_is_confirmed_sooner_than_a_weak_one(voice: FrameFeatures, confirmed_ms: int) -> None:
    """Given a voice of which the network is sure, or one of which it is not, then so much of it is
    an interruption."""
    driver = questioned()
    hears(driver, confirmed_ms - 20, voice)
    assert driver.call.state is State.INTERRUPTED
    hears(driver, 20, voice)
    confirmed = driver.last(ev.BargeInConfirmed)
    assert (confirmed.reason, confirmed.evidence["suspected_ms"]) == ("voiced", confirmed_ms)


def test_a_voice_that_is_fading_is_not_confirmed_at_that_moment() -> None:
    """Given a strong voice that fades before there is enough of it, then it waits: it is over, or
    it comes back.

    What was strong before the dip counts by half: so "uh-huh", two beats with a dip between them,
    is none.
    """
    over, back = questioned(), questioned()
    for driver in (over, back):
        hears(driver, BARGE_IN.confirm_voiced_ms - 20, VOICED)
        hears(driver, 80, FADING)
        assert driver.call.state is State.INTERRUPTED
    over.keeps_silent(BARGE_IN.dismiss_silence_ms)
    assert over.last(ev.BargeInDismissed).reason == "silence"
    hears(back, 100, VOICED)
    assert back.call.state is State.INTERRUPTED
    hears(back, 40, VOICED)
    assert back.last(ev.BargeInConfirmed).reason == "voiced"


def test_strength_from_before_a_dismissal_confirms_no_voice_that_comes_back_fading() -> None:
    """Given a strong word that was dismissed, when a faint one follows, then it waits for a frame
    that is not faint."""
    driver = questioned()
    hears(driver, BARGE_IN.confirm_voiced_ms - 20, VOICED)
    driver.keeps_silent(BARGE_IN.dismiss_silence_ms + 100)
    hears(driver, 60, FADING)
    assert driver.call.state is State.INTERRUPTED
    hears(driver, 160, VOICED)
    assert driver.last(ev.BargeInConfirmed).reason == "voiced"


def test_a_weak_voice_is_not_confirmed_by_its_fallen_tail() -> None:
    """Given a hoarse sound just short of an interruption, then what follows far below its peak does
    not make it one."""
    driver = questioned()
    hears(driver, BARGE_IN.confirm_long_ms - 20, WEAK)
    hears(driver, BARGE_IN.dismiss_silence_ms, FALLEN._replace(voice=WEAK.voice))
    assert driver.last(ev.BargeInDismissed).reason == "silence"


@pytest.mark.parametrize("tail", [FALLEN, FrameFeatures(level=60, gate=0, voice=2)], ids=["fallen", "silent"])
def test_a_voice_that_has_fallen_is_dismissed_and_the_interviewer_plays_on(tail: FrameFeatures) -> None:
    """Given a cough and 80 ms far below its peak, then it was none: playback goes on from the very
    sample held."""
    driver = questioned()
    hears(driver, 200, VOICED)
    sent = driver.call.playout.sent_sample
    hears(driver, BARGE_IN.dismiss_silence_ms - 20, tail)
    assert driver.call.state is State.INTERRUPTED
    hears(driver, 20, tail)
    assert driver.last(ev.BargeInDismissed).reason == "silence"
    assert driver.count(fx.ReleasePlayback) == 1
    driver.effects.clear()
    driver.client_plays(3_300)
    audio = [effect for effect in driver.effects if isinstance(effect, fx.SendInterviewerAudio)]
    assert (audio[0].from_sample, audio[-1].to_sample) == (sent, samples(4_000, 24_000))
    assert driver.last(ev.ModelFinished).generation == 1
    assert driver.count(ev.CandidateStarted) == driver.count(ev.ReplyCut) == 0


def test_a_voice_that_goes_on_after_a_dismissal_is_the_same_one() -> None:
    """Given a first word that was dismissed, when the sentence follows, then little more is waited
    for."""
    driver = questioned()
    onset = driver.call.hearing.next_sample
    hears(driver, 160, VOICED)
    driver.keeps_silent(BARGE_IN.dismiss_silence_ms + 200)
    assert driver.call.state is State.MODEL_SPEAKING
    hears(driver, 80, VOICED)
    assert driver.call.state is State.INTERRUPTED
    hears(driver, 20, VOICED)
    confirmed = driver.last(ev.BargeInConfirmed)
    assert confirmed.onset_sample == onset
    assert confirmed.from_sample == onset - samples(VOICE.preroll_ms)
    first = next(effect for effect in driver.effects if isinstance(effect, fx.SendCandidateAudio))
    assert first.from_sample == confirmed.from_sample


def test_what_was_dismissed_shortly_before_an_interruption_goes_along() -> None:
    """Given a dismissed word and an interruption a second later, then that has its own onset, its
    window both."""
    driver = questioned()
    word = driver.call.hearing.next_sample
    hears(driver, 160, VOICED)
    driver.keeps_silent(1_000)
    onset = driver.call.hearing.next_sample
    hears(driver, 300, VOICED)
    confirmed = driver.last(ev.BargeInConfirmed)
    assert confirmed.onset_sample == onset
    assert confirmed.from_sample == word - samples(VOICE.preroll_ms)


def test_what_was_dismissed_long_before_does_not() -> None:
    """Given a cough and an interruption two seconds later, then the window begins shortly before
    the interruption."""
    driver = questioned()
    hears(driver, 160, VOICED)
    driver.keeps_silent(2_000)
    onset = driver.call.hearing.next_sample
    hears(driver, 300, VOICED)
    assert driver.last(ev.BargeInConfirmed).from_sample == onset - samples(VOICE.preroll_ms)


def test_the_interviewers_own_voice_never_holds_it() -> None:
    """Given what leaks back of it, however much like speech, then nothing is held; given a voice
    above it, it is."""
    margin = 2 * VOICE.echo_margin_db
    driver = questioned()
    hears(driver, 1_000, VOICED._replace(over_echo=margin - 1))
    assert driver.count(ev.BargeInSuspected) == 0
    hears(driver, 40, VOICED._replace(over_echo=margin))
    assert driver.count(ev.BargeInSuspected) == 1


def test_somebody_further_away_does_not_hold_once_the_candidates_level_is_known() -> None:
    """Given an answer to learn from, then a voice 13 dB softer is somebody else's; before that, it
    may be theirs."""
    far = VOICED._replace(level=VOICED.level - 2 * (BARGE_IN.side_db + 1))
    unknown, known = questioned(), Driver().asked()
    known.speaks(2_000)
    known.keeps_silent(700)
    known.model_sends(4_000)
    known.client_plays(1_000)
    for driver in (unknown, known):
        assert driver.call.state is State.MODEL_SPEAKING
        hears(driver, 200, far)
    assert unknown.count(ev.BargeInSuspected) == 1
    assert known.count(ev.BargeInSuspected) == 0
    hears(known, 40, VOICED)
    assert known.count(ev.BargeInSuspected) == 1


def plays_while(driver: Driver, ms: int, features: FrameFeatures) -> None:
    """The client plays on in real time while such frames come in."""
    for _ in range(ms // 100):
        hears(driver, 100, features)
        driver.played = min(driver.played + 2_400, driver.call.playout.sent_sample)
        driver.happens(inp.PlaybackReported(played_sample=driver.played))


def test_a_voice_over_the_last_words_is_the_next_answer() -> None:
    """Given 200 ms left to hear, then nothing is held or cut; once all was heard the answer has all
    of the voice."""
    driver = questioned(heard_ms=3_800)
    onset = driver.call.hearing.next_sample
    plays_while(driver, 400, VOICED)
    assert driver.count(ev.BargeInSuspected) == driver.count(ev.ReplyCut) == 0
    assert driver.call.state is State.CANDIDATE_SPEAKING
    started = driver.last(ev.CandidateStarted)
    assert started.onset_sample == onset
    assert started.from_sample == onset - samples(VOICE.preroll_ms)
    assert driver.last(ev.ModelFinished).generation == 1
    first = next(effect for effect in driver.effects if isinstance(effect, fx.SendCandidateAudio))
    assert first.from_sample == started.from_sample


def test_a_yes_over_the_last_words_is_an_answer_too() -> None:
    """Given a short word that ends just before the reply does, then it is heard out and given to
    the model."""
    driver = questioned(heard_ms=3_800)
    hears(driver, 160, VOICED)
    driver.client_plays(300)
    assert driver.last(ev.ModelFinished).generation == 1
    assert driver.call.state is State.CANDIDATE_SPEAKING
    driver.keeps_silent(700)
    assert driver.last(ev.ReplyRequested).cause == "answer"


def test_a_click_over_the_last_words_is_no_answer() -> None:
    """Given 60 ms of sound just before a reply ends, then the floor is free: elsewhere that starts
    nothing either."""
    driver = questioned(heard_ms=3_800)
    hears(driver, 60, VOICED)
    driver.client_plays(300)
    assert driver.last(ev.ModelFinished).generation == 1
    assert driver.call.state is State.LISTENING
    assert driver.count(ev.CandidateStarted) == 0


def test_what_was_over_before_the_interviewer_was_is_forgotten() -> None:
    """Given an "uh-huh" over the last words and silence since, then when all was heard the floor is
    free."""
    driver = questioned(with_barge_in(overlap_ms=1_000), heard_ms=3_100)
    hears(driver, 160, VOICED)
    driver.client_plays(900)
    driver.client_plays(200)
    assert driver.last(ev.ModelFinished).generation == 1
    assert driver.call.state is State.LISTENING
    assert driver.count(ev.BargeInSuspected) == driver.count(ev.CandidateStarted) == 0


def test_last_words_are_only_known_of_a_complete_reply() -> None:
    """Given little left to hear of a reply that may go on, then a voice holds it as ever."""
    driver = Driver().connected()
    driver.model_sends(4_000, complete=False)
    driver.client_plays(3_800)
    hears(driver, 40, VOICED)
    assert driver.call.state is State.INTERRUPTED


@pytest.mark.parametrize(("silence", "outcome"), [(0, ev.BargeInConfirmed), (60, ev.BargeInDismissed)])
def test_no_suspected_barge_in_outlasts_its_ceiling(silence: int, outcome: type) -> None:
    """Given evidence that is never enough either way, then after 1.2 s the larger share of voice
    and silence wins."""
    driver = questioned(with_barge_in(confirm_voiced_ms=5_000, confirm_long_ms=5_000))
    hears(driver, 40, VOICED)
    while driver.call.state is State.INTERRUPTED:
        driver.keeps_silent(silence)
        hears(driver, 20, VOICED)
    decided = driver.last(outcome)
    assert decided.reason == "ceiling"
    assert decided.evidence["suspected_ms"] == BARGE_IN.ceiling_ms
    assert decided.evidence["weighed_ms"] == BARGE_IN.ceiling_ms


def test_where_gemini_decides_turns_nothing_is_held() -> None:
    """Given turns that Gemini decides, then a voice over the interviewer changes nothing by
    itself."""
    driver = questioned(Policy(endpoint=EndpointPolicy(turns="gemini")))
    hears(driver, 1_000, VOICED)
    assert driver.call.state is State.MODEL_SPEAKING
    assert driver.count(fx.HoldPlayback) == 0


def test_a_report_from_before_the_hold_does_not_move_what_was_heard_back() -> None:
    """Given a report that was under way when playback was held, then what was heard is where the
    hold stopped it."""
    driver = questioned()
    driver.keeps_silent(100)
    hears(driver, BARGE_IN.suspect_voiced_ms, VOICED)
    held = driver.call.playout.heard_sample(driver.now_us)
    driver.happens(inp.PlaybackReported(played_sample=driver.played + 24))
    assert driver.call.playout.heard_sample(driver.now_us) == held
    driver.happens(inp.PlaybackReported(played_sample=held - 480, held=True))
    assert driver.call.playout.heard_sample(driver.now_us) == held - 480
