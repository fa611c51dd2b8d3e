"""As much of a call's log as it takes to go on with it."""

import asyncio
from collections.abc import Generator
from typing import NamedTuple
from uuid import UUID

import structlog

from api.live.call_ports import CallPorts
from domain.event import Event
from domain.events import SnapshotTaken
from domain.ports import AudioSegment, Side
from domain.recovery.recover import Recovered, is_snapshot, recovering
from domain.recovery.snapshot import SnapshotRefusedError

_log = structlog.get_logger(__name__)
_STEPS_AT_ONCE = 50
_EVENTS_AT_ONCE = 100


class CallLog(NamedTuple):
    """What `domain.recovery.recover` needs: the opening, and all that follows it, or all from a
    snapshot on."""

    events: list[Event]
    audio: list[AudioSegment]


async def recover_call(ports: CallPorts, call_id: UUID) -> Recovered:
    """The call as its log has it: from its newest snapshot on, or, where that is refused, from the
    beginning.

    Raises `StoreUnavailableError`.
    """
    version = await ports.reader.newest_version(call_id, SnapshotTaken.TOPIC)
    if version > 1:
        log = await _since(ports, call_id, version)
        try:
            if not is_snapshot(log.events[1]):
                raise SnapshotRefusedError("a core of another decision version took it")
            return await _in_steps(recovering(*log))
        except SnapshotRefusedError as error:
            _log.warning("snapshot_refused", call_id=str(call_id), reason=str(error))
    log = await _since(ports, call_id, 1)
    return await _in_steps(recovering(*log, from_snapshot=False))


async def _in_steps(steps: Generator[None, None, Recovered]) -> Recovered:
    """On the loop, where the core lives, a few at a time: other calls are being held."""
    while True:
        try:
            for _ in range(_STEPS_AT_ONCE):
                next(steps)
        except StopIteration as done:
            recovered: Recovered = done.value
            return recovered
        await asyncio.sleep(0)


async def _since(ports: CallPorts, call_id: UUID, version: int) -> CallLog:
    stored = [*(await ports.reader.select_events(call_id, lte=1) if version > 1 else ())]
    stored += await ports.reader.select_events(call_id, gt=version - 1)
    events = []
    for event in stored:
        events.append(ports.codec.to_event(event))
        if len(events) % _EVENTS_AT_ONCE == 0:
            await asyncio.sleep(0)
    first = {Side.CANDIDATE: 0, Side.INTERVIEWER: 0}
    if version > 1 and isinstance(events[1], SnapshotTaken):
        snapshot = events[1].snapshot
        first = {side: snapshot.get(f"{side}_sample", 0) for side in Side}
    audio = [segment for side in Side for segment in await ports.audio.select_audio(call_id, side, first[side])]
    return CallLog(events, audio)
