"""Read models fed by the core itself: whatever can happen to a call can be projected."""

from typing import Any, cast
from uuid import uuid4

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.postgres.store import PostgresStore
from domain import events as ev
from domain import inputs as inp
from domain.call import Call
from domain.event import Event
from domain.policy import EndpointPolicy, Policy
from domain.record.fold import fold
from domain.states import State
from tests.domain.calls import Driver
from tests.domain.inputs_strategy import happenings
from tests.projections.conftest import catch_up
from tests.projections.story import append

POLICIES = [Policy(), Policy(endpoint=EndpointPolicy(turns="gemini"))]


async def record(store: PostgresStore, events: list[Event]) -> Any:
    """Record the events under a new call, whose id is returned."""
    call_id = uuid4()
    own = [msgspec.structs.replace(event, originator_id=call_id) for event in events]
    await append(store, call_id, "acme", [store.mapper.to_stored_event(event) for event in own])
    return call_id


MOVES = ("speaks", "keeps_silent", "model_sends", "client_plays", "speaks")
"""What people do in one round of a conversation, each for some ms or not at all; in between,
anything may happen."""
DURATIONS = st.tuples(
    *(st.sampled_from(choices) for choices in ((0, 800), (0, 1_500), (0, 1_600, 1_600), (0, 400, 400), (100, 200, 800)))
)


def random_calls(count: int) -> list[list[Event]]:
    """What `count` calls emitted in which people spoke and anything else happened in any order."""
    calls: list[list[Event]] = []

    @settings(
        max_examples=count, deadline=None, database=None, derandomize=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )  # fmt: skip
    @given(st.sampled_from(POLICIES), st.lists(st.tuples(DURATIONS, happenings), min_size=1, max_size=3))
    def tell(policy: Policy, rounds: list[Any]) -> None:
        driver = Driver(policy).asked()
        for durations, run in rounds:
            for move, ms in zip(MOVES, durations, strict=True):
                getattr(driver, move)(ms)
            for inputs, after_us in run[:2]:
                for happened in inputs:
                    driver.happens(happened, after_us)
        calls.append(driver.events)

    tell()
    return calls


def beginnings(events: list[Event]) -> dict[State, tuple[int, int]]:
    """For each state the call was in: how many events lead to its last event there, and how many
    turns."""
    record = Call(cast("ev.CallOpened", events[0])).record
    found = {record.state: (1, record.turn)}
    for count, event in enumerate(events[1:], start=2):
        record = fold(record, event)
        found[record.state] = (count, record.turn)
    return found


async def test_whatever_the_core_emits_can_be_projected(store: PostgresStore) -> None:
    """Given calls to which anything happened, nothing is parked, and each row agrees with the
    core's own fold."""
    expected = {
        await record(store, events[:count]): (state, turns, count)
        for events in random_calls(40)
        for state, (count, turns) in beginnings(events).items()
    }
    await catch_up(store)
    letters = await store.pool.fetch("SELECT projection, topic, reason FROM dead_letters ORDER BY notification_id")
    assert [tuple(row) for row in letters] == []
    rows = await store.pool.fetch("SELECT call_id, state, turns, last_version FROM calls")
    assert {row["call_id"]: (row["state"], row["turns"], row["last_version"]) for row in rows} == expected
    assert {state for state, _, _ in expected.values()} == set(State)


async def test_an_interview_held_by_the_core(store: PostgresStore) -> None:
    """Given a question, an answer and an interruption driven through the core, lines and measures
    are those of it."""
    driver = Driver().asked()
    driver.speaks(1_000)
    driver.keeps_silent(700)
    driver.happens(inp.ModelTranscribed(text="one two three four"), 300_000)
    driver.model_sends(4_000)
    driver.happens(inp.CandidateTranscribed(text="My answer."))
    driver.client_plays(1_000)
    driver.speaks(1_000)
    call_id = await record(store, driver.events)
    await catch_up(store)

    lines = await store.pool.fetch(
        "SELECT who, said, outcome FROM viva_transcript WHERE call_id = $1 ORDER BY turn, who, number", call_id
    )
    cut = driver.last(ev.ReplyCut)
    assert [tuple(line) for line in lines] == [
        ("interviewer", "", "finished"),
        ("candidate", "My answer.", "finished"),
        ("interviewer", cut.heard_text, "cut"),
        ("candidate", "", "speaking"),
    ]
    measured = await store.pool.fetchrow("SELECT * FROM viva_latency WHERE call_id = $1 AND turn = 1", call_id)
    seen = driver.last(ev.ModelStarted)
    assert measured["response_latency_ms"] == (seen.played_at_us - seen.evidence["voice_end_at_us"]) / 1_000
    assert measured["endpoint_delay_ms"] == 700
    barge_in = await store.pool.fetchrow("SELECT * FROM viva_barge_ins WHERE call_id = $1", call_id)
    confirmed = driver.last(ev.BargeInConfirmed)
    assert barge_in["yield_latency_ms"] == (confirmed.at_us - confirmed.onset_at_us) / 1_000
    assert 0 < barge_in["hold_latency_ms"] < barge_in["yield_latency_ms"]
