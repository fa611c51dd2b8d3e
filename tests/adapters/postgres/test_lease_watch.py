"""The verdict over a process, look by look, on a clock of the test's own."""

from uuid import uuid4

from adapters.postgres.lease_watch import LeaseTimes, LeaseWatch, Sight

TIMES = LeaseTimes(lease_s=10, renew_s=1, look_s=0.25, apart_s=0.3, grace_s=3)
OTHER, THIRD = uuid4(), uuid4()


class Observer:
    """Looks at one process after the other, at chosen moments."""

    def __init__(self) -> None:
        self.now = 100.0
        self.watch = LeaseWatch(TIMES, lambda: self.now)

    def after(self, passed_s: float, *, age_s: float | None = 0.5, held: bool = True, up_s: float = 1_000) -> bool:
        """Whether the other process is gone after a look `passed_s` later."""
        self.now += passed_s
        self.watch.note([Sight(OTHER, age_s, held)], up_s=up_s, began_at=self.now)
        return self.watch.is_gone(OTHER)


def test_a_process_that_holds_its_lock_and_renews_its_row_lives() -> None:
    """However long."""
    observer = Observer()
    assert not any(observer.after(0.25) for _ in range(1_000))


def test_a_free_lock_at_two_looks_far_enough_apart_is_a_death() -> None:
    """The first look might have met a connection that was just lost."""
    observer = Observer()
    found = [observer.after(passed, held=False) for passed in (0.25, 0.0, 0.25, 0.125)]
    assert found == [False, False, False, True]


def test_a_lock_that_was_held_in_between_is_none() -> None:
    """Given a process whose connection keeps getting lost, it lives as long as it comes back."""
    observer = Observer()
    assert not any(observer.after(0.25, held=held) for held in (False, True) * 20)


def test_a_row_older_than_the_lease_is_a_process_that_hangs() -> None:
    """Its lock does not help it: the session of a stopped process stays open."""
    observer = Observer()
    assert not observer.after(0.25, age_s=9.9)
    assert observer.after(0.25, age_s=10.1)
    assert not observer.after(0.25, age_s=0.1), "it goes on"


def test_a_process_that_took_its_leave_is_gone_at_once() -> None:
    """It deletes its row as the last thing, and then lets its lock go."""
    observer = Observer()
    assert not observer.after(0.25, age_s=None)
    assert observer.after(0.05, age_s=None, held=False)


def test_nobody_is_gone_while_postgres_has_just_started() -> None:
    """Given a restart, the old rows and the free locks say nothing until everybody had time to come
    back."""
    observer = Observer()
    assert not any(observer.after(0.25, age_s=60, held=False, up_s=0.25 * n) for n in range(12))
    assert observer.after(0.25, age_s=60, held=False, up_s=3)


def test_nobody_is_gone_when_the_observer_was_cut_off() -> None:
    """Given a crash of Postgres that its start time does not show, the observer's own lost
    connection does."""
    observer = Observer()
    observer.after(0.25)
    observer.watch.interrupted()
    assert not any(observer.after(0.25, age_s=60, held=False) for _ in range(11))
    assert observer.after(0.25, held=False)


def test_nobody_is_gone_when_postgres_hung() -> None:
    """Given looks that stood still for longer than half a lease, every row is old, and nobody's
    fault."""
    observer = Observer()
    observer.after(0.25)
    assert not observer.after(12, age_s=12)
    assert not observer.after(0.25, age_s=12.25)
    assert not observer.after(3, age_s=0.5)


def test_how_long_a_process_has_been_gone_is_known() -> None:
    """So that a client gets the time to land somewhere before its call is taken over."""
    observer = Observer()
    observer.after(0.25, age_s=11)
    observer.after(2, age_s=13)
    assert observer.watch.gone(for_s=3) == []
    observer.after(1, age_s=14)
    assert observer.watch.gone(for_s=3) == [OTHER]


def test_a_process_that_is_not_looked_at_any_more_is_forgotten() -> None:
    """Rows are deleted in time; nothing is kept of them."""
    observer = Observer()
    observer.after(0.25, age_s=11)
    observer.watch.note([Sight(THIRD, 0.5, True)], up_s=1_000, began_at=observer.now)
    assert observer.watch.gone() == []
