"""A call's snapshot: its state at a moment at which no audio waits to be stored. Recovery may begin there.

Its fields are named and typed by the values it is made of, and it has a schema version. A snapshot
in which anything is missing, unknown or of another type is refused: recovery then folds the call
from its opening. Text that the log has is not in it, so its size does not grow with the call.
"""

from typing import Any

import msgspec
from msgspec import Struct

from domain.aggregate import CallAggregate, Progress
from domain.errors import BugError
from domain.event import RawJson
from domain.record.record import Record
from domain.sound.delivery import Delivery
from domain.sound.endpointing import Endpointing
from domain.sound.hearing import Hearing
from domain.sound.playout import Playout
from domain.timers import Timers

SNAPSHOT_SCHEMA = 1
"""Raised whenever a field of a snapshot changes its name, its type or its meaning."""


_encoder = msgspec.json.Encoder(order="deterministic")


class SnapshotRefusedError(BugError):
    """A snapshot is not of this schema: the call has to be folded from its opening."""


class Snapshot(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The state of a call. `*_sample` is where that side's next segment of audio begins."""

    schema: int
    record: Record
    progress: Progress
    hearing: Hearing
    endpointing: Endpointing
    playout: Playout
    delivery: Delivery
    timers: Timers
    candidate_sample: int
    interviewer_sample: int


def take_snapshot(call: CallAggregate) -> RawJson:
    """The snapshot of a call whose audio is all sealed, as plain JSON."""
    snapshot = Snapshot(
        schema=SNAPSHOT_SCHEMA,
        record=call.record,
        progress=call.progress,
        hearing=call.hearing,
        endpointing=call.endpointing,
        playout=call.playout,
        delivery=call.delivery,
        timers=call.timers,
        candidate_sample=call.candidate_audio.next_sample,
        interviewer_sample=call.interviewer_audio.next_sample,
    )
    return _plain(snapshot)


def read_snapshot(plain: RawJson) -> Snapshot:
    """The snapshot in `plain`. Raises `SnapshotRefusedError` on any difference from this schema.

    What is read and written again has to be the same: a field that is missing would come back with
    its default, one that is unknown would not come back at all.
    """
    if plain.get("schema") != SNAPSHOT_SCHEMA:
        raise SnapshotRefusedError(f"its schema is {plain.get('schema')!r}, this is {SNAPSHOT_SCHEMA}")
    try:
        snapshot = msgspec.convert(plain, Snapshot, str_keys=True)
    except (msgspec.ValidationError, BugError) as error:
        raise SnapshotRefusedError(f"it does not fit: {error}") from error
    differing = sorted(_differences(plain, _plain(snapshot)))
    if differing:
        raise SnapshotRefusedError(f"its fields are not those of this schema: {', '.join(differing)}")
    return snapshot


def restore(call: CallAggregate, snapshot: Snapshot) -> None:
    """Give a call that was just opened the state of `snapshot`, which belongs to it from now on."""
    call.record, call.progress = snapshot.record, snapshot.progress
    call.hearing, call.endpointing = snapshot.hearing, snapshot.endpointing
    call.playout, call.delivery, call.timers = snapshot.playout, snapshot.delivery, snapshot.timers
    call.candidate_audio.jump(snapshot.candidate_sample)
    call.interviewer_audio.jump(snapshot.interviewer_sample)


def _plain(snapshot: Snapshot) -> RawJson:
    plain: RawJson = msgspec.json.decode(_encoder.encode(snapshot))
    return plain


def _differences(one: Any, other: Any, path: str = "") -> list[str]:
    """The paths at which two pieces of plain JSON differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        return [
            difference
            for name in one.keys() | other.keys()
            for difference in (
                _differences(one[name], other[name], f"{path}.{name}".lstrip("."))
                if name in one and name in other
                else [f"{path}.{name}".lstrip(".")]
            )
        ]
    return [] if one == other else [path]
