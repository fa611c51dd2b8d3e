"""How much a client may send."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.pacing import TokenBucket
from api.wire.rate_limits import RateLimit
from domain.errors import PeerError


@given(st.lists(st.floats(0, 5), max_size=200), st.integers(1, 50), st.integers(1, 50))
def test_no_stretch_of_time_holds_more_than_it_may(pauses: list[float], per_s: int, at_once: int) -> None:
    """Whatever the pauses: what is let through in any stretch is at most the burst and the rate."""
    now_s = 0.0
    allowance = RateLimit("pings", per_s, at_once, lambda: now_s)
    taken: list[float] = []
    for pause in pauses:
        now_s += pause
        try:
            allowance.spend()
        except PeerError as error:
            assert error.code == "too_many_messages"
            assert f"{per_s} pings" in error.message
            assert len(taken) >= at_once
            return
        taken.append(now_s)
        for index, began in enumerate(taken):
            assert len(taken) - index <= at_once + (now_s - began) * per_s + 1e-6


def test_a_quiet_client_may_send_at_once_again() -> None:
    """Given a burst, a pause, and a burst: both pass, and one more does not."""
    now_s = 0.0
    allowance = RateLimit("messages", 2, 10, lambda: now_s)
    for _ in range(10):
        allowance.spend()
    now_s = 5.0
    for _ in range(10):
        allowance.spend()
    with pytest.raises(PeerError):
        allowance.spend()


def test_a_refusal_costs_nothing() -> None:
    """Given a peer that goes on in spite of refusals, it has what a patient one has: the rate."""
    now_s = 0.0
    bucket = TokenBucket(2, 3, lambda: now_s)
    assert [bucket.take() for _ in range(10)] == [True] * 3 + [False] * 7
    now_s = 1.0
    assert [bucket.take() for _ in range(10)] == [True] * 2 + [False] * 8
