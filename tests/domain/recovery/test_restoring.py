"""A session that is gone: by what the next one comes to know the interview, and what it is still
given of it."""

import pytest

from domain import effects as fx
from domain import events as ev
from domain import inputs as inp
from domain.interview import LOST_CALL, NUDGE, heard_note
from domain.policy import EndpointPolicy, HistoryPolicy, LinkPolicy, Policy
from domain.ports import Side
from domain.record.conversation import Turn
from domain.record.model_session import Rotation
from domain.recovery.replay import differences, fold_all
from domain.states import State
from tests.domain.calls import Driver
from tests.domain.recovery.interview import (
    GEMINI_DECIDES,
    QUESTION,
    answers,
    asked,
    asks,
    dials,
    forget_effects,
    loses,
    regains,
    seeded,
    to_model,
)
from tests.domain.segments import stored

# --- by the handle, or by the conversation ------------------------------------------------------------------------


def test_a_handle_that_stands_for_all_that_was_heard_is_honoured() -> None:
    """Given a loss while the candidate thinks, then the session is resumed, and nothing is seeded or
    asked."""
    driver = asked()
    dialled = loses(driver)
    assert (dialled.handle, dialled.seed) == ("first", ())
    assert not driver.last(ev.LinkLost).fresh
    regains(driver, dialled)
    assert to_model(driver) == []
    assert driver.call.state is State.LISTENING


def test_without_a_handle_a_new_session_is_seeded_with_the_conversation() -> None:
    """Given a first session that died before it gave one, then the next goes on from what was
    heard."""
    driver = asked(handle="")
    dialled = loses(driver)
    assert seeded(dialled) == [f"interviewer: {QUESTION}"]
    assert driver.last(ev.LinkLost).fresh
    assert driver.last(ev.LinkLost).evidence["no_handle"] == 1
    regains(driver, dialled)
    assert to_model(driver) == []
    assert driver.last(inp.ModelConnected).seeded_characters


def test_before_anything_was_heard_there_is_nothing_to_tell() -> None:
    """Given a session that died over its greeting, then the next one greets."""
    driver = Driver().connected()
    driver.model_sends(400, complete=False)
    dialled = loses(driver)
    assert (dialled.handle, dialled.seed) == ("", ())
    regains(driver, dialled)
    assert driver.last(ev.ReplyRequested).cause == "opening"


def test_an_awaited_answer_is_resumed_and_given_again() -> None:
    """Given a loss before the reply began, then the handle from before the answer is good, as the
    answer follows."""
    driver = asked()
    answers(driver)
    answer = driver.call.record.answer
    assert answer is not None
    assert answer.end is not None
    dialled = loses(driver)
    assert dialled.handle == "first"
    regains(driver, dialled)
    again = fx.SendCandidateAudio(answer.from_sample, answer.end.to_sample)
    assert to_model(driver) == [fx.OpenActivity(), again, fx.CloseActivity()]


def test_without_a_handle_an_awaited_answer_is_given_as_audio_and_not_seeded() -> None:
    """Given no handle, then the question is seeded and the answer is given, so that it counts
    once."""
    driver = asked(handle="")
    answers(driver)
    dialled = loses(driver)
    assert seeded(dialled) == [f"interviewer: {QUESTION}"]
    regains(driver, dialled)
    assert [type(effect) for effect in to_model(driver)] == [
        fx.OpenActivity,
        fx.SendCandidateAudio,
        fx.CloseActivity,
    ]


@pytest.mark.parametrize("complete", [True, False])
def test_a_handle_from_before_a_reply_that_is_being_heard_knows_too_little(complete: bool) -> None:
    """Given a loss while a reply is heard, then the next session is seeded with it: the handle would
    forget the answer."""
    driver = asked()
    answers(driver)
    driver.happens(inp.ModelTranscribed(text="And how?"))
    driver.model_sends(1_000, complete=complete)
    driver.client_plays(500)
    dialled = loses(driver)
    assert seeded(dialled) == [f"interviewer: {QUESTION}", "candidate: Because.", "interviewer: And how?"]
    assert driver.last(ev.LinkLost).evidence["handle_behind"] == 1
    regains(driver, dialled)
    assert driver.call.state is State.MODEL_SPEAKING
    driver.client_plays(1_000)
    assert driver.call.state is State.LISTENING
    assert [effect.text for effect in to_model(driver)] == ([] if complete else [NUDGE])


def test_the_handle_that_covers_the_reply_is_good_again() -> None:
    """Given the next handle came before the loss, then that one is used."""
    driver = asked()
    answers(driver)
    asks(driver, handle="second", text="And how?")
    assert loses(driver).handle == "second"


def test_an_answer_that_the_model_passed_over_is_not_lost() -> None:
    """Given a choice to say nothing after the handle was given, then the answer is in the seed of
    the next session."""
    driver = asked()
    answers(driver)
    driver.happens(inp.ModelTurnCompleted(waiting_for_input=True))
    assert driver.call.record.reply is None
    assert seeded(loses(driver)) == [f"interviewer: {QUESTION}", "candidate: Because."]


def test_a_reply_that_has_arrived_is_heard_though_its_session_is_gone() -> None:
    """Given a whole reply of which nothing was played yet, then it is not asked for again: it plays
    on."""
    driver = asked()
    answers(driver)
    driver.happens(inp.ModelTranscribed(text="And how?"))
    driver.model_sends(1_000)
    dialled = loses(driver)
    assert seeded(dialled)[-2:] == ["candidate: Because.", "interviewer: And how?"]
    driver.client_plays(200)
    assert driver.count(fx.SendInterviewerAudio) == 5
    regains(driver, dialled)
    driver.client_plays(1_200)
    assert driver.last(ev.ModelFinished).generation == 2
    assert driver.count(ev.ReplyWithdrawn) == 0
    assert to_model(driver) == []


def test_a_stretch_that_the_handle_does_not_know_is_given_with_the_rest_of_its_turn() -> None:
    """Given a turn of two stretches, when the handle is from before it, then both are given, in one
    window."""
    driver = asked()
    answers(driver, "I think")
    first = driver.call.record.answer
    assert first is not None
    begin = first.from_sample
    driver.speaks(500)
    assert driver.count(ev.ReplyWithdrawn) == 1
    dialled = loses(driver)
    assert dialled.handle == "first"
    regains(driver, dialled)
    sent = [effect for effect in driver.effects if isinstance(effect, fx.SendCandidateAudio)]
    assert sent[0].from_sample == begin
    assert driver.call.state is State.CANDIDATE_SPEAKING


def test_an_answer_goes_along_with_what_was_said_while_its_reply_was_lost() -> None:
    """Given a loss before the reply began, when the candidate says more meanwhile, then both are
    given as one turn."""
    driver = asked()
    answers(driver, "I think")
    first = driver.call.record.answer
    assert first is not None
    dialled = loses(driver)
    driver.speaks(500)
    assert driver.call.state is State.RESUMING
    regains(driver, dialled)
    assert driver.last(ev.ReplyWithdrawn).reason == "candidate_spoke_on"
    assert driver.last(ev.CandidateStarted).turn == first.turn
    sent = [effect for effect in driver.effects if isinstance(effect, fx.SendCandidateAudio)]
    assert sent[0].from_sample == first.from_sample
    assert sent[0].to_sample == driver.call.hearing.next_sample


def test_a_stretch_that_the_handle_knows_is_not_given_twice() -> None:
    """Given a turn of two stretches, when a handle came between them, then only the second one is
    given again."""
    driver = asked()
    answers(driver, "I think")
    first = driver.call.record.answer
    assert first is not None
    assert first.end is not None
    end = first.end.to_sample
    driver.speaks(500)
    driver.happens(inp.ModelTurnCompleted())
    driver.happens(inp.ResumptionHandleIssued(handle="between", resumable=True))
    dialled = loses(driver)
    assert dialled.handle == "between"
    regains(driver, dialled)
    sent = [effect for effect in driver.effects if isinstance(effect, fx.SendCandidateAudio)]
    assert sent[0].from_sample >= end


def test_an_answer_that_the_handle_knows_is_not_given_again() -> None:
    """Given a turn that ended in silence, and its handle, then the next session is asked to go
    on."""
    driver = asked()
    answers(driver)
    driver.happens(inp.ModelTurnCompleted())
    driver.happens(inp.ResumptionHandleIssued(handle="silent", resumable=True))
    dialled = loses(driver)
    assert dialled.handle == "silent"
    regains(driver, dialled)
    assert to_model(driver) == [fx.SendText(NUDGE)]


def test_a_question_that_broke_off_is_not_taken_for_a_new_beginning() -> None:
    """Given half a greeting that was heard, when the session that was to go on dies too, then
    nobody greets again."""
    driver = Driver().connected()
    driver.happens(inp.ModelTranscribed(text="Hello, and"))
    driver.model_sends(1_000, complete=False)
    driver.client_plays(500)
    regains(driver, loses(driver))
    driver.client_plays(800)
    assert to_model(driver) == [fx.SendText(NUDGE)]
    dialled = loses(driver)
    assert seeded(dialled) == ["interviewer: Hello, and"]
    regains(driver, dialled)
    assert to_model(driver) == [fx.SendText(NUDGE)]


def test_a_voice_over_a_reply_that_was_seeded_whole_is_corrected_in_its_window() -> None:
    """Given a session seeded with a reply that was then cut, then its window says what of it was
    heard."""
    driver = asked(handle="")
    answers(driver)
    driver.happens(inp.ModelTranscribed(text=QUESTION))
    driver.model_sends(4_000, complete=False)
    driver.client_plays(1_000)
    dialled = loses(driver)
    assert seeded(dialled)[-1] == f"interviewer: {QUESTION}"
    driver.speaks(1_000)
    regains(driver, dialled)
    cut = driver.last(ev.ReplyCut)
    assert [type(effect) for effect in to_model(driver)][:2] == [fx.OpenActivity, fx.SendNote]
    assert to_model(driver)[1].text == heard_note(cut.heard_text, cut.heard_ms)


def test_a_session_gets_no_note_of_a_reply_that_it_never_made() -> None:
    """Given a reply that died unheard with its session, when the candidate speaks next, then
    nothing refers to it."""
    driver = asked()
    answers(driver)
    driver.model_sends(400, complete=False)
    regains(driver, loses(driver))
    forget_effects(driver)
    driver.speaks(500)
    assert [type(effect) for effect in to_model(driver)][:2] == [fx.OpenActivity, fx.SendCandidateAudio]


# --- refusals -----------------------------------------------------------------------------------------------------


def test_a_refused_handle_is_given_up_at_once_and_costs_no_try() -> None:
    """Given an expired handle, then a fresh session is dialled without waiting, told of the
    conversation."""
    driver = asked()
    assert loses(driver).handle == "first"
    attempt = driver.last(ev.LinkLost).attempt
    dialled = loses(driver, code=1008)
    assert (dialled.handle, dialled.wait_ms, dialled.model) == ("", 0, "first")
    assert seeded(dialled) == [f"interviewer: {QUESTION}"]
    assert driver.last(ev.LinkLost).attempt == attempt
    assert driver.last(ev.LinkLost).evidence["handle_refused"] == 1
    regains(driver, dialled)
    assert loses(driver).handle == ""


def test_a_resumed_session_that_is_closed_as_wrong_is_not_resumed_again() -> None:
    """Given 1008 after a resume, then the next session of the same model begins afresh, told of the
    conversation."""
    driver = asked()
    regains(driver, loses(driver))
    dialled = loses(driver, code=1008)
    assert (dialled.handle, dialled.model) == ("", "first")
    assert seeded(dialled) == [f"interviewer: {QUESTION}"]


def test_the_conversation_goes_with_the_next_model() -> None:
    """Given a fresh session of the first model that is refused, then the second one is told the
    same."""
    driver = asked(handle="")
    first = loses(driver)
    second = loses(driver, code=1007)
    assert (first.model, second.model) == ("first", "second")
    assert seeded(second) == seeded(first) != []
    regains(driver, second)
    assert driver.call.record.session.model == "second"


def test_a_resume_that_hangs_counts_and_the_last_try_is_made_without_the_handle() -> None:
    """Given dials by a handle that come to nothing, then the third does without; a fourth there is
    not."""
    driver = asked()
    tries = [loses(driver) for _ in range(3)]
    assert [each.handle for each in tries] == ["first", "first", ""]
    assert [each.attempt for each in tries] == [1, 2, 3]
    assert [each.wait_ms for each in tries] == [0, 400, 800]
    assert seeded(tries[-1]) == [f"interviewer: {QUESTION}"]
    driver.happens(inp.ModelLost(code=0, reason="lost", retryable=True))
    assert driver.last(ev.CallClosed).reason == "model_unavailable"


def test_a_session_that_was_there_is_followed_at_once_and_one_that_never_was_after_a_wait() -> None:
    """Given sessions that die young, then the next try waits longer each time; after a second of
    life it does not."""
    driver = asked()
    regains(driver, loses(driver))
    driver.keeps_silent(500)
    young = loses(driver)
    regains(driver, young)
    driver.keeps_silent(1_000)
    older = loses(driver)
    assert [(each.attempt, each.wait_ms) for each in (young, older)] == [(2, 400), (3, 0)]


def test_an_empty_handle_never_overwrites_a_good_one() -> None:
    """Given a session that cannot be resumed right now, then the handle from before is kept."""
    driver = asked()
    for resumable in (False, True):
        driver.happens(inp.ResumptionHandleIssued(handle="", resumable=resumable))
    driver.happens(inp.ResumptionHandleIssued(handle="not yet", resumable=False))
    assert loses(driver).handle == "first"


def test_the_seed_is_bounded_by_policy() -> None:
    """Given little room, then the note says that the beginning is left out."""
    policy = Policy(endpoint=EndpointPolicy(strategy="silence"), history=HistoryPolicy(seed_characters=1_000))
    driver = asked(policy, handle="")
    for number in range(4):
        answers(driver, f"Answer {number}: " + "word " * 100)
        asks(driver, "", text=f"Question {number}: " + "what " * 100)
    dialled = loses(driver)
    assert "turns are left out" in dialled.seed[0].text
    assert sum(len(turn.text) for turn in dialled.seed[1:]) <= 1_000
    assert dialled.seed[-1].text.startswith("Question 3")


def test_the_note_says_how_long_the_interview_has_been_going_on() -> None:
    """Where we are is also a matter of time."""
    driver = asked(handle="")
    driver.keeps_silent(130_000)
    assert "going on for 2 minutes" in loses(driver).seed[0].text


# --- where Gemini decides turns -----------------------------------------------------------------------------------


def test_where_gemini_decides_the_stream_begins_again_where_the_answer_did() -> None:
    """Given a loss in mid-answer, then the next session hears the answer from its beginning, and
    goes on hearing."""
    driver = asked(GEMINI_DECIDES)
    driver.speaks(1_000)
    answer = driver.call.record.answer
    assert answer is not None
    dialled = loses(driver)
    driver.speaks(400)
    regains(driver, dialled)
    assert to_model(driver) == [fx.SendCandidateAudio(answer.from_sample, driver.call.hearing.next_sample)]
    driver.speaks(40)
    assert to_model(driver)[-1].to_sample == driver.call.hearing.next_sample


def test_where_gemini_decides_an_awaited_answer_is_streamed_again() -> None:
    """Given a loss before the reply began, then the answer is streamed again with the silence after
    it."""
    driver = asked(GEMINI_DECIDES)
    driver.speaks(1_000)
    driver.keeps_silent(800)
    answer = driver.call.record.answer
    assert answer is not None
    assert answer.end is not None
    assert answer.end.to_sample
    regains(driver, loses(driver))
    assert to_model(driver) == [fx.SendCandidateAudio(answer.from_sample, driver.call.hearing.next_sample)]
    assert driver.last(ev.ReplyRequested).cause == "resent"


def test_where_gemini_decides_nothing_spoken_meanwhile_is_missing() -> None:
    """Given a long outage, then everything since it began is streamed afterwards."""
    driver = asked(GEMINI_DECIDES)
    before = driver.call.delivery.sent_sample
    dialled = loses(driver)
    driver.keeps_silent(20_000)
    driver.speaks(1_000)
    regains(driver, dialled)
    driver.keeps_silent(40)
    sent = [effect for effect in to_model(driver) if isinstance(effect, fx.SendCandidateAudio)]
    assert sent[0].from_sample == before
    assert sent[-1].to_sample >= driver.call.hearing.next_sample - 640


# --- function calls that were lost --------------------------------------------------------------------------------


def calls_a_function(driver: Driver, name: str = "other") -> None:
    driver.happens(inp.ToolCallRequested(tool_call_id="t1", name=name, args={}))


def ask_and_call(driver: Driver, handle: str) -> None:
    driver.happens(inp.ModelTranscribed(text="And how?"))
    driver.model_sends(400)
    calls_a_function(driver)
    driver.happens(inp.ModelTurnCompleted())
    if handle:
        driver.happens(inp.ResumptionHandleIssued(handle=handle, resumable=True))
    driver.client_plays(600)


def test_a_tool_call_in_the_handle_is_answered_with_an_error_before_anything_else() -> None:
    """Given a loss shortly after a function call, then the resumed session does not wait for its
    answer."""
    driver = asked()
    answers(driver)
    ask_and_call(driver, "second")
    driver.speaks(500)
    regains(driver, loses(driver))
    assert to_model(driver)[0] == fx.AnswerTool("t1", "other", {"error": LOST_CALL})
    assert to_model(driver)[1] == fx.OpenActivity()


def test_a_tool_call_that_is_not_in_the_handle_is_nobodys() -> None:
    """Given a loss before a handle that covers the call, then the session that is dialled knows
    nothing of it."""
    driver = asked()
    answers(driver)
    ask_and_call(driver, "")
    dialled = loses(driver)
    assert dialled.handle == ""
    regains(driver, dialled)
    assert to_model(driver) == []


@pytest.mark.parametrize("how", ["cancelled", "answered"])
def test_a_call_that_is_over_is_not_answered_again(how: str) -> None:
    """Given Gemini took it back, or has made a reply since it was answered, then there is nothing
    to answer."""
    driver = asked()
    answers(driver)
    ask_and_call(driver, "second")
    if how == "cancelled":
        driver.happens(inp.ToolCallsCancelled(tool_call_ids=("t1",)))
    else:
        answers(driver)
        asks(driver, "third")
    regains(driver, loses(driver))
    assert driver.call.record.session.tool_calls == ()
    assert to_model(driver) == []


# --- has it its context ---------------------------------------------------------------------------------------------


def bills(driver: Driver, tokens: int) -> None:
    driver.happens(inp.UsageReported(usage={"promptTokenCount": tokens}))


def billed(handle: str = "second") -> Driver:
    """Two questions were heard; the model's second turn was made from 3,000 tokens, its first from
    300."""
    driver = asked()
    bills(driver, 300)
    answers(driver)
    bills(driver, 3_000)
    asks(driver, handle, "And how? " * 200)
    return driver


@pytest.mark.parametrize(("tokens", "verdict"), [(3_100, "kept"), (400, "lost")])
def test_the_first_usage_shows_whether_a_resumed_session_has_its_context(tokens: int, verdict: str) -> None:
    """Given a handle that was accepted, then how much the model reads says whether the state was
    restored."""
    driver = billed()
    regains(driver, loses(driver))
    bills(driver, tokens)
    predicted = driver.last(ev.ModelHistoryVerified)
    assert (predicted.method, predicted.verdict) == ("handle", verdict)
    assert predicted.evidence["expected_tokens"] == 2_700
    bills(driver, tokens)
    assert driver.count(ev.ModelHistoryVerified) == 1


def test_what_the_session_was_given_since_proves_nothing() -> None:
    """Given a long answer after the resume, then its tokens are not taken for a context."""
    driver = billed()
    regains(driver, loses(driver))
    driver.speaks(60_000)
    bills(driver, 300 + 60 * 25)
    assert driver.last(ev.ModelHistoryVerified).verdict == "lost"


@pytest.mark.parametrize(("tokens", "verdict"), [(800, "kept"), (300, "lost")])
def test_the_first_usage_of_a_seeded_session_shows_whether_it_has_read_the_seed(tokens: int, verdict: str) -> None:
    """Given a seed of some 450 tokens, then the bill says whether it was taken in."""
    driver = billed(handle="")
    dialled = loses(driver)
    assert dialled.seed
    regains(driver, dialled)
    bills(driver, tokens)
    predicted = driver.last(ev.ModelHistoryVerified)
    assert (predicted.method, predicted.verdict) == ("seed", verdict)
    assert driver.call.state is State.LISTENING


def test_a_short_conversation_proves_nothing_by_being_missing() -> None:
    """Given hardly any context, then the verdict is that nobody knows."""
    driver = asked()
    bills(driver, 300)
    regains(driver, loses(driver))
    bills(driver, 310)
    assert driver.last(ev.ModelHistoryVerified).verdict == "unknown"


def test_a_resumed_session_without_its_context_is_left_for_a_seeded_one() -> None:
    """Given an interviewer that begins again, then at the next quiet moment it is told where the
    interview stands."""
    driver = billed()
    regains(driver, loses(driver))
    answers(driver, "Like this.")
    driver.happens(inp.ModelTranscribed(text="Hello, and welcome."))
    driver.model_sends(400)
    bills(driver, 420)
    driver.happens(inp.ModelTurnCompleted())
    driver.happens(inp.ResumptionHandleIssued(handle="amnesic", resumable=True))
    driver.client_plays(600)
    assert driver.call.state is State.RESUMING
    dialled = dials(driver)[-1]
    assert dialled.handle == ""
    assert seeded(dialled)[-2:] == ["candidate: Like this.", "interviewer: Hello, and welcome."]
    assert driver.last(ev.LinkLost).reason == "history_lost"
    regains(driver, dialled)
    assert driver.call.state is State.LISTENING
    assert driver.call.record.session.rotation is Rotation.NONE


# --- the log ------------------------------------------------------------------------------------------------------


def test_live_replay_and_fold_agree() -> None:
    """Given losses of all kinds, then the log decides the same again and folds to the same
    record."""
    driver = billed()
    regains(driver, loses(driver))
    bills(driver, 3_100)
    driver.speaks(600)
    regains(driver, loses(driver, code=1008))
    driver.keeps_silent(800)
    calls_a_function(driver)
    driver.model_sends(400, complete=False)
    driver.client_plays(200)
    regains(driver, loses(driver))
    driver.happens(inp.HangupRequested(by="candidate", reason=""))
    driver.happens(inp.ClientLost(reason="1000"))
    assert list(differences(driver.events, stored(driver))) == []
    assert fold_all(driver.events).record == driver.call.record


def test_a_policy_with_one_try_keeps_its_handle() -> None:
    """Given a single try, then the first loss of a healthy session still uses the handle."""
    policy = Policy(endpoint=EndpointPolicy(strategy="silence"), links=LinkPolicy(dial_attempts=1))
    assert loses(asked(policy)).handle == "first"


def test_turns_are_plain_values() -> None:
    """So that an effect that carries them can be compared and shown."""
    assert Turn(Side.CANDIDATE, "x") == (Side.CANDIDATE, "x")
