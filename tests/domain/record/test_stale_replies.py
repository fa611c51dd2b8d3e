"""Replies that are over for us and not for Gemini: what it still says of them belongs to the right
one."""

from domain import events as ev
from domain import inputs as inp
from domain.record.record import MOST_STALE
from tests.domain.calls import Driver


def cut(driver: Driver) -> int:
    """A reply begins, is heard, and is interrupted before its end; the candidate then says a short
    answer."""
    driver.model_sends(2_000, complete=False)
    driver.client_plays(600)
    generation: int = driver.call.record.generation
    driver.speaks(600)
    driver.keeps_silent(800)
    return generation


def stale(driver: Driver) -> list[int]:
    return [reply.generation for reply in driver.call.record.stale]


def two_cut() -> tuple[Driver, int, int]:
    driver = Driver().connected()
    first = cut(driver)
    driver.keeps_silent(700)  # what is said now is of the next reply
    second = cut(driver)
    return driver, first, second


def test_a_second_cut_does_not_forget_the_first() -> None:
    """Given two replies that were cut and never ended, then both are still without an end."""
    driver, first, second = two_cut()
    assert stale(driver) == [first, second]


def test_ends_come_in_order() -> None:
    """Given two stale replies, when two turns end, then each ends one of them, and the reply that is
    awaited keeps waiting."""
    driver, first, second = two_cut()
    awaited = driver.call.record.reply
    driver.happens(inp.ModelTurnCompleted())
    assert driver.last(inp.ModelTurnCompleted).generation == first
    assert stale(driver) == [second]
    driver.happens(inp.ModelTurnCompleted())
    assert driver.last(inp.ModelTurnCompleted).generation == second
    assert stale(driver) == []
    assert driver.call.record.reply == awaited


def test_the_end_of_a_reply_ends_all_before_it() -> None:
    """Given two stale replies of which Gemini says nothing more, when the third ends, then none is
    stale."""
    driver, _, _ = two_cut()
    driver.keeps_silent(700)
    driver.model_sends(400)
    driver.happens(inp.ModelTurnCompleted())
    assert stale(driver) == []


def test_a_lost_session_owes_nothing() -> None:
    """Given a stale reply, when the session is lost, then nothing of it is awaited."""
    driver = Driver().connected()
    cut(driver)
    driver.happens(inp.ModelLost(code=1011, reason="lost", retryable=True))
    assert stale(driver) == []


def test_there_are_few_of_them() -> None:
    """Given a candidate who speaks on again and again, then only the newest stale replies are
    kept."""
    driver = Driver().asked()
    for _ in range(MOST_STALE + 3):
        driver.speaks(300)
        driver.keeps_silent(800)
    assert driver.count(ev.ReplyWithdrawn) > MOST_STALE
    assert len(driver.call.record.stale) == MOST_STALE
