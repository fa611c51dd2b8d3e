"""One projection kept up to date: follow the log, project batch after batch, for ever.

A runner never gives up. Whatever goes wrong with the database is written to its status and to the
log of the process, and tried again after a wait that doubles up to a bound. Several runners of one
projection may run at once, in one process or many: the checkpoint's lock lets each batch through
once.
"""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, cast

import structlog

from domain.errors import StoreUnavailableError
from domain.ports import EventReader
from projections.batch import project
from projections.checkpoint import Lag, RewoundError, read_checkpoint, read_lag
from projections.connection import Connections
from projections.dead_letters import reason_of
from projections.read_model import Decoder, ReadModel

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from domain.ports import Notification

_log = structlog.get_logger(__name__)


class Phase(StrEnum):
    """What a runner is doing."""

    STOPPED = "stopped"
    FOLLOWING = "following"
    WAITING = "waiting"
    """Something failed; it is tried again after a wait."""


@dataclass(frozen=True, slots=True)
class Status:
    """`checkpoint` is the last notification this runner knows to be projected, by itself or by
    another runner.

    `failures` counts those since a batch worked or nothing was left to project, `last_error` says
    what the latest was ("" if none).
    """

    name: str
    phase: Phase = Phase.STOPPED
    checkpoint: int = 0
    failures: int = 0
    last_error: str = ""


class Backoff(Protocol):
    """How long to wait before each next try."""

    def next_s(self) -> float:
        """Seconds; they grow with each call."""

    def reset(self) -> None:
        """It worked: begin again at the shortest."""


class ProjectionRunner:
    """The runner of one read model. `run` it in a task; cancel the task to stop it."""

    def __init__(
        self,
        model: ReadModel,
        reader: EventReader,
        connections: Connections,
        decode: Decoder,
        *,
        backoff: Backoff,
        gather_s: float = 0.0,
    ) -> None:
        """`backoff` says how long to wait after a failure; it is this runner's own.

        After each batch the runner waits `gather_s`, so that a busy log is projected a few times a
        second and not once a commit, which was a quarter of a server's work at ten calls. A quiet
        log is still projected at once.
        """
        self._model = model
        self._reader = reader
        self._connections = connections
        self._decode = decode
        self._backoff = backoff
        self._gather_s = gather_s
        self._status = Status(model.name)
        self._changed = asyncio.Condition()

    @property
    def status(self) -> Status:
        """What the runner is doing now."""
        return self._status

    async def lag(self) -> Lag:
        """How far the projection is behind the log. Raises what the database raises."""
        async with self._connections.acquire() as connection:
            return await read_lag(connection, self._model.name)

    async def reached(self, notification_id: int) -> None:
        """Return once everything up to `notification_id` is projected, for reading what was just
        written."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._status.checkpoint >= notification_id)

    async def failed(self) -> Status:
        """Return the status once the runner is waiting after a failure."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._status.phase is Phase.WAITING)
            return self._status

    async def run(self) -> None:
        """Project for ever. Ends only by cancellation."""
        try:
            while True:
                try:
                    await self._follow()
                except RewoundError as rewound:
                    _log.info("projection_rewound", projection=self._model.name, checkpoint=rewound.checkpoint)
                except Exception as error:  # noqa: BLE001 - shown in the status and the log, and tried again
                    await asyncio.sleep(await self._note_failure(error))
        finally:
            self._status = replace(self._status, phase=Phase.STOPPED)

    async def _follow(self) -> None:
        """Project from the checkpoint on, until something fails or a rebuild sets the projection
        back."""
        async with self._connections.acquire() as connection:
            after = await read_checkpoint(connection, self._model.name)
        caught_up = (await self._reader.max_notification_id() or 0) <= after
        await self._tell(
            Status(self._model.name, Phase.FOLLOWING, after)  # whatever failed, there is nothing left of it
            if caught_up
            else replace(self._status, phase=Phase.FOLLOWING, checkpoint=after)
        )
        batches = cast("AsyncGenerator[Sequence[Notification], None]", self._reader.follow(after))
        async with aclosing(batches):
            async for batch in batches:
                async with self._connections.acquire() as connection:
                    checkpoint = await project(connection, self._model, self._decode, after, batch)
                after = batch[-1].id
                await self._tell(Status(self._model.name, Phase.FOLLOWING, checkpoint))
                if self._gather_s:
                    await asyncio.sleep(self._gather_s)
        raise StoreUnavailableError("the log's reader stopped following: it is started again")

    async def _note_failure(self, error: Exception) -> float:
        """Write the failure down; return how many seconds to wait."""
        failures = self._status.failures + 1
        if failures == 1:
            self._backoff.reset()
        reason = reason_of(error)
        wait_s = self._backoff.next_s()
        _log.warning("projection_failed", projection=self._model.name, failures=failures, reason=reason, wait_s=wait_s)
        await self._tell(replace(self._status, phase=Phase.WAITING, failures=failures, last_error=reason))
        return wait_s

    async def _tell(self, status: Status) -> None:
        async with self._changed:
            self._status = status
            self._changed.notify_all()
