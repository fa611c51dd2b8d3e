"""What every decision carries: by which version of the core it was made, and on what numbers."""

from domain.event import Event, Evidence

DECISION_VERSION = 4
"""Raised whenever the same inputs could lead to other decisions; every decision carries it."""


class DecisionEvent(Event, frozen=True, kw_only=True):
    """Something the core decided: by which version of it, by which rule, and on what numbers (none
    where its own fields say it)."""

    decision_version: int = DECISION_VERSION
    rule: str = ""
    """The rule that fired, by its name, where several could lead to the same decision."""
    evidence: Evidence = {}  # noqa: RUF012  (msgspec copies it)
