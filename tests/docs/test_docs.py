"""The docs say what the code says, and every link in them leads somewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_generated_parts_are_fresh() -> None:
    """States, matrix, events and policy in the docs are those of the code."""
    check = subprocess.run(
        [sys.executable, "docs/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert check.returncode == 0, check.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_lead_somewhere(page: Path) -> None:
    """A page names only files that exist."""
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_the_protocol_page_names_every_error_and_message() -> None:
    """Codes and types of `api.wire.protocol`, types the server sends, and reasons the core closes
    for, are all named."""
    from api.wire.protocol import CLIENT_TYPES, CLOSE_CODES

    page = (ROOT / "docs" / "protocol.md").read_text()
    server = "".join(_source(f"api/{room}") for room in ("live", "wire", "routes"))
    server_types = set(re.findall(r'"type": "(\w+)"', server))
    reasons = set(re.findall(r'\bclose\(call, "(\w+)"', _source("domain/rules")))
    assert {"ready", "closed"} <= server_types
    assert "completed" in reasons
    missing = [name for name in (*CLIENT_TYPES, *CLOSE_CODES, *server_types, *reasons) if f"`{name}`" not in page]
    assert not missing


def _source(folder: str) -> str:
    return "".join(path.read_text() for path in sorted((ROOT / folder).rglob("*.py")))


def test_the_makefile_lists_its_commands() -> None:
    """`make help` names run, demo and test."""
    helped = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert all(f"make {name}" in helped for name in ("run", "demo", "test", "bench", "live-check"))
