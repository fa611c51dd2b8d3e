"""Stretches of a stream, as a list of (from, to) that neither touch nor overlap, the earliest
first."""

Stretches = list[tuple[int, int]]


def overlap(stretches: Stretches, begin: int, end: int) -> int:
    """How much of begin..end they cover."""
    return sum(max(0, min(end, to) - max(begin, from_)) for from_, to in stretches)


def joined(stretches: Stretches, begin: int, end: int, *, since: int = 0) -> Stretches:
    """With begin..end among them, and without those that end before `since`."""
    apart, before = [], [(from_, to) for from_, to in stretches if to >= since]
    for from_, to in before:
        if to < begin or from_ > end:
            apart.append((from_, to))
        else:
            begin, end = min(begin, from_), max(end, to)
    return sorted([*apart, (begin, end)])
