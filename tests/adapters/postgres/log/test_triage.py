"""Who is right in a conflict: one truth, decided without a database."""

from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from adapters.postgres.log.event_ids import IdentifiedEvent, identify
from adapters.postgres.log.triage import Verdict, triage
from tests.contracts.calls import event

CALL = UUID(int=7)


def _events(first: int, count: int = 1, note: str = "ours") -> list[IdentifiedEvent]:
    return [identify(event(CALL, version, note)) for version in range(first, first + count)]


def _recorded(*events: IdentifiedEvent) -> dict[tuple[UUID, int], UUID]:
    return {(CALL, item.stored.originator_version): item.event_id for item in events}


def test_the_id_of_an_event_depends_on_everything_that_it_is() -> None:
    """Equal events have equal ids in every process; another version, topic, state or call has
    another id."""
    one = event(CALL, 1, "a")
    assert identify(one).event_id == identify(event(CALL, 1, "a")).event_id
    different = [event(CALL, 2, "a"), event(CALL, 1, "b"), event(CALL, 1, "a", "other.v1"), event(uuid4(), 1, "a")]
    assert len({identify(item).event_id for item in [one, *different]}) == 5


def test_a_recorded_prefix_is_cut_off_and_the_rest_is_appended() -> None:
    """A retry that meanwhile grew continues where it got to."""
    offered = _events(1, 4)
    [(verdict, missing)] = triage([offered], _recorded(*offered[:2]))
    assert verdict is Verdict.APPEND
    assert missing == offered[2:]


def test_later_appends_may_rest_on_earlier_ones_of_the_same_batch() -> None:
    """Their predecessor is not recorded yet, but will be."""
    verdicts = triage([_events(1, 2), _events(3)], {})
    assert [verdict for verdict, _ in verdicts] == [Verdict.APPEND, Verdict.APPEND]


def test_a_hole_among_what_is_recorded_is_a_conflict() -> None:
    """If a later version is taken, the missing earlier ones cannot be ours to write."""
    [(verdict, _)] = triage([_events(1, 3)], _recorded(*_events(1), *_events(3)))
    assert verdict is Verdict.CONFLICT


@given(
    recorded=st.integers(0, 8),
    stolen_from=st.integers(1, 10),
    sizes=st.lists(st.integers(1, 3), min_size=1, max_size=6),
)
def test_no_append_is_accepted_on_top_of_another_writers_event(
    recorded: int, stolen_from: int, sizes: list[int]
) -> None:
    """Versions up to `recorded` are taken, ours below `stolen_from`, another writer's above."""
    held = _recorded(*_events(1, min(recorded, stolen_from - 1)))
    if recorded >= stolen_from:
        held |= _recorded(*_events(stolen_from, recorded - stolen_from + 1, "theirs"))
    firsts = [1 + sum(sizes[:index]) for index in range(len(sizes))]
    verdicts = triage([_events(first, size) for first, size in zip(firsts, sizes, strict=True)], held)
    conflicted = False
    for first, size, (verdict, missing) in zip(firsts, sizes, verdicts, strict=True):
        last = first + size - 1
        touches_theirs = recorded >= stolen_from and last >= stolen_from
        conflicted |= touches_theirs
        assert (verdict is Verdict.CONFLICT) == conflicted
        if verdict is Verdict.RECORDED:
            assert last <= recorded
        if verdict is Verdict.APPEND:
            assert missing[0].stored.originator_version == max(first, recorded + 1)
