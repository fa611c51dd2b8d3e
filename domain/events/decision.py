"""What every decision carries: by which version of the core it was made, and on what numbers."""

from domain.event import Event, Evidence

DECISION_VERSION = 3
"""Raised whenever the same inputs could lead to other decisions; every decision carries it."""


class DecisionEvent(Event, frozen=True, kw_only=True):
    """Something the core decided: by which version of it, and on what numbers (none where its own
    fields say it)."""

    decision_version: int = DECISION_VERSION
    evidence: Evidence = {}  # noqa: RUF012  (msgspec copies it)
