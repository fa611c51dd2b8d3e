"""Who is right when a batch meets events that are already recorded: a plain function of both, used
by both stores.

An append whose events are all recorded already, with the same ids, has succeeded before: its
acknowledgement was lost. One whose version another event holds, or whose predecessor is missing,
has lost its call to another writer.
"""

from collections.abc import Mapping, Sequence
from enum import Enum, auto
from uuid import UUID

from adapters.postgres.log.event_ids import IdentifiedEvent

Recorded = Mapping[tuple[UUID, int], UUID]
"""Event ids by call and version, for every version offered and the one before each append."""


class Verdict(Enum):
    """What to do with an append."""

    RECORDED = auto()
    CONFLICT = auto()
    APPEND = auto()


def triage(
    offered: Sequence[Sequence[IdentifiedEvent]], recorded: Recorded
) -> list[tuple[Verdict, Sequence[IdentifiedEvent]]]:
    """For each append, in order, the verdict and the events of it that are still to be recorded.

    After a call's first conflict, its later appends conflict too: they rest on what was not
    written.
    """
    present = dict(recorded)
    lost: set[UUID] = set()
    verdicts: list[tuple[Verdict, Sequence[IdentifiedEvent]]] = []
    for events in offered:
        call_id = _call_of(events[0])
        verdict, missing = (Verdict.CONFLICT, events) if call_id in lost else _verdict_on(call_id, events, present)
        if verdict is Verdict.CONFLICT:
            lost.add(call_id)
        else:
            present.update(((call_id, event.stored.originator_version), event.event_id) for event in missing)
        verdicts.append((verdict, missing))
    return verdicts


def _verdict_on(
    call_id: UUID, events: Sequence[IdentifiedEvent], present: Recorded
) -> tuple[Verdict, Sequence[IdentifiedEvent]]:
    known = 0
    while (
        known < len(events)
        and present.get((call_id, events[known].stored.originator_version)) == events[known].event_id
    ):
        known += 1
    missing = events[known:]
    if not missing:
        return Verdict.RECORDED, missing
    if any((call_id, event.stored.originator_version) in present for event in missing):
        return Verdict.CONFLICT, events
    first = missing[0].stored.originator_version
    if first > 1 and (call_id, first - 1) not in present:
        return Verdict.CONFLICT, events
    return Verdict.APPEND, missing


def _call_of(event: IdentifiedEvent) -> UUID:
    call_id = event.stored.originator_id
    assert isinstance(call_id, UUID)
    return call_id
