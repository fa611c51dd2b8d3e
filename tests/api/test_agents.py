"""The file of interviewers: the one that ships is good, and an error names what is wrong with
another."""

import json
from pathlib import Path
from typing import Any

import pytest

from api.agents import read_agents
from domain.errors import PeerError, VivaError

GOOD: dict[str, Any] = {"id": "vera", "name": "Vera", "models": ["gemini-3.8-live"]}


def test_the_shipped_interviewers() -> None:
    """Given no file, the interviewer of the documentation is there; another is unknown, and those
    there are named."""
    agents = read_agents(None)
    assert agents.find("interviewer").name == "Vera"
    with pytest.raises(PeerError, match="interviewer") as caught:
        agents.find("nobody")
    assert caught.value.code == "agent_unknown"


BAD: dict[str, tuple[str, str]] = {
    "no JSON": ("[{", "truncated"),
    "no list": (json.dumps(GOOD), "array"),
    "nobody in it": ("[]", "at least one"),
    "an unknown field": (json.dumps([GOOD | {"voise": "Kore"}]), "voise"),
    "an unknown policy": (json.dumps([GOOD | {"policy": {"playout": {"stal_ms": 1}}}]), "stal_ms"),
    "a policy out of bounds": (json.dumps([GOOD | {"policy": {"voice": {"start_threshold": 2}}}]), "start_threshold"),
    "no name": (json.dumps([{"id": "vera", "models": ["gemini-3.8-live"]}]), "name"),
    "no models": (json.dumps([GOOD | {"models": []}]), "models"),
    "a model that is not known": (json.dumps([GOOD | {"models": ["gpt"]}]), "gpt"),
    "an id with spaces": (json.dumps([GOOD | {"id": "Ms Vera"}]), "id"),
    "the same id twice": (json.dumps([GOOD, GOOD]), "vera"),
}


@pytest.mark.parametrize("name", list(BAD))
def test_a_file_that_cannot_be_used(name: str, tmp_path: Path) -> None:
    """Given a file with a mistake, the error names the file and the place."""
    text, place = BAD[name]
    path = tmp_path / "agents.json"
    path.write_text(text)
    with pytest.raises(VivaError) as caught:
        read_agents(path)
    assert place in str(caught.value)
    assert "agents.json" in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """Given a path to nothing, the error names it and the variable."""
    with pytest.raises(VivaError, match="VIVA_AGENTS"):
        read_agents(tmp_path / "none.json")
