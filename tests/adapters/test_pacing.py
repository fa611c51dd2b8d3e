"""Waits grow, are bounded, and are not all alike."""

from adapters.pacing import Backoff


def test_waits_double_up_to_the_ceiling() -> None:
    """Given one failure after another, each wait lies in the upper half of a bound that doubles."""
    backoff = Backoff(first_s=0.1, ceiling_s=1.0)
    for bound_s in (0.1, 0.2, 0.4, 0.8, 1.0, 1.0):
        assert bound_s / 2 <= backoff.next_s() <= bound_s


def test_after_a_success_they_begin_anew() -> None:
    """Given some failures and a success, the next wait is a first one again."""
    backoff = Backoff(first_s=0.1, ceiling_s=10.0)
    for _ in range(5):
        backoff.next_s()
    backoff.reset()
    assert backoff.next_s() <= 0.1


def test_the_first_try_may_be_made_at_once() -> None:
    """Given a server that said it moves, the first wait is none and the second an ordinary first."""
    backoff = Backoff(first_s=0.1, at_once=True)
    assert backoff.next_s() == 0.0
    assert 0.05 <= backoff.next_s() <= 0.1


def test_processes_do_not_come_back_in_step() -> None:
    """Given many that failed together, their waits differ."""
    assert len({Backoff().next_s() for _ in range(100)}) > 50
