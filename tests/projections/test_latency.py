"""The measures of replies and barge-ins."""

from datetime import date
from typing import Any

from adapters.postgres.store import PostgresStore
from domain import events as ev
from tests.projections.conftest import catch_up
from tests.projections.story import Story, interview


async def rows(store: PostgresStore, story: Story, query: str) -> list[tuple[Any, ...]]:
    """What `query` gives for the call, after every event so far was recorded and projected."""
    await story.record(store)
    await catch_up(store)
    return [tuple(row) for row in await store.pool.fetch(query, story.call_id)]


REPLIES = """
SELECT generation, cause, endpoint_delay_ms, model_first_audio_ms, playout_ms, response_latency_ms
FROM viva_latency WHERE call_id = $1 ORDER BY generation
"""
BARGE_INS = """
SELECT outcome, reason, turn, hold_latency_ms, yield_latency_ms, confirm_delay_ms, held_time_ms
FROM viva_barge_ins WHERE call_id = $1 ORDER BY onset_at_ms
"""


async def test_each_reply_is_measured_against_its_answer(store: PostgresStore) -> None:
    """Given an interview, response latency is the sum of its parts; the opening answers nothing."""
    assert await rows(store, interview(), REPLIES) == [
        (1, "opening", None, None, 50, None),
        (2, "answer", 700, 500, 60, 1_260),
        (3, "answer", 700, 800, 100, 1_600),
    ]


async def test_an_answer_in_two_stretches_is_measured_from_the_last(store: PostgresStore) -> None:
    """Given a reply that was given up, only the one that was heard has measures."""
    story = Story().opened().connected().started(1_000, 1, 900).stopped(2_000, 1, 1_300).asked(2_000, 1, 1)
    story.tell(2_100, ev.ReplyWithdrawn, generation=1, reason="candidate_spoke_on").started(2_100, 1, 2_050)
    story.stopped(3_500, 1, 2_800).asked(3_500, 2, 1).played(4_000, 2, 1, "Heard.", 4_080)
    assert await rows(store, story, REPLIES) == [
        (1, "answer", None, None, None, None),
        (2, "answer", 700, 500, 80, 1_280),
    ]


async def test_a_second_reply_in_a_turn_has_no_response_latency(store: PostgresStore) -> None:
    """Given a model that speaks again unasked, the candidate was not waiting for it."""
    story = Story().opened().connected().started(1_000, 1, 900).stopped(2_000, 1, 1_300)
    story.asked(2_000, 1, 1).played(2_500, 1, 1, "One.", 2_550).finished(3_000, 1)
    story.asked(9_000, 2, 1, "unprompted").played(9_000, 2, 1, "Two.", 9_050)
    found = await rows(store, story, REPLIES)
    assert [row[-1] for row in found] == [1_250, None]


async def test_barge_ins_are_measured_from_the_onset(store: PostgresStore) -> None:
    """Given an "uh-huh" and an interruption, each has its latencies."""
    assert await rows(store, interview(), BARGE_INS) == [
        ("dismissed", "silence", None, 80, None, 440, 360),
        ("confirmed", "voiced", 2, 70, 480, 480, None),
    ]


async def test_where_gemini_decides_nothing_is_held(store: PostgresStore) -> None:
    """Given an interruption that the model reported, it is confirmed without a suspicion."""
    story = Story().opened().connected().asked(100, 1, 0, "opening").played(600, 1, 0, "Hello.")
    story.confirmed(1_500, 1, 1, 900, "model")
    assert await rows(store, story, BARGE_INS) == [("confirmed", "model", 1, None, 600, 600, None)]


async def test_a_suspicion_at_the_end_stays_undecided(store: PostgresStore) -> None:
    """Given a call that ends during a suspicion, it has an outcome of its own."""
    story = Story().opened().connected().asked(100, 1, 0, "opening").played(600, 1, 0, "Hello.")
    story.suspected(700, 1, 660).closed(710)
    assert await rows(store, story, BARGE_INS) == [("undecided", None, None, 40, None, None, None)]


async def test_the_summary_has_percentiles_by_agent_and_day(store: PostgresStore) -> None:
    """Given calls of two agents on two days, each agent's day has a row of its own."""
    for agent, opened_at in (
        ("ada", "2026-11-22T09:00:00Z"),
        ("ada", "2026-11-22T23:59:00Z"),
        ("bob", "2026-11-23T00:01:00Z"),
    ):
        await interview(agent=agent, opened_at=opened_at).record(store)
    await Story(agent="eve").opened().connected().record(store)
    await catch_up(store)
    found = await store.pool.fetch("SELECT * FROM viva_latency_summary ORDER BY agent")
    assert [(row["agent"], row["day"], row["replies"]) for row in found] == [
        ("ada", date(2026, 11, 22), 4),
        ("bob", date(2026, 11, 23), 2),
    ]
    ada = found[0]
    assert ada["response_latency_p50_ms"] == 1_430
    assert ada["response_latency_p90_ms"] == 1_600
    assert (ada["barge_ins_confirmed"], ada["barge_ins_dismissed"]) == (2, 2)
    assert (ada["hold_latency_p50_ms"], ada["yield_latency_p99_ms"], ada["held_time_p90_ms"]) == (75, 480, 360)
