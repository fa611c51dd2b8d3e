"""Who waits at the gate: bounded, the newest kept."""

from hypothesis import given
from hypothesis import strategies as st

from api.connections.admission import AdmissionGate


class Caller:
    """A connection that notes whether it was evicted."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.away = False

    def evict(self) -> None:
        self.away = True


def test_one_more_than_may_wait_turns_the_oldest_away() -> None:
    """Given three where three may wait, a fourth comes in for the first; who was let in or has gone
    counts no more."""
    gate = AdmissionGate(3)
    first, second, third, fourth, fifth = (Caller(kind) for kind in ("http", "http", "websocket", "http", "http"))
    for caller in (first, second, third, fourth):
        gate.enter(caller)
    assert [caller.away for caller in (first, second, third, fourth)] == [True, False, False, False]
    assert gate.waiting == {"http": 2, "websocket": 1}
    gate.leave(third)
    gate.leave(third)
    gate.enter(fifth)
    assert not second.away
    assert gate.evicted == {"http": 1}


def test_who_has_something_new_to_say_is_not_the_oldest() -> None:
    """Given a connection kept alive for another request, it waits like one that has just come."""
    gate = AdmissionGate(2)
    kept, silent, newcomer = Caller("http"), Caller("http"), Caller("http")
    for caller in (kept, silent, kept, newcomer):
        gate.enter(caller)
    assert (kept.away, silent.away) == (False, True)


@given(st.lists(st.tuples(st.sampled_from(["enter", "leave"]), st.integers(0, 9)), max_size=80), st.integers(1, 5))
def test_there_are_never_more_than_may_be(course: list[tuple[str, int]], most: int) -> None:
    """Given connections that come and go, the bound holds, and only the oldest are evicted."""
    gate, callers = AdmissionGate(most), [Caller("http") for _ in range(10)]
    waiting: list[int] = []
    for step, number in course:
        if number in waiting:
            waiting.remove(number)
        if step == "enter":
            waiting.append(number)
            gate.enter(callers[number])
        else:
            gate.leave(callers[number])
        if len(waiting) > most:
            assert callers[waiting.pop(0)].away
        assert sum(gate.waiting.values()) == len(waiting) <= most
