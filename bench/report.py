"""How every bench hands in what it saw: sections of rows, readable and as JSON."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import IO, Any

from rich.console import Console
from rich.table import Table


@dataclass(slots=True)
class Section:
    """One table. `rows` have as many cells as `columns`; `facts` are the same figures for programs."""

    name: str
    title: str
    command: str
    """Reproduces this section alone."""
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def print(self, console: Console) -> None:
        """The table, its notes, and the command that makes it again."""
        table = Table(title=self.title, title_justify="left")
        for number, column in enumerate(self.columns):
            table.add_column(column, justify="right" if number else "left", overflow="fold")
        for row in self.rows:
            table.add_row(*row)
        console.print(table)
        for note in self.notes:
            console.print(f"  {note}", highlight=False)
        console.print(f"  again: {self.command}\n", style="dim", highlight=False)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def console(file: IO[str] | None = None) -> Console:
    """Wide enough for the tables, wherever it goes."""
    return Console(width=118, file=file)


def spread(values: Sequence[float], digits: int = 1) -> str:
    """Median and extremes of repeated measurements."""
    return f"{median(values):,.{digits}f} ({min(values):,.{digits}f}-{max(values):,.{digits}f})"


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` of all do not exceed; NaN if there is none."""
    if not values:
        return math.nan
    return sorted(values)[min(len(values) - 1, math.ceil(share * len(values)) - 1)]


def distribution(values: Sequence[float]) -> dict[str, float]:
    """Count and percentiles."""
    found = {"count": float(len(values))}
    for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)):
        found[name] = round(percentile(values, share), 3)
    return found


def cells(values: Sequence[float], digits: int = 1) -> tuple[str, str, str, str]:
    """p50, p99, max and the count, as cells."""
    return (*(f"{percentile(values, share):,.{digits}f}" for share in (0.5, 0.99, 1.0)), f"{len(values):,}")  # type: ignore[return-value]
