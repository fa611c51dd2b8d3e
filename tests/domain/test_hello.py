"""The first message that a client gets after its hello, and the last when the call is over."""

import pytest

from domain import effects as fx
from domain import inputs as inp
from domain.states import State
from tests.domain.calls import Driver


def answer(hello: inp.ClientConnected, driver: Driver) -> tuple[fx.TellReady, fx.ReplayMessages, list[fx.Effect]]:
    """The two effects that every hello begins with, and the others."""
    ready, replay, *others = driver.happens(hello, 100_000).effects
    assert isinstance(ready, fx.TellReady)
    assert isinstance(replay, fx.ReplayMessages)
    return ready, replay, others


def closed(effects: list[fx.Effect]) -> list[fx.TellClosed]:
    return [effect for effect in effects if isinstance(effect, fx.TellClosed)]


def test_ready_comes_first_and_says_how_the_call_stands_after_the_hello() -> None:
    """Given a first hello, the client hears that it waits for the model, before the model is
    dialled."""
    ready, replay, others = answer(inp.ClientConnected(rate_hz=48_000, resumed=False), Driver())
    assert (ready.resumed, ready.epoch, ready.state, ready.missing) == (False, 1, State.RESUMING, ("model",))
    assert replay.after_version == ready.kept_version == 0
    assert any(isinstance(effect, fx.DialModel) for effect in others)


def test_what_a_client_has_seen_is_not_replayed() -> None:
    """Given a client that comes back in the same epoch, messages are replayed from what it has seen
    on, and never from a version that is not there yet."""
    driver = Driver().asked()
    seen = driver.call.record.version - 3
    back = inp.ClientConnected(rate_hz=48_000, resumed=True, seen_version=seen, seen_epoch=1)
    ready, replay, _ = answer(back, driver)
    assert (ready.resumed, ready.kept_version, replay.after_version) == (True, seen, seen)
    ahead = inp.ClientConnected(rate_hz=48_000, resumed=True, seen_version=10**9, seen_epoch=1)
    ready, _, _ = answer(ahead, driver)
    assert ready.kept_version == driver.call.record.version


def test_what_rested_on_lost_events_is_not_kept() -> None:
    """Given a takeover since, what the client has seen counts up to the version it began with."""
    driver = Driver().asked()
    driver.crashes(1_000_000)
    begun = driver.call.record.takeovers[-1].version
    back = inp.ClientConnected(rate_hz=48_000, resumed=True, seen_version=begun + 5, seen_epoch=1)
    ready, _, _ = answer(back, driver)
    assert (ready.epoch, ready.kept_version) == (2, begun - 1)


def test_a_client_of_a_call_that_is_over_gets_closed_again() -> None:
    """Given a call that was hung up, a client that comes back hears the reason and what is left of
    its grace period."""
    driver = Driver().asked()
    driver.happens(inp.HangupRequested(by="candidate", reason=""))
    (first,) = closed(driver.effects)
    ready, _, others = answer(inp.ClientConnected(rate_hz=48_000, resumed=True), driver)
    (again,) = closed(others)
    assert ready.state is State.CLOSED
    assert again == first._replace(grace_ms=first.grace_ms - 100)
    assert first.error_code == again.error_code == ""


FAULTS = {
    "audio_gap": inp.ClientViolatedProtocol(code="audio_gap", message="12 is missing."),
    "client_too_slow": inp.QueueOverflowed(queue="client", reason="It does not read."),
}


@pytest.mark.parametrize("code", FAULTS)
def test_a_client_at_fault_gets_the_code_that_ends_its_connection(code: str) -> None:
    """Given a client that did what it must not, the close carries the code of its fault."""
    driver = Driver().asked()
    decision = driver.happens(FAULTS[code])
    (end,) = closed(list(decision.effects))
    assert end.error_code == code
    assert fx.EndStreams() in decision.effects
