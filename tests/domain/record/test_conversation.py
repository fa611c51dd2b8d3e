"""The conversation as it was heard: what a Gemini session that knows nothing is given of a call."""

import pytest

from domain import events as ev
from domain import inputs as inp
from domain.policy import Policy
from domain.ports import Side
from domain.record.conversation import NO_TRANSCRIPT, Conversation, SeedRequest, Turn, seed_turns
from tests.domain.calls import Driver

QUESTION = "one two three four five six seven eight nine ten"


def heard(driver: Driver, without_turn: int = 0, characters: int = 40_000) -> list[tuple[str, str]]:
    """Who said what, without the note before it."""
    turns = given(driver.conversation, without_turn=without_turn, characters=characters)
    return [("model" if turn.side is Side.INTERVIEWER else "user", turn.text) for turn in turns]


def given(conversation: Conversation, *, without_turn: int = 0, characters: int) -> tuple[Turn, ...]:
    """What a new session is given, without the note before it."""
    return seed_turns(conversation, SeedRequest(without_turn, characters, minutes=1))[1:]


def asks(driver: Driver, text: str = QUESTION, ms: int = 1_000) -> None:
    """The interviewer says something, and is heard to the end."""
    driver.happens(inp.ModelTranscribed(text=text))
    driver.model_sends(ms)
    driver.happens(inp.ModelTurnCompleted())
    driver.client_plays(ms + 200)


def answers(driver: Driver, text: str = "Because.") -> None:
    driver.speaks(1_000)
    driver.keeps_silent(700)
    if text:
        driver.happens(inp.CandidateTranscribed(text=text))


def asked(policy: Policy | None = None) -> Driver:
    driver = Driver(policy).connected()
    asks(driver)
    return driver


def test_what_was_heard_and_understood_is_there_in_its_order() -> None:
    """Given two questions and two answers, then they are what was said."""
    driver = asked()
    answers(driver)
    asks(driver, "And how?")
    answers(driver, "Like this.")
    assert heard(driver) == [("model", QUESTION), ("user", "Because."), ("model", "And how?"), ("user", "Like this.")]


def test_of_a_cut_reply_only_the_heard_words_count() -> None:
    """Given an interruption, then the words after it are not there, and what comes late of them
    neither."""
    driver = Driver().connected()
    driver.happens(inp.ModelTranscribed(text=QUESTION))
    driver.model_sends(4_000, complete=False)
    driver.client_plays(1_000)
    answers(driver, "")
    driver.happens(inp.ModelTranscribed(text=" eleven"))
    driver.happens(inp.CandidateTranscribed(text="Wait."))
    assert heard(driver) == [("model", "one two three …"), ("user", "Wait.")]


def test_a_reply_that_was_not_heard_is_not_there() -> None:
    """Given a reply that the candidate spoke over before its first sample, then it was never
    said."""
    driver = asked()
    answers(driver, "I think")
    driver.happens(inp.ModelTranscribed(text="Interesting"))
    driver.model_sends(400)
    driver.speaks(500)
    driver.keeps_silent(700)
    driver.happens(inp.CandidateTranscribed(text="that it works."))
    assert heard(driver) == [("model", QUESTION), ("user", "I think that it works.")]


def test_a_transcript_that_comes_late_has_its_place_before_the_reply() -> None:
    """Given a reply that is heard before the answer's transcript comes, then the answer still
    stands before it."""
    driver = asked()
    answers(driver, "")
    asks(driver, "And how?")
    driver.happens(inp.CandidateTranscribed(text="Because."))
    assert heard(driver) == [("model", QUESTION), ("user", "Because."), ("model", "And how?")]


def test_an_answer_without_a_transcript_was_still_given() -> None:
    """Given a model that transcribes nothing, then the new session learns at least that there was
    an answer."""
    driver = asked()
    answers(driver, "")
    asks(driver, "And how?")
    assert heard(driver)[1] == ("user", NO_TRANSCRIPT)


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        ([("Well", True), ("Well, be", True)], "Well, be"),
        ([("Well", True), ("Well, because.", False)], "Well, because."),
        ([("Well, ", False), ("be", True), ("because.", False)], "Well, because."),
    ],
)
def test_interim_words_count_until_they_are_replaced(pieces: list[tuple[str, bool]], text: str) -> None:
    """Given words that may still change, then the newest of them stand where no others have come."""
    driver = asked()
    driver.speaks(1_000)
    for piece, interim in pieces:
        driver.happens(inp.CandidateTranscribed(text=piece, interim=interim))
    assert heard(driver)[-1] == ("user", text)


def test_the_turn_that_is_given_as_audio_is_left_out() -> None:
    """Given an answer that the new session will hear, then it does not read it as well."""
    driver = asked()
    answers(driver)
    assert heard(driver, without_turn=1) == [("model", QUESTION)]


def a_long_interview() -> Conversation:
    conversation = Conversation()
    for turn in range(1, 21):
        asked_in(conversation, turn, f"Question {turn}?")
        conversation.fold(ev.CandidateStarted(turn=turn, onset_sample=0, onset_at_us=0, from_sample=0, evidence={}))
        conversation.fold(inp.CandidateTranscribed(turn=turn, text=f"Answer {turn}: " + "word " * 100))
    return conversation


def asked_in(conversation: Conversation, generation: int, text: str) -> None:
    """The interviewer says this, and begins to be heard."""
    conversation.fold(ev.ReplyRequested(generation=generation, cause="answer", turn=generation - 1))
    conversation.fold(inp.ModelTranscribed(generation=generation, text=text))
    conversation.fold(ev.ModelStarted(generation=generation, turn=generation - 1, played_at_us=0, evidence={}))


def test_what_is_too_long_loses_old_answers_first_and_no_question() -> None:
    """Given more than fits, then the oldest answers are shortened, the newest are whole, every
    question is there."""
    turns = given(a_long_interview(), characters=8_000)
    assert len(turns) == 40
    assert turns[1].text.startswith("Answer 1: ")
    assert turns[1].text.endswith(" …")
    assert len(turns[-1].text) > 500
    assert sum(len(turn.text) for turn in turns) <= 8_000


def test_what_is_far_too_long_loses_its_beginning() -> None:
    """Given much more than fits, then the oldest turns are left out, and the note says how many."""
    note, *turns = seed_turns(a_long_interview(), SeedRequest(0, 2_000, minutes=1))
    assert f"The first {40 - len(turns)} turns are left out" in note.text
    assert turns[-1].text.startswith("Answer 20: ")
    assert sum(len(turn.text) for turn in turns) <= 2_000
    one_giant = Conversation()
    asked_in(one_giant, 1, "word " * 1_000)
    assert given(one_giant, characters=100)[0].side is Side.INTERVIEWER


def test_nothing_heard_is_nothing() -> None:
    """Given a reply of which no word was heard, then it is no turn."""
    conversation = Conversation()
    asked_in(conversation, 1, "Hello")
    conversation.fold(ev.ReplyCut(generation=1, received_ms=0, sent_ms=0, heard_ms=0, heard_text="", evidence={}))
    assert seed_turns(conversation, SeedRequest(0, 100, minutes=1)) == ()


def test_a_reply_that_has_come_and_waits_to_be_heard_is_the_newest_turn() -> None:
    """Given words that have arrived and were not played yet, then the new session knows them."""
    request = SeedRequest(0, 40_000, minutes=1, arrived_text="And how?")
    assert seed_turns(Conversation(), request)[-1] == Turn(Side.INTERVIEWER, "And how?")


def test_words_that_come_after_the_close_are_not_part_of_it() -> None:
    """Given a transcript that comes within the grace period, then the conversation stays as it
    was."""
    driver = asked()
    answers(driver, "")
    before = heard(driver)
    driver.happens(inp.HangupRequested(by="candidate", reason=""))
    driver.happens(inp.CandidateTranscribed(text="Because."))
    assert heard(driver) == before
