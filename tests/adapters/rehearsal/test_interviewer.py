"""What the interviewer asks and says, given its instruction and its context."""

import pytest

from adapters.rehearsal.interviewer.interviewer import next_line
from adapters.rehearsal.interviewer.questions import DEFAULT_QUESTIONS, find_questions
from adapters.rehearsal.interviewer.topic import topic_of
from adapters.rehearsal.session.history import Turn
from adapters.rehearsal.wire.setup import Function

pytestmark = pytest.mark.simulated

INSTRUCTION = "1. Who?\n2. Why?\n"
BEGUN = [Turn("user", "Begin."), Turn("model", "Hello, and welcome. Who?", 2_000)]


@pytest.mark.parametrize(
    ("instruction", "questions"),
    [
        (
            "You are kind. Questions:\n1. What is A?\n2) Tell me about B.\n\nStay kind. Is that clear?",
            ("What is A?", "Tell me about B."),
        ),
        ("Ask these:\n- Why A?\n- How B?\n- be brief\n", ("Why A?", "How B?")),
        ("## Interview questions\n\n* What is **yours**?\n* Where?\n", ("What is yours?", "Where?")),
        ("Be kind.\nWhat is A?\nWhat is B?\n", ("What is A?", "What is B?")),
        ("Q1: Why A?\nQ2: Why B?", ("Why A?", "Why B?")),
        ("Be kind. Why are you here? After that, where to?", ("Why are you here?", "After that, where to?")),
        ("Be kind.", DEFAULT_QUESTIONS),
        ("", DEFAULT_QUESTIONS),
    ],
)
def test_questions_are_found_in_any_layout(instruction: str, questions: tuple[str, ...]) -> None:
    """Given an instruction, when its questions are looked for, then they come in order and without
    their bullets."""
    assert find_questions(instruction) == questions


def test_it_greets_before_it_asks() -> None:
    """Given nothing was said, when it begins, then a greeting carries the first question."""
    assert next_line(INSTRUCTION, [Turn("user", "Begin.")]).text == "Hello, and welcome. Who?"


def test_it_mentions_what_was_said() -> None:
    """Given a known answer, when it goes on, then it names something of the answer before the next
    question."""
    line = next_line(INSTRUCTION, [*BEGUN, Turn("user", "I mostly build distributed databases.", 4_000)])
    assert "distributed databases" in line.text
    assert line.text.endswith("Why?")


def test_it_thanks_plainly_for_what_it_could_not_understand() -> None:
    """Given only a statement of speech, when it goes on, then it does not pretend to have
    understood."""
    line = next_line(INSTRUCTION, [*BEGUN, Turn("user", "[rehearsal: 4.0 s of speech]", 4_000)])
    assert "rehearsal" not in line.text
    assert line.text.endswith("Why?")


def test_its_acknowledgements_vary() -> None:
    """Given six questions, when all are answered alike, then the acknowledgements are not all
    alike."""
    instruction = "".join(f"{number}. Is it {number}?\n" for number in range(1, 7))
    turns, openings = [Turn("user", "Begin.")], set()
    for _ in range(6):
        line = next_line(instruction, turns).text
        openings.add(line.split(".")[0])
        turns += [Turn("model", line, 2_000), Turn("user", "I like gardening.", 2_000)]
    assert len(openings) >= 4


def test_a_short_sound_is_not_an_answer() -> None:
    """Given 300 ms of sound, when it goes on, then it asks to go on; two of them together are an
    answer."""
    sound = Turn("user", "Uh-huh.", 300)
    assert "go on" in next_line(INSTRUCTION, [*BEGUN, sound]).text
    assert next_line(INSTRUCTION, [*BEGUN, sound, sound]).text.endswith("Why?")


def test_a_wordless_nudge_repeats_the_question() -> None:
    """Given a typed turn without a word, when it goes on, then the open question is asked again."""
    assert next_line(INSTRUCTION, [*BEGUN, Turn("user", ".")]).text.endswith("Who?")


def test_a_question_that_was_cut_off_counts_as_not_asked() -> None:
    """Given the question's end was never sent, when it goes on, then it is asked again."""
    turns = [Turn("user", "Begin."), Turn("model", "Hello, and", 500), Turn("user", "Wait, please.", 900)]
    assert next_line(INSTRUCTION, turns).text.endswith("Who?")


def test_it_closes_once_and_calls_what_ends_the_interview() -> None:
    """Given every question was answered, when it goes on, then goodbye, and the ending function
    once."""
    functions = (Function("send_calendar"), Function("finishCall"))
    turns = [*BEGUN, Turn("user", "Ann.", 900), Turn("model", "I see. Why?", 900), Turn("user", "Because.", 900)]
    closing = next_line(INSTRUCTION, turns, functions)
    after = next_line(INSTRUCTION, [*turns, Turn("model", closing.text, 900), Turn("user", "Wait!", 900)], functions)

    assert closing.text.endswith("Goodbye.")
    assert closing.call == Function("finishCall")
    assert (after.call, "finished" in after.text) == (None, True)


@pytest.mark.parametrize(
    ("answer", "topic"),
    [
        ("It is about compilers.", "compilers"),
        ("Uh, yeah, well.", ""),
        ("", ""),
        ("I run large-scale tests.", "large-scale tests"),
    ],
)
def test_the_topic_is_a_word_of_substance(answer: str, topic: str) -> None:
    """Given an answer, when its topic is looked for, then fillers do not count."""
    assert topic_of(answer) == topic
