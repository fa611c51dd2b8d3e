"""A log is read whatever it holds; a file or a request is taken at its word."""

from uuid import UUID

import msgspec

from adapters.postgres.log.mapper import EventMapper
from domain.events import CallOpened
from domain.interview import Agent
from domain.ports import StoredEvent
from domain.strictness import unknown_fields
from tests.domain.calls import a_call

AGENT = {"id": "a", "name": "Vera", "models": ["m"], "policy": {"voice": {"preroll_ms": 200}}}


def test_a_call_recorded_with_fields_that_were_dropped_since_is_read() -> None:
    """Given a policy field of an older version, the call's opening still maps to an event."""
    mapper = EventMapper()
    stored = mapper.to_stored_event(a_call().opened)
    state = msgspec.json.decode(stored.state)
    state["policy"]["voice"]["dropped_long_ago_ms"] = 5
    state["agent"]["colour"] = "blue"
    older = StoredEvent(UUID(int=1), 1, stored.topic, msgspec.json.encode(state))
    read = mapper.to_event(older)
    assert isinstance(read, CallOpened)
    assert read.policy == a_call().policy


def test_unknown_fields_are_found_at_any_depth() -> None:
    """Each is named by its path."""
    raw = [AGENT, AGENT | {"colour": "blue", "policy": {"voice": {"preroll": 1}, "echo": {}}}]
    found = list(unknown_fields(raw, msgspec.convert(raw, tuple[Agent, ...])))
    assert found == ["1.policy.voice.preroll", "1.policy.echo", "1.colour"]


def test_what_fits_has_none() -> None:
    """Defaults that were left out are no difference."""
    assert list(unknown_fields(AGENT, msgspec.convert(AGENT, Agent))) == []
