"""A short run of the laboratory: real processes, a real database, faults from a seed, and every law
held."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SEED = 3


@pytest.mark.alone
@pytest.mark.timeout(150)
def test_a_short_seeded_run_breaks_no_law() -> None:
    """Given a few faults of several kinds on calls in progress, all go on, and the report says how
    to repeat it."""
    command = [sys.executable, "-m", "bench.chaos", "--quick", "--json", "--seed", str(SEED)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-4_000:]
    quick, marks = json.loads(done.stdout)["sections"]
    assert quick["facts"]["violations"] == []
    assert quick["facts"]["calls"] == 3
    assert sum(fault["made"] for fault in quick["facts"]["faults"].values()) >= 6
    assert f"--seed {SEED}" in quick["command"]
    assert marks["facts"]["laws"]["met"]
