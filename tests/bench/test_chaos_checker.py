"""The laboratory's checker: it finds nothing in a healthy call, and every bug that is planted in
one."""

import pytest

from bench.chaos.checker import check
from bench.chaos.evidence.evidence import CallEvidence
from bench.chaos.invariants import FIRST, LAWS
from tests.bench.paper_call import a_healthy_call
from tests.bench.planted_bugs import BUGS, Bug


@pytest.fixture(scope="module")
def healthy() -> CallEvidence:
    """A call in which nothing went wrong but what calls are made for."""
    return a_healthy_call().evidence()


def test_a_healthy_call_breaks_no_law(healthy: CallEvidence) -> None:
    """Sessions that are lost and clients that are cut are no breach."""
    assert check(healthy) == []


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.says)
def test_a_planted_bug_is_caught(healthy: CallEvidence, bug: Bug) -> None:
    """By the law that is meant for it, which says what it demands."""
    found = check(bug.plant(healthy))
    assert bug.caught_by in {violation.invariant for violation in found}
    assert all(violation.says.endswith((".", ":")) for violation in found)


def test_every_law_catches_something() -> None:
    """A law that no planted bug breaks would not be known to work."""
    assert {law.__name__ for law in (*FIRST, *LAWS)} == {bug.caught_by for bug in BUGS}
