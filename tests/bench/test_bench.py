"""The benchmarks still run: what they say is for people, that they say it is checked here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("part", "row"),
    [("core", "frame in model_speaking"), ("paths", "Call.handle"), ("takeover", "turns of conversation read")],
)
def test_a_part_runs_and_reports(part: str, row: str) -> None:
    """Given a quick run of one part, every row has figures."""
    command = [sys.executable, "-m", "bench", "--quick", "--json", "--only", part]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    sections = json.loads(done.stdout)["sections"]
    assert any(row in str(section) for section in sections)
