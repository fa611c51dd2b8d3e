"""The lines of a call."""

from typing import Any

from adapters.postgres.store import PostgresStore
from domain import events as ev
from domain import inputs as inp
from tests.projections.conftest import catch_up
from tests.projections.story import Story, interview


async def lines(store: PostgresStore, story: Story, columns: str) -> list[tuple[Any, ...]]:
    """The call's lines in order, after every event so far was recorded and projected."""
    await story.record(store)
    await catch_up(store)
    rows = await store.pool.fetch(
        f"SELECT {columns} FROM viva_transcript WHERE call_id = $1 ORDER BY turn, who, number", story.call_id
    )
    return [tuple(row) for row in rows]


async def test_an_interview_reads_in_order(store: PostgresStore) -> None:
    """Given an interview whose transcripts came late, every line stands in its place."""
    assert await lines(store, interview(), "who, number, said, started_at_ms, ended_at_ms, outcome") == [
        ("interviewer", 1, "Hello Grace, why?", 650, 2_000, "finished"),
        ("candidate", 1, "Because of the moth.", 2_500, 4_000, "finished"),
        ("interviewer", 2, "I see. And", 5_260, 6_480, "cut"),
        ("candidate", 2, "Nothing.", 6_000, 7_400, "finished"),
        ("interviewer", 3, "Goodbye.", 9_000, 10_000, "finished"),
    ]


async def test_a_cut_reply_keeps_what_was_said_and_what_was_heard(store: PostgresStore) -> None:
    """Given an interruption, the reply tells both texts, and the answer that it was cut by."""
    found = await lines(store, interview(), "full_text, heard_text, heard_ms, interrupted, barge_in")
    assert found[2] == ("I see. And what came after that?", "I see. And", 810, True, False)
    assert found[3] == ("Nothing.", None, None, False, True)


async def test_an_interim_text_is_replaced(store: PostgresStore) -> None:
    """Given interim texts, each stands until the next piece comes, and a final one stays."""
    story = Story().opened().connected().started(1_000, 1, 900)
    story.tell(1_100, inp.CandidateTranscribed, text="I", turn=1)
    story.tell(1_200, inp.CandidateTranscribed, text=" wish", interim=True, turn=1)
    story.tell(1_300, inp.CandidateTranscribed, text=" worked", interim=True, turn=1)
    assert await lines(store, story, "said, provisional, outcome") == [("I worked", True, "speaking")]
    story.tell(1_400, inp.CandidateTranscribed, text=" work", turn=1)
    assert await lines(store, story, "said, provisional, outcome") == [("I work", False, "speaking")]


async def test_a_transcript_after_the_reply_began_still_stands_before_it(store: PostgresStore) -> None:
    """Given an answer whose only transcript comes after its reply was played, it is the first of
    the two lines."""
    story = Story().opened().connected().started(1_000, 1, 900).stopped(2_000, 1, 1_300)
    story.asked(2_000, 1, 1).played(2_500, 1, 1, "Right.").finished(3_000, 1)
    story.tell(3_100, inp.CandidateTranscribed, text="Late.", turn=1)
    assert await lines(store, story, "who, said") == [("candidate", "Late."), ("interviewer", "Right.")]


async def test_a_reply_that_nobody_heard_is_no_line(store: PostgresStore) -> None:
    """Given a reply given up because the candidate spoke on, there is one answer, then the reply to
    it."""
    story = Story().opened().connected().started(1_000, 1, 900).stopped(2_000, 1, 1_300).asked(2_000, 1, 1)
    story.tell(2_100, inp.ModelTranscribed, text="Unheard.", generation=1)
    story.tell(2_200, ev.ReplyWithdrawn, generation=1, reason="candidate_spoke_on").started(2_200, 1, 2_150)
    story.stopped(3_500, 1, 2_800).asked(3_500, 2, 1).played(4_000, 2, 1, "Heard.")
    assert await lines(store, story, "who, said, started_at_ms, ended_at_ms") == [
        ("candidate", "", 900, 2_800),
        ("interviewer", "Heard.", 4_050, None),
    ]


async def test_the_end_of_the_call_ends_its_lines(store: PostgresStore) -> None:
    """Given a call that closes in the middle of a reply, the line ends with it."""
    story = Story().opened().connected().asked(100, 1, 0, "opening").played(600, 1, 0, "Hel").closed(800)
    assert await lines(store, story, "said, ended_at_ms, outcome") == [("Hel", 800, "call_ended")]


async def test_text_of_no_known_reply_is_kept(store: PostgresStore) -> None:
    """Given a transcript that could be attributed to no reply, it is a line of its own; NUL does
    not stop it."""
    story = Story().opened().connected().started(1_000, 1, 900)
    story.tell(1_100, inp.ModelTranscribed, text="Stray\0 words").closed(1_200)
    assert await lines(store, story, "who, said, outcome") == [
        ("candidate", "", "call_ended"),
        ("interviewer", "Stray\ufffd words", "unattributed"),
    ]


async def test_an_interruption_at_the_very_end_cuts_nothing(store: PostgresStore) -> None:
    """Given a barge-in confirmed because the reply had run out meanwhile, the reply was heard in
    full."""
    story = Story().opened().connected().asked(100, 1, 0, "opening").played(600, 1, 0, "Hello.")
    story.suspected(700, 1, 660).confirmed(900, 1, 1, 660, "played_out")
    assert await lines(store, story, "who, said, outcome, ended_at_ms, interrupted, barge_in") == [
        ("interviewer", "Hello.", "finished", 900, False, False),
        ("candidate", "", "speaking", None, False, True),
    ]


async def test_a_cut_reply_that_is_given_up_stays_in_the_transcript(store: PostgresStore) -> None:
    """Given a reply that was playing when the links were lost and was given up after, what was
    heard of it stays."""
    story = Story().opened().connected().asked(100, 1, 0, "opening").played(600, 1, 0, "Hello there.")
    cut = {"received_ms": 900, "sent_ms": 500, "heard_ms": 400, "heard_text": "Hello"}
    story.tell(1_000, ev.ReplyCut, generation=1, **cut)
    story.tell(1_000, ev.ReplyWithdrawn, generation=1, reason="candidate_spoke_on").started(1_000, 1, 900)
    assert await lines(store, story, "said, outcome, ended_at_ms") == [("Hello", "cut", 1_000), ("", "speaking", None)]
