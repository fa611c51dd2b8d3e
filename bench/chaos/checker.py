"""All laws over all calls."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bench.chaos.evidence import CallEvidence
from bench.chaos.invariants import FIRST, LAWS


@dataclass(frozen=True, slots=True)
class Violation:
    """A law that a call broke: the law's name, what it says, and how it was broken."""

    invariant: str
    says: str
    call_id: str
    what: str

    def __str__(self) -> str:
        return f"{self.invariant} in call {self.call_id}: {self.what}"


def check(seen: CallEvidence) -> list[Violation]:
    """Every breach in one call. Where its log is broken itself, nothing is built on it."""
    found = list(_breaches(FIRST[:1], seen))
    found = found or list(_breaches(FIRST[1:], seen))
    return found or list(_breaches(LAWS, seen))


def check_all(calls: Iterable[CallEvidence]) -> list[Violation]:
    """Every breach in any of `calls`."""
    return [violation for seen in calls for violation in check(seen)]


def _breaches(laws: Iterable[object], seen: CallEvidence) -> Iterator[Violation]:
    for law in laws:
        says = " ".join((law.__doc__ or "").split("\n\n")[0].split())
        for what in law(seen):  # type: ignore[operator]
            yield Violation(law.__name__, says, str(seen.call_id), what)  # type: ignore[attr-defined]
