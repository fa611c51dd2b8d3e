"""How long to wait before the next try to connect: doubling up to a second, a little early at
random."""

import random
from collections.abc import Iterator

FIRST_WAIT_S, LONGEST_WAIT_S = 0.1, 1.0


def waits_s(first_s: float = FIRST_WAIT_S) -> Iterator[float]:
    """One wait after another, without end. Many clients of one restarted server do not return
    together."""
    wait_s = first_s
    while True:
        yield wait_s * random.uniform(0.5, 1.0)  # noqa: S311  (no secret)
        wait_s = min(2 * wait_s or FIRST_WAIT_S, LONGEST_WAIT_S)
