"""Spans of a stream: joined where they meet, with how much of one is there already."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from domain.sound.delivery import Span, joined, overlap

ranges = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)).map(lambda pair: (pair[0], sum(pair))), max_size=12)


def of(those: list[tuple[int, int]]) -> list[Span]:
    stretches: list[Span] = []
    for begin, end in those:
        stretches = joined(stretches, begin, end)
    return stretches


def members(those: list[tuple[int, int]]) -> set[int]:
    return {each for begin, end in those for each in range(begin, end)}


@given(ranges, st.integers(0, 60), st.integers(0, 20))
def test_they_are_the_set_of_what_was_joined(those: list[tuple[int, int]], begin: int, length: int) -> None:
    """Given any ranges, then they cover what those cover, apart from each other and in order."""
    stretches = of(those)
    assert members(stretches) == members(those)
    assert all(before[1] < after[0] for before, after in pairwise(stretches))
    assert overlap(stretches, begin, begin + length) == len(members(those) & set(range(begin, begin + length)))


def test_what_ended_long_ago_is_forgotten() -> None:
    """Given a moment before which nothing counts, then a stretch that reaches it stays whole."""
    assert joined([(0, 5), (10, 20), (30, 40)], 40, 50, since=15) == [(10, 20), (30, 50)]
