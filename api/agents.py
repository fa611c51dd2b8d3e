"""The interviewers that calls can be opened with, read from a JSON file."""

from pathlib import Path

import msgspec

from adapters.gemini.catalogue import load_catalogue
from api.settings import SettingError
from domain.errors import PeerError, VivaError
from domain.interview import Agent
from domain.strictness import unknown_fields

SHIPPED = Path(__file__).with_name("agents.json")


class Agents:
    """All configured interviewers by id."""

    def __init__(self, agents: tuple[Agent, ...]) -> None:
        self._by_id = {agent.id: agent for agent in agents}

    def all(self) -> tuple[Agent, ...]:
        """In the order of the file."""
        return tuple(self._by_id.values())

    def find(self, agent_id: str) -> Agent:
        """Raises `PeerError("agent_unknown")`."""
        try:
            return self._by_id[agent_id]
        except KeyError:
            known = ", ".join(self._by_id)
            raise PeerError("agent_unknown", f"There is no such agent: use one of {known} (GET /agents).") from None


def read_agents(path: Path | None) -> Agents:
    """The agents in `path`, or those that ship with Viva. Raises `SettingError` naming what is
    wrong with the file."""
    path = path or SHIPPED
    try:
        written = path.read_bytes()
        agents = msgspec.json.decode(written, type=tuple[Agent, ...])
    except (OSError, msgspec.DecodeError) as error:
        raise SettingError(f"The agents in {path} cannot be read: {error}. Mend the file VIVA_AGENTS names.") from error
    if not agents:
        raise SettingError(f"{path} has no agents: add at least one.")
    for field in unknown_fields(msgspec.json.decode(written), agents):
        raise SettingError(f"{path} has a field that no agent has, {field}: correct or remove it.")
    _check(agents, path)
    return Agents(agents)


def _check(agents: tuple[Agent, ...], path: Path) -> None:
    """Raises `SettingError` for an id that occurs twice, or a model that nobody knows."""
    catalogue, seen = load_catalogue(), set[str]()
    for agent in agents:
        if agent.id in seen:
            raise SettingError(f"{path} has two agents with the id {agent.id}: rename one.")
        seen.add(agent.id)
        for model in agent.models:
            try:
                catalogue.find(model)
            except VivaError as error:
                raise SettingError(f"The agent {agent.id} in {path} cannot be used: {error}") from error
