"""Being told, beside the candidate's voice, what of a reply was heard: taken for a note, and
remembered."""

import pytest
from google.genai import types

from adapters.rehearsal import RehearsalServer
from adapters.rehearsal.session.history import History, Turn
from adapters.rehearsal.session.notes import Heard, heard_of_last_reply
from domain.interview import NUDGE, OPENING, heard_note
from tests.adapters.rehearsal.dialogue import Dialogue, dial, quick, recording

pytestmark = pytest.mark.simulated


@pytest.mark.parametrize("heard", ["", "Hello", 'She said "yes", and then', "two\nlines", "[brackets]", "Ünï—ç"])
def test_the_words_that_were_heard_are_read_back(heard: str) -> None:
    """What Viva writes, whatever the words hold, the rehearsal reads."""
    assert heard_of_last_reply(heard_note(heard, 1_000 if heard else 0)) == Heard(heard)


def test_without_words_the_time_is_read_back() -> None:
    """Given a reply that had no transcript yet, the note says for how long it was heard, to a tenth
    of a second."""
    assert heard_of_last_reply(heard_note("", 1_260)) == Heard(ms=1_300)


@pytest.mark.parametrize("text", ["", OPENING, NUDGE, "Of your last reply I heard little.", "[Note] by the way"])
def test_other_texts_are_no_notes(text: str) -> None:
    """What a user types is not taken for a note."""
    assert heard_of_last_reply(text) is None


def test_a_correction_changes_the_words_of_the_last_reply_alone() -> None:
    """Its audio stays, and is billed; what a recording stood in for is not kept as said."""
    turns = [Turn("model", "one", 1_000), Turn("model", "two, three", 2_000, "two"), Turn("user", "hm", 300)]
    history = History("Interview.", turns)
    billed = history.prompt_tokens()

    history.correct(Heard("two"))

    assert history.turns == [turns[0], Turn("model", "two", 2_000), turns[2]]
    assert history.prompt_tokens() == billed


@pytest.mark.parametrize(
    ("ms", "words"), [(0, ""), (400, ""), (500, "one"), (1_900, "one two three"), (9_000, "one two three four")]
)
def test_a_correction_by_time_keeps_so_much_of_the_words(ms: int, words: str) -> None:
    """Given two seconds of four words, those are kept that were over by then."""
    history = History("Interview.", [Turn("model", "one two three four", 2_000)])
    history.correct(Heard(ms=ms))
    assert history.turns[0].text == words


def test_without_a_reply_there_is_nothing_to_correct() -> None:
    """A note to a session that has not spoken changes nothing."""
    history = History("Interview.", [Turn("user", "hm", 300)])
    history.correct(Heard())
    assert history.turns == [Turn("user", "hm", 300)]


async def answer_with(dialogue: Dialogue, note: str) -> None:
    """A window with a note at its beginning, and an answer."""
    await dialogue.session.send_realtime_input(activity_start=types.ActivityStart())
    await dialogue.session.send_realtime_input(text=note)
    await dialogue.send(recording("answer_1"))
    await dialogue.session.send_realtime_input(activity_end=types.ActivityEnd())


async def test_a_question_that_was_sent_but_not_heard_is_asked_again() -> None:
    """Given the first question was sent whole, and a note that only the greeting was heard, it is
    asked again."""
    async with RehearsalServer(quick()) as server, dial(server, output_audio_transcription={}) as dialogue:
        await dialogue.begin()
        await answer_with(dialogue, heard_note("Hello, and welcome.", 900))
        await dialogue.until_turns(2)

        turns = server.sessions[-1].history[1:]  # the first asked it to begin
        assert [turn.role for turn in turns] == ["model", "user", "model"]
        assert turns[0].text == "Hello, and welcome."
        assert "".join(dialogue.said()).endswith("Who are you?")


async def test_without_the_note_the_next_question_follows() -> None:
    """Given the same course and nothing said of what was heard, the interviewer takes its question
    for heard."""
    async with RehearsalServer(quick()) as server, dial(server, output_audio_transcription={}) as dialogue:
        await dialogue.begin()
        await dialogue.window(recording("answer_1"))
        await dialogue.until_turns(2)

        assert server.sessions[-1].history[1].text == "Hello, and welcome. Who are you?"
        assert "".join(dialogue.said()).endswith("What do you do?")


async def test_a_note_alone_is_no_answer() -> None:
    """Given a window with a note and hardly a sound, the candidate is asked to go on, and the note
    is no turn."""
    async with RehearsalServer(quick()) as server, dial(server, output_audio_transcription={}) as dialogue:
        await dialogue.begin()
        await dialogue.session.send_realtime_input(activity_start=types.ActivityStart())
        await dialogue.session.send_realtime_input(text=heard_note("", 0))
        await dialogue.send(bytes(640))
        await dialogue.session.send_realtime_input(activity_end=types.ActivityEnd())
        await dialogue.until_turns(2)

        turns = server.sessions[-1].history[1:]
        assert [turn.role for turn in turns] == ["model", "user", "model"]
        assert [bool(turn.audio_ms) for turn in turns] == [True] * 3
        assert "go on" in "".join(dialogue.said())
