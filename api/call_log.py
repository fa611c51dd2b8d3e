"""As much of a call's log as it takes to go on with it."""

import asyncio
from typing import NamedTuple
from uuid import UUID

import structlog

from adapters.postgres.store import PostgresStore
from domain.errors import BugError
from domain.event import Event
from domain.events import CallRemembered
from domain.ports import AudioSegment, Side
from domain.recovery import Recovered, recover, remembers

_log = structlog.get_logger(__name__)


class CallLog(NamedTuple):
    """What `domain.recovery.recover` wants: the opening, and all that follows it or all since a memory of the call."""

    events: list[Event]
    audio: list[AudioSegment]


async def recover_call(store: PostgresStore, call_id: UUID) -> Recovered:
    """The call as its log has it: from its newest memory on, or from the beginning if this core has no use for that.

    Raises `StoreUnavailableError`.
    """
    version = await store.reader.newest_version(call_id, CallRemembered.TOPIC)
    if version > 1:
        log = await _since(store, call_id, version)
        if remembers(log.events[1]):
            try:
                return await asyncio.to_thread(recover, *log)
            except BugError as error:
                _log.warning("call_memory_of_no_use", call_id=str(call_id), reason=str(error))
    log = await _since(store, call_id, 1)
    return await asyncio.to_thread(recover, *log, remembering=False)


async def _since(store: PostgresStore, call_id: UUID, version: int) -> CallLog:
    stored = [*(await store.reader.select_events(call_id, lte=1) if version > 1 else ())]
    stored += await store.reader.select_events(call_id, gt=version - 1)
    events = [store.mapper.to_event(event) for event in stored]
    first = {Side.CANDIDATE: 0, Side.INTERVIEWER: 0}
    if version > 1 and isinstance(events[1], CallRemembered):
        memory = events[1].memory
        first = {side: memory[f"{side}_audio"]["next_sample"] for side in Side}
    audio = [segment for side in Side for segment in await store.audio.select_audio(call_id, side, first[side])]
    return CallLog(events, audio)
