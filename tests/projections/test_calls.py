"""The table of calls."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from adapters.postgres.store import PostgresStore
from domain import events as ev
from domain import inputs as inp
from domain.interview import Candidate
from domain.states import Link
from tests.projections.conftest import catch_up
from tests.projections.story import Story, interview


async def call(store: PostgresStore, story: Story) -> dict[str, Any]:
    """The call's row, after every event so far was recorded and projected."""
    await story.record(store)
    await catch_up(store)
    return dict(await store.pool.fetchrow("SELECT * FROM viva_calls WHERE call_id = $1", story.call_id))


async def test_an_interview_becomes_one_row(store: PostgresStore) -> None:
    """Given a whole interview, its row has who, how it ended, and every count."""
    story = interview()
    row = await call(store, story)
    assert msgspec.json.decode(row.pop("tokens")) == {
        "prompt": {"AUDIO": 200, "TEXT": 40},
        "response": {"AUDIO": 80},
    }
    assert row == {
        "call_id": story.call_id,
        "tenant": "acme",
        "agent": "ada",
        "candidate_reference": "c-17",
        "candidate_name": "Grace Hopper",
        "role": "Engineer",
        "language": "en-GB",
        "opened_at": datetime(2026, 11, 22, 9, tzinfo=UTC),
        "state": "closed",
        "closed_reason": "completed",
        "closed_detail": "The interview is over.",
        "duration_ms": 10_500.0,
        "turns": 2,
        "barge_ins_confirmed": 1,
        "barge_ins_dismissed": 1,
        "model": "gemini-3.8-live",
        "round_trip_p50_ms": 40.0,
        "client_losses": 0,
        "model_losses": 0,
        "last_version": len(story.events),
    }


async def test_a_nul_in_what_people_wrote_hides_no_call(store: PostgresStore) -> None:
    """Given a NUL, which JSON allows and Postgres does not keep, in a name and in a hangup's
    reason, there is a row."""
    story = Story().opened()
    (opened,) = story.events
    story.events = [msgspec.structs.replace(opened, candidate=Candidate(name="Gr\x00ce", reference="\x00"))]
    story.tell(50, ev.CallClosed, reason="hangup_by_candidate", detail="The candidate hung up: \x00.", ignored={})
    row = await call(store, story)
    assert (row["candidate_name"], row["candidate_reference"]) == ("Gr\ufffdce", "\ufffd")
    assert row["closed_detail"] == "The candidate hung up: \ufffd."


async def test_the_state_follows_the_decisions(store: PostgresStore) -> None:
    """Given a call written step by step, its row is in the state the call is in after each step."""
    story = Story().opened()
    steps: list[tuple[str, str]] = [("resuming", (await call(store, story))["state"])]
    tale: tuple[tuple[str, Callable[[], object]], ...] = (
        ("listening", story.connected),
        ("model_speaking", lambda: story.asked(100, 1, 0, "opening").played(600, 1, 0, "Hello.")),
        ("interrupted", lambda: story.suspected(700, 1, 680)),
        ("model_speaking", lambda: story.dismissed(900, 1, 200)),
        ("listening", lambda: story.finished(1_000, 1)),
        ("candidate_speaking", lambda: story.started(1_200, 1, 1_100)),
        ("listening", lambda: story.stopped(2_000, 1, 1_300)),
        ("model_speaking", lambda: story.asked(2_000, 2, 1).played(2_500, 2, 1, "Good.")),
        ("interrupted", lambda: story.suspected(2_600, 2, 2_580)),
        ("candidate_speaking", lambda: story.confirmed(3_000, 2, 2, 2_580)),
        ("closed", lambda: story.closed(4_000)),
    )
    for expected, step in tale:
        step()
        steps.append((expected, (await call(store, story))["state"]))
    assert [actual for _, actual in steps] == [expected for expected, _ in steps]


async def test_while_a_link_is_missing_the_call_is_resuming(store: PostgresStore) -> None:
    """Given a lost link, only its return moves the call on, and to where the return says."""
    story = Story().opened().connected().asked(100, 1, 0, "opening").played(600, 1, 0, "Hello.")
    story.suspected(700, 1, 680).tell(750, inp.ModelLost, code=1011, reason="internal", retryable=True)
    story.tell(750, ev.LinkLost, link=Link.MODEL, reason="internal", attempt=1)
    story.confirmed(1_100, 1, 1, 680)
    row = await call(store, story)
    assert (row["state"], row["model_losses"], row["barge_ins_confirmed"]) == ("resuming", 1, 1)

    story.tell(1_500, ev.LinkRestored, link=Link.MODEL, missing=(), voice_active=True)
    assert (await call(store, story))["state"] == "candidate_speaking"


async def test_losses_of_the_client_are_counted(store: PostgresStore) -> None:
    """Given a client that went away twice, two losses are counted."""
    story = Story().opened().connected()
    for at_ms in (1_000, 2_000):
        story.tell(at_ms, inp.ClientLost, reason="1006").tell(at_ms, ev.LinkLost, link=Link.CLIENT, reason="1006")
        story.tell(at_ms + 500, ev.LinkRestored, link=Link.CLIENT, missing=())
    row = await call(store, story)
    assert (row["client_losses"], row["state"]) == (2, "listening")


async def test_two_stretches_of_one_answer_are_one_turn(store: PostgresStore) -> None:
    """Given an answer that goes on before its reply is heard, one turn is counted."""
    story = Story().opened().connected().started(1_000, 1, 900).stopped(2_000, 1, 1_300).asked(2_000, 1, 1)
    story.tell(2_200, ev.ReplyWithdrawn, generation=1, reason="candidate_spoke_on")
    story.started(2_200, 1, 2_100).stopped(3_500, 1, 2_800)
    assert (await call(store, story))["turns"] == 1


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        pytest.param({}, {}, id="nothing"),
        pytest.param(
            {
                "prompt_token_count": 10,
                "prompt_tokens_details": [{"modality": "MediaModality.AUDIO", "token_count": 7}],
            },
            {"prompt": {"AUDIO": 7, "UNSPECIFIED": 3}},
            id="the SDK's spelling, with a remainder",
        ),
        pytest.param(
            {"cachedContentTokenCount": 5, "thoughtsTokenCount": 6, "toolUsePromptTokenCount": 7},
            {"cached": {"UNSPECIFIED": 5}, "thoughts": {"UNSPECIFIED": 6}, "tool_use": {"UNSPECIFIED": 7}},
            id="totals only",
        ),
    ],
)
async def test_usage_is_summed_by_kind_and_modality(
    store: PostgresStore, usage: dict[str, Any], tokens: dict[str, dict[str, int]]
) -> None:
    """Given a usage report in either spelling, nothing of its totals is lost."""
    row = await call(store, Story().opened().tell(10, inp.UsageReported, usage=usage))
    assert msgspec.json.decode(row["tokens"]) == tokens
