"""Calls without an owner find one: those of a process that died, or handed them over, and whose
client does not come.

A process that starts takes what it finds at once. Later it gives clients time to land somewhere
first, so that a call is not taken to one process while its client is on the way to another.
"""

import asyncio
from time import monotonic

import structlog

from adapters.postgres.leases import Leases
from api.ownership.registry import CallRegistry
from domain.errors import StoreUnavailableError

_log = structlog.get_logger(__name__)
_STARTING_S, _LOOK_WHEN_STARTING_S = 2.0, 0.2
"""It takes a moment to be sure that a process has died; one that starts after a crash waits for no
more than that."""
_LOOK_EVERY_S, _LEFT_ALONE_S = 2.0, 3.0
_MOST_AT_ONCE = 100


async def watch_for_orphans(leases: Leases, registry: CallRegistry) -> None:
    """Look for them for ever, and take them over."""
    began = monotonic()
    while True:
        age_s = monotonic() - began
        starting = age_s < _STARTING_S
        gone_s, free_s = (0.0, age_s) if starting else (_LEFT_ALONE_S, _LEFT_ALONE_S)
        try:
            orphans = await leases.orphans(_MOST_AT_ONCE, gone_s=gone_s, free_s=free_s, held=registry.held)
        except StoreUnavailableError as error:
            _log.info("orphans_not_seen", reason=str(error))
        else:
            await registry.take_over_orphans(orphans)
        await asyncio.sleep(_LOOK_WHEN_STARTING_S if starting else _LOOK_EVERY_S)
