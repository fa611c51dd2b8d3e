"""One call, step by step: turns, interruptions, silences and ends."""

import itertools

import pytest

from domain import effects as fx
from domain import events as ev
from domain import inputs as inp
from domain.policy import EndpointPolicy, Policy
from domain.ports import Side
from domain.states import State
from tests.domain.calls import Driver


def test_a_call_is_born_resuming_and_the_interviewer_speaks_first() -> None:
    """With both links up the model is asked to open; its reply starts when the client plays it."""
    driver = Driver()
    assert driver.call.state is State.RESUMING
    driver.connected()
    assert driver.call.state is State.LISTENING
    assert driver.count(fx.SendText) == 1
    driver.model_sends(2_000)
    assert driver.call.state is State.LISTENING
    driver.client_plays(200)
    assert driver.call.state is State.MODEL_SPEAKING
    driver.client_plays(2_200)
    assert driver.call.state is State.LISTENING
    assert driver.last(ev.ModelFinished).generation == 1


def test_an_answer_opens_a_window_with_its_preroll_and_closes_it_after_silence() -> None:
    """Everything from 300 ms before the onset reaches the model, in one activity window."""
    driver = Driver().asked()
    driver.keeps_silent(1_000)
    onset = driver.call.hearing.next_sample
    driver.speaks(1_500)
    assert driver.call.state is State.CANDIDATE_SPEAKING
    driver.keeps_silent(700)
    assert driver.call.state is State.LISTENING
    started, stopped = driver.last(ev.CandidateStarted), driver.last(ev.CandidateStopped)
    assert started.onset_sample == onset
    assert started.from_sample == onset - 4_800
    assert stopped.end_sample == onset + 24_000
    assert stopped.evidence["silent_ms"] == 700
    window = [e for e in driver.effects if isinstance(e, fx.OpenActivity | fx.SendCandidateAudio | fx.CloseActivity)]
    assert isinstance(window[0], fx.OpenActivity) and isinstance(window[-1], fx.CloseActivity)
    sent = window[1:-1]
    assert sent[0].from_sample == started.from_sample
    assert sent[-1].to_sample == stopped.to_sample
    assert all(a.to_sample == b.from_sample for a, b in itertools.pairwise(sent))


def test_a_click_is_no_answer() -> None:
    """60 ms of voice are too little to start a turn."""
    driver = Driver().asked()
    driver.speaks(60)
    driver.keeps_silent(500)
    assert driver.count(ev.CandidateStarted) == 0


def test_speaking_on_before_the_reply_is_heard_continues_the_turn() -> None:
    """The pending generation is cancelled, both stretches are one turn, and late audio is
    dropped."""
    driver = Driver().asked()
    driver.speaks(1_000)
    driver.keeps_silent(700)
    generation = driver.call.record.generation
    driver.model_sends(400, complete=False)
    driver.speaks(200)
    assert driver.call.state is State.CANDIDATE_SPEAKING
    assert driver.last(ev.ReplyWithdrawn).generation == generation
    assert driver.last(ev.CandidateStarted).turn == 1
    assert driver.count(fx.FlushPlayback) == 1
    driver.model_sends(400, complete=False)
    driver.keeps_silent(700)
    dropped = driver.last(ev.LateAudioDropped)
    assert (dropped.generation, dropped.chunks) == (generation, 10)


def test_an_interruption_holds_then_flushes_and_tells_what_was_heard() -> None:
    """First evidence holds; half a second of voice confirms; the cut turn says what was sent and
    heard."""
    driver = Driver().connected()
    driver.happens(inp.ModelTranscribed(text="one two three four five six seven eight nine ten"))
    driver.model_sends(4_000)
    driver.client_plays(1_000)
    onset = driver.call.hearing.next_sample
    driver.speaks(80)
    assert driver.call.state is State.INTERRUPTED
    assert driver.count(fx.HoldPlayback) == 1
    assert driver.last(ev.BargeInSuspected).onset_sample == onset
    sent_while_held = driver.call.playout.sent_sample
    driver.happens(inp.PlaybackReported(played_sample=26_000, held=True))
    driver.speaks(400)
    assert driver.call.state is State.CANDIDATE_SPEAKING
    confirmed, cut = driver.last(ev.BargeInConfirmed), driver.last(ev.ReplyCut)
    assert confirmed.reason == "voiced"
    assert confirmed.from_sample == onset - 4_800
    assert cut.heard_ms == 1_083
    assert cut.received_ms == 4_000
    assert cut.sent_ms == sent_while_held * 1000 // 24_000
    assert cut.heard_text == "one two three"
    order = [type(e) for e in driver.effects if isinstance(e, fx.FlushPlayback | fx.OpenActivity)]
    assert order == [fx.FlushPlayback, fx.OpenActivity]


def test_an_uh_huh_is_dismissed_and_nothing_is_lost() -> None:
    """A short sound holds and is dismissed: playback goes on from the held sample."""
    driver = Driver().connected()
    driver.model_sends(4_000)
    driver.client_plays(1_000)
    driver.speaks(200)
    driver.happens(inp.PlaybackReported(played_sample=driver.played, held=True))
    sent = driver.call.playout.sent_sample
    driver.keeps_silent(240)
    assert driver.call.state is State.MODEL_SPEAKING
    assert driver.last(ev.BargeInDismissed).reason == "silence"
    assert driver.count(fx.ReleasePlayback) == 1
    driver.client_plays(3_500)
    resumed = [e for e in driver.effects if isinstance(e, fx.SendInterviewerAudio) and e.from_sample >= sent]
    assert resumed[0].from_sample == sent
    assert driver.last(ev.ModelFinished).generation == 1
    assert driver.count(ev.CandidateStarted) == 0


def test_a_suspected_barge_in_ends_at_its_ceiling_even_without_frames() -> None:
    """If no frame decides, the clock does."""
    driver = Driver().connected()
    driver.model_sends(4_000)
    driver.client_plays(1_000)
    driver.speaks(100)
    driver.happens(inp.DeadlinePassed(), after_us=2_500_000)
    assert driver.call.state is not State.INTERRUPTED


def test_a_muted_microphone_ends_the_turn_and_a_suspected_barge_in() -> None:
    """Mute in the middle of a word stops the answer; mute over the interviewer dismisses."""
    driver = Driver().asked()
    driver.speaks(500)
    driver.happens(inp.MicMuted())
    assert driver.last(ev.CandidateStopped).reason == "muted"
    assert driver.call.state is State.LISTENING
    other = Driver().connected()
    other.model_sends(4_000)
    other.client_plays(1_000)
    other.speaks(100)
    other.happens(inp.MicMuted())
    assert other.last(ev.BargeInDismissed).reason == "muted"


def test_the_playout_never_runs_further_ahead_than_its_lead() -> None:
    """A client that plays nothing is sent 400 ms of audio, and after 8 s learns why the call
    ends."""
    driver = Driver().connected()
    driver.model_sends(4_000)
    driver.keeps_silent(3_000)
    assert driver.call.playout.sent_sample == 400 * 24
    driver.keeps_silent(8_000)
    assert driver.call.state is State.CLOSED
    assert driver.last(ev.CallClosed).reason == "playback_stalled"
    assert any(isinstance(e, fx.TellError) and e.code == "playback_stalled" for e in driver.effects)


def test_a_client_that_stops_playing_the_last_bit_is_noticed_too() -> None:
    """All audio was sent, some was played, then nothing: the call does not wait for ever."""
    driver = Driver().connected()
    driver.model_sends(1_000)
    driver.client_plays(700)
    assert not driver.call.playout.unsent
    driver.keeps_silent(8_100)
    assert driver.last(ev.CallClosed).reason == "playback_stalled"


def test_a_silent_model_is_nudged_once_and_then_dialled_again() -> None:
    """The watchdog: nudge, re-dial, and the answer is sent again whole."""
    driver = Driver().asked()
    driver.speaks(1_000)
    driver.keeps_silent(700)
    texts = driver.count(fx.SendText)
    driver.keeps_silent(10_100)
    assert driver.last(ev.ReplyOverdue).action == "nudged"
    assert driver.count(fx.SendText) == texts + 1
    driver.keeps_silent(10_100)
    assert driver.last(ev.ReplyOverdue).action == "redialled"
    assert driver.call.state is State.RESUMING
    driver.effects.clear()
    driver.happens(inp.ModelConnected(model="first", resumed=True, setup_ms=90))
    assert driver.last(ev.ReplyRequested).cause == "resent"
    stopped = driver.last(ev.CandidateStopped)
    sent = [e for e in driver.effects if isinstance(e, fx.SendCandidateAudio)]
    assert [e.to_sample for e in sent] == [stopped.to_sample]


def test_a_model_that_chooses_silence_is_left_alone() -> None:
    """A turn without audio that waits for input stops the watchdog for a while."""
    driver = Driver().asked()
    driver.speaks(1_000)
    driver.keeps_silent(700)
    driver.happens(inp.ModelTurnCompleted(waiting_for_input=True))
    driver.keeps_silent(9_900)
    assert driver.count(ev.ReplyOverdue) == 0
    assert driver.last(ev.ReplyWithdrawn).reason == "model_chose_silence"


def test_a_lost_model_is_dialled_again_by_its_handle_and_the_open_window_sent_whole() -> None:
    """An answer during which Gemini drops reaches the new session from its beginning."""
    driver = Driver().asked()
    driver.happens(inp.ResumptionHandleIssued(handle="good", resumable=True))
    driver.happens(inp.ResumptionHandleIssued(handle="", resumable=False))
    driver.speaks(1_000)
    driver.happens(inp.ModelLost(code=1011, reason="internal", retryable=True))
    assert driver.call.state is State.RESUMING
    dial = [e for e in driver.effects if isinstance(e, fx.DialModel)][-1]
    assert (dial.handle, dial.wait_ms) == ("good", 0)
    driver.speaks(300)
    driver.effects.clear()
    driver.happens(inp.ModelConnected(model="first", resumed=True, setup_ms=90))
    assert driver.call.state is State.CANDIDATE_SPEAKING
    sent = next(e for e in driver.effects if isinstance(e, fx.SendCandidateAudio))
    started = driver.last(ev.CandidateStarted)
    assert (sent.from_sample, sent.to_sample) == (started.from_sample, driver.call.hearing.next_sample)


def test_an_answer_given_while_the_model_is_away_is_not_lost() -> None:
    """A voice that began and ended during the outage gets its window when the model is back."""
    driver = Driver().asked()
    driver.happens(inp.ModelLost(code=1006, reason="gone", retryable=True))
    onset = driver.call.hearing.next_sample
    driver.speaks(1_000)
    driver.keeps_silent(2_000)
    driver.happens(inp.ModelConnected(model="first", resumed=True, setup_ms=90))
    started = driver.last(ev.CandidateStarted)
    assert started.from_sample == onset - 4_800
    driver.keeps_silent(20)
    assert driver.call.state is State.LISTENING
    assert driver.last(ev.ReplyRequested).cause == "answer"


def test_dialling_is_bounded_and_ends_with_a_reason() -> None:
    """Three dials in a row fail: the call closes and says so."""
    driver = Driver()
    driver.happens(inp.ClientConnected(rate_hz=16_000, resumed=False))
    for _ in range(3):
        driver.happens(inp.ModelLost(code=1006, reason="refused", retryable=True), 100_000)
    assert driver.count(fx.DialModel) == 3
    assert driver.last(ev.CallClosed).reason == "model_unavailable"


def test_a_setup_that_can_never_work_falls_back_to_the_next_model() -> None:
    """1008 is never retried with the same model and no handle."""
    driver = Driver()
    driver.happens(inp.ClientConnected(rate_hz=16_000, resumed=False))
    driver.happens(inp.ModelLost(code=1008, reason="no such model", retryable=False))
    assert [e.model for e in driver.effects if isinstance(e, fx.DialModel)] == ["first", "second"]
    driver.happens(inp.ModelLost(code=1008, reason="no such model", retryable=False))
    assert driver.last(ev.CallClosed).reason == "model_unavailable"


def test_a_client_that_comes_back_hears_the_rest_and_one_that_does_not_ends_the_call() -> None:
    """What it had not played is sent again from there; the wait for it is bounded."""
    driver = Driver().connected()
    driver.model_sends(4_000)
    driver.client_plays(1_000)
    driver.happens(inp.ClientLost(reason="1006"))
    assert driver.call.state is State.RESUMING
    driver.effects.clear()
    driver.happens(inp.ClientConnected(rate_hz=48_000, resumed=True, played_sample=24_000), 1_000_000)
    assert driver.call.state is State.MODEL_SPEAKING
    assert next(e for e in driver.effects if isinstance(e, fx.SendInterviewerAudio)).from_sample == 24_000
    driver.happens(inp.ClientLost(reason="1006"))
    driver.happens(inp.DeadlinePassed(), driver.call.policy.links.resume_wait_ms * 1_000 + 1)
    assert driver.last(ev.CallClosed).reason == "client_gone"


def test_a_going_away_session_is_rotated_at_a_quiet_moment() -> None:
    """goAway while the interviewer speaks: the rotation waits for the floor to be free."""
    driver = Driver().connected()
    driver.model_sends(2_000)
    driver.client_plays(300)
    driver.happens(inp.ResumptionHandleIssued(handle="h", resumable=True))
    driver.happens(inp.GoAwayReceived(time_left_ms=50_000))
    assert driver.call.state is State.MODEL_SPEAKING
    driver.client_plays(2_000)
    assert driver.call.state is State.RESUMING
    assert [e.handle for e in driver.effects if isinstance(e, fx.DialModel)][-1] == "h"


def test_the_model_ends_the_interview_after_its_last_words() -> None:
    """end_interview closes the call once the goodbye was heard."""
    driver = Driver().connected()
    driver.model_sends(1_000)
    driver.happens(inp.ToolCallRequested(tool_call_id="t", name="end_interview", args={}))
    assert driver.call.state is not State.CLOSED
    driver.client_plays(1_300)
    assert driver.last(ev.CallClosed).reason == "completed"


def test_segments_are_at_most_a_second_and_named_by_their_hash() -> None:
    """All audio of both sides is stored, gapless, and every segment has its event."""
    driver = Driver().asked(3_000)
    driver.happens(inp.HangupRequested(by="candidate", reason=""))
    driver.keeps_silent(3_100)
    assert driver.last(ev.CallSettled).after_close_ms > 2_900
    for side, rate in ((Side.CANDIDATE, 16_000), (Side.INTERVIEWER, 24_000)):
        segments = [s for s in driver.audio_segments() if s.side is side]
        position = 0
        for segment in segments:
            assert segment.first_sample == position
            assert len(segment.pcm) // 2 <= rate
            position += len(segment.pcm) // 2
        assert position
    named = {e.sha256 for e in driver.events if hasattr(e, "sha256")}
    assert named == {s.sha256 for s in driver.audio_segments()}


def test_where_gemini_decides_turns_audio_streams_and_its_interruption_moves_the_state() -> None:
    """No activity signals, everything is streamed, `interrupted` cuts the reply."""
    driver = Driver(Policy(endpoint=EndpointPolicy(turns="gemini"))).connected()
    driver.model_sends(4_000)
    driver.client_plays(1_000)
    driver.speaks(300)
    assert driver.call.state is State.MODEL_SPEAKING
    assert driver.count(fx.OpenActivity) == 0
    assert driver.count(fx.SendCandidateAudio) > 20
    driver.happens(inp.ModelInterruptionReported())
    assert driver.call.state is State.CANDIDATE_SPEAKING
    assert driver.last(ev.BargeInConfirmed).reason == "model"


@pytest.mark.parametrize("phantom_at", [State.LISTENING, State.MODEL_SPEAKING])
def test_a_phantom_interruption_moves_nothing(phantom_at: State) -> None:
    """Gemini reports an interruption that we did not cause: counted, recorded, ignored."""
    driver = Driver().connected()
    driver.model_sends(2_000)
    if phantom_at is State.MODEL_SPEAKING:
        driver.client_plays(300)
    before = sum(driver.call.progress.ignored.values())
    driver.happens(inp.ModelInterruptionReported())
    assert driver.call.state is phantom_at
    assert sum(driver.call.progress.ignored.values()) == before + 1
