"""The table of open calls says what the log says, from the very moment the log says it."""

import json
from typing import Any
from uuid import UUID

import psycopg
import pytest

from adapters.postgres.migrate import upgrade
from adapters.postgres.store import open_store
from domain.ports import Append, Outcome, StoredEvent
from tests.adapters.postgres.log.stock import stock_factory
from tests.contracts.calls import Outcomes, event, new_call

ONE, TWO = UUID(int=1), UUID(int=2)


def moved(call: UUID, version: int, what: str, **state: Any) -> StoredEvent:
    """An event that opens, moves or ends a call."""
    return StoredEvent(call, version, f"call.{what}.v1", json.dumps(state).encode())


def owners(dsn: str) -> dict[UUID, tuple[UUID | None, int]]:
    """Process and epoch of every open call."""
    with psycopg.connect(dsn) as connection:
        return {row[0]: row[1:] for row in connection.execute("SELECT call_id, process, epoch FROM open_calls")}


async def test_a_call_is_open_from_its_opening_until_it_has_settled(dsn: str) -> None:
    """Given a call that is opened, handed over, taken over and settled, its row follows every step."""
    call = new_call()
    steps: list[tuple[StoredEvent, dict[UUID, tuple[UUID | None, int]]]] = [
        (moved(call, 1, "opened", process=str(ONE), epoch=1), {call: (ONE, 1)}),
        (event(call, 2), {call: (ONE, 1)}),
        (moved(call, 3, "handed_over", reason="drain"), {call: (None, 1)}),
        (moved(call, 4, "taken_over", process=str(TWO), epoch=2), {call: (TWO, 2)}),
        (moved(call, 5, "closed", reason="hangup"), {call: (TWO, 2)}),
        (moved(call, 6, "settled"), {}),
    ]
    async with open_store(dsn) as store:
        outcomes = Outcomes(store.writer)
        for step, expected in steps:
            assert await outcomes.of(Append(call, "acme", (step,))) == [Outcome.DURABLE]
            assert owners(dsn) == expected


async def test_a_call_that_is_opened_and_settled_in_one_append_is_not_open(dsn: str) -> None:
    """Within a transaction the rows are followed in their order."""
    call, other = new_call(), new_call()
    async with open_store(dsn) as store:
        events = moved(call, 1, "opened", process=str(ONE)), moved(call, 2, "settled")
        await Outcomes(store.writer).of(Append(call, "a", events), Append(other, "b", (moved(other, 1, "opened"),)))
    assert owners(dsn) == {other: (None, 1)}


@pytest.mark.parametrize(
    ("state", "owner"),
    [
        (f'{{"candidate":"a\\u0000b","process":"{ONE}"}}'.encode(), (ONE, 1)),
        (f'{{"candidate":"\\\\u0000","process":"{ONE}","epoch":7}}'.encode(), (ONE, 7)),
        (b'{"process":"","epoch":3}', (None, 3)),
        (b"{}", (None, 1)),
        (b'{"candidate":"\\ud800","process":"x"}', (None, 1)),
        (b'{"process":"no uuid","epoch":2}', (None, 1)),
        (b'{"epoch":99999999999}', (None, 1)),
        (b"[1]", (None, 1)),
        (b"\xff\x00 compressed", (None, 1)),
    ],
)
def test_whatever_an_opening_holds_it_is_recorded(dsn: str, state: bytes, owner: tuple[UUID | None, int]) -> None:
    """An owner that cannot be read is nobody; the event is in the log all the same, by the
    library's writer too."""
    call = new_call()
    with stock_factory(dsn) as factory:
        recorder = factory.application_recorder()
        recorder.insert_events([StoredEvent(call, 1, "call.opened.v1", state)])
        assert [each.state for each in recorder.select_events(call)] == [state]
    assert owners(dsn) == {call: owner}


def test_the_table_changes_with_the_log_or_not_at_all(dsn: str) -> None:
    """Given an append that is rolled back, no call was opened."""
    call = new_call()
    with psycopg.connect(dsn) as connection:
        opened = moved(call, 1, "opened", process=str(ONE))
        connection.execute(
            "INSERT INTO call_events (originator_id, originator_version, topic, state) VALUES (%s, 1, %s, %s)",
            (call, opened.topic, opened.state),
        )
        assert connection.execute("SELECT process FROM open_calls").fetchall() == [(ONE,)]
        connection.rollback()
    assert owners(dsn) == {}


async def test_calls_of_a_log_that_is_there_before_the_table_are_found(empty_dsn: str) -> None:
    """Given a log without the table, when it is made, it holds those calls that have not settled, as
    they stand."""
    upgrade(empty_dsn, "projections_1")
    old, over, moving, taken = new_call(), new_call(), new_call(), new_call()
    logs = {
        old: [moved(old, 1, "opened"), event(old, 2)],
        over: [moved(over, 1, "opened"), moved(over, 2, "closed"), moved(over, 3, "settled")],
        moving: [moved(moving, 1, "opened", process=str(ONE)), moved(moving, 2, "handed_over"), event(moving, 3)],
        taken: [moved(taken, 1, "opened"), moved(taken, 2, "taken_over", process=str(TWO), epoch=2), event(taken, 3)],
    }
    async with open_store(empty_dsn) as store:
        appends = [Append(call, "acme", tuple(events)) for call, events in logs.items()]
        assert set(await Outcomes(store.writer).of(*appends)) == {Outcome.DURABLE}
    upgrade(empty_dsn)
    assert owners(empty_dsn) == {old: (None, 1), moving: (None, 1), taken: (TWO, 2)}
