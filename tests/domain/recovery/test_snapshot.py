"""Snapshots: they give a call back as it was, are refused on any difference, and do not grow."""

import copy
import hashlib
from typing import Any

import msgspec
import pytest

from domain import inputs as inp
from domain.events import SnapshotTaken
from domain.policy import Policy, RecordingPolicy
from domain.recovery.snapshot import SNAPSHOT_SCHEMA, Snapshot, SnapshotRefusedError, read_snapshot, restore
from tests.domain.calls import Driver, a_call

OFTEN = Policy(recording=RecordingPolicy(snapshot_every_ms=200))


def a_snapshot() -> dict[str, Any]:
    """Taken in the middle of an interview."""
    driver = Driver(OFTEN).asked()
    driver.speaks(900)
    driver.keeps_silent(300)
    driver.speaks(900)
    plain: dict[str, Any] = copy.deepcopy(driver.last(SnapshotTaken).snapshot)
    return plain


def test_a_snapshot_gives_everything_back_but_what_the_opening_has() -> None:
    """Given a snapshot, when it is restored into a call that was just opened, then every part is as it was."""
    driver = Driver(OFTEN).asked()
    driver.speaks(900)
    taken = driver.last(SnapshotTaken)
    restored = a_call(OFTEN)
    restore(restored, read_snapshot(msgspec.json.decode(msgspec.json.encode(taken.snapshot))))
    again = Driver(OFTEN).asked()
    while again.events[-1] != taken:
        again.speaks(20)
    parts = ("progress", "hearing", "endpointing", "playout", "delivery", "timers")
    for name in parts:
        assert getattr(restored, name) == getattr(again.call, name), name
    left_out = {"id", "tenant", "opened", "policy", "deferred_loss", "finishing", "_events", "_effects"}
    audio = {"candidate_audio", "interviewer_audio"}
    assert vars(restored).keys() == {*parts, "record", *audio, *left_out}
    assert all(getattr(restored, name).next_sample == getattr(again.call, name).next_sample for name in audio)


def fields(plain: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The path of every field in it."""
    if not isinstance(plain, dict):
        return []
    return [each for name, value in plain.items() for each in [(*path, name), *fields(value, (*path, name))]]


def parent_of(plain: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    for name in path[:-1]:
        plain = plain[name]
    return plain


COUNTED_BY_NAME = (("timers", "due_us"), ("progress", "ignored"))
"""These hold what there is, and no field is missing in them."""


@pytest.mark.parametrize(
    "path", [each for each in fields(a_snapshot()) if each[:2] not in COUNTED_BY_NAME], ids=".".join
)
def test_a_snapshot_without_a_field_is_refused(path: tuple[str, ...]) -> None:
    """Given any field removed, in whatever part, then nothing takes its place."""
    plain = a_snapshot()
    del parent_of(plain, path)[path[-1]]
    with pytest.raises(SnapshotRefusedError):
        read_snapshot(plain)


@pytest.mark.parametrize("path", [(), ("record",), ("record", "session"), ("hearing",), ("progress",), ("timers",)])
def test_a_snapshot_with_a_field_too_many_is_refused(path: tuple[str, ...]) -> None:
    """Given a field that nobody knows, in whatever part, then the snapshot is not of this core."""
    plain = a_snapshot()
    parent_of(plain, (*path, ""))["from_tomorrow"] = 1
    with pytest.raises(SnapshotRefusedError):
        read_snapshot(plain)


def test_a_snapshot_that_contradicts_itself_is_refused() -> None:
    """Given a closed call without an ending, then it was never taken of a call."""
    plain = a_snapshot()
    plain["record"]["state"] = "closed"
    with pytest.raises(SnapshotRefusedError, match="contradicts"):
        read_snapshot(plain)


def test_a_snapshot_of_another_schema_is_refused() -> None:
    """Given another schema version, then it says which one this is."""
    with pytest.raises(SnapshotRefusedError, match=f"this is {SNAPSHOT_SCHEMA}"):
        read_snapshot(a_snapshot() | {"schema": SNAPSHOT_SCHEMA + 1})


KNOWN_SCHEMAS = {1: "56b0546add5987a8"}
"""The hash of each schema version's fields and types."""


def without_prose(schema: Any) -> Any:
    """What a docstring says is not part of the schema, nor the order of a set's default."""
    if isinstance(schema, dict):
        return {name: without_prose(value) for name, value in schema.items() if name != "description"}
    if isinstance(schema, list):
        return sorted((without_prose(each) for each in schema), key=repr)
    return schema


def test_a_changed_field_needs_a_new_schema_version() -> None:
    """If this fails, raise `SNAPSHOT_SCHEMA` and add its hash here."""
    schema = msgspec.json.encode(without_prose(msgspec.json.schema(Snapshot)), order="deterministic")
    assert hashlib.sha256(schema).hexdigest()[:16] == KNOWN_SCHEMAS[SNAPSHOT_SCHEMA]


def test_a_snapshot_does_not_grow_with_the_call() -> None:
    """Given 60 questions and answers, then the last snapshot is no larger than the third one was."""
    driver = Driver(Policy(recording=RecordingPolicy(snapshot_every_ms=1_000))).connected()
    for question in range(60):
        driver.happens(inp.ModelTranscribed(text=f"Question {question}, which is a rather long one? " * 5))
        driver.model_sends(800)
        driver.happens(inp.ModelTurnCompleted())
        driver.client_plays(1_000)
        driver.speaks(600)
        driver.happens(inp.CandidateTranscribed(text="An answer that goes on and on. " * 20))
        driver.keeps_silent(2_300)
    sizes = [len(msgspec.json.encode(event.snapshot)) for event in driver.events if isinstance(event, SnapshotTaken)]
    assert len(sizes) > 60
    assert max(sizes[-10:]) < 1.1 * max(sizes[2:12])
    assert max(sizes) < 6_000
