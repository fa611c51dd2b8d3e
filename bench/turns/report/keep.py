"""A whole run: printed, as JSON, and kept as `turns-<utc>` with its plot."""

import json
import math
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from rich.console import Console

from bench.report import Section
from bench.turns.report.curve import Curve
from bench.turns.report.figures import Figure
from bench.turns.report.marks import Mark
from bench.turns.run import Outcome

_WIDTH = 170


@dataclass(frozen=True, slots=True)
class Run:
    """What was asked for and what was found."""

    command: str
    options: dict[str, Any]
    sections: list[Section]
    figures: list[Figure]
    curves: list[Curve]
    marks: dict[str, list[Mark]]
    outcomes: Sequence[Outcome]

    def print(self, file: IO[str] | None) -> None:
        """Every table, wide enough for three contestants."""
        for section in self.sections:
            section.print(Console(width=_WIDTH, file=file))

    def as_json(self) -> str:
        """Everything but the single observations."""
        machine = {"python": platform.python_version(), "system": platform.platform(), "cores": os.cpu_count()}
        everything = _without_nan(
            {
                "command": self.command,
                "options": {name: _portable(value) for name, value in self.options.items()},
                "machine": machine | {"load": os.getloadavg()},
                "figures": [each.as_dict() for each in self.figures],
                "curves": [each.as_dict() for each in self.curves],
                "marks": {name: [each.as_dict() for each in made] for name, made in self.marks.items()},
                "cpu": next((section.facts for section in self.sections if section.name == "cpu"), {}),
            }
        )
        return json.dumps(everything, indent=1)

    def keep(self, folder: Path) -> Path:
        """Save the run; returns the text's path. Without matplotlib there is no plot."""
        folder.mkdir(parents=True, exist_ok=True)
        stem = folder / f"turns-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        stem.with_suffix(".json").write_text(self.as_json())
        with stem.with_suffix(".txt").open("w") as file:
            self.print(file)
        try:
            from bench.turns.report.plot import draw
        except ModuleNotFoundError:
            return stem.with_suffix(".txt")
        draw(self.outcomes, self.figures, self.curves, stem.with_suffix(".png"))
        return stem.with_suffix(".txt")


def _without_nan(value: Any) -> Any:
    """JSON knows no NaN: what is not known is null."""
    match value:
        case float():
            return None if math.isnan(value) else value
        case dict():
            return {name: _without_nan(each) for name, each in value.items()}
        case list() | tuple():
            return [_without_nan(each) for each in value]
        case _:
            return value


def _portable(value: object) -> str:
    """An option as somebody else can use it: a folder by its way from here."""
    return os.path.relpath(value) if isinstance(value, Path) else str(value)
