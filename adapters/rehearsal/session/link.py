"""A session's connection to its client, and the only place where a fault strikes."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any

from websockets.asyncio.server import ServerConnection

from adapters.rehearsal.faults import FITS, Action, Fault, FaultWatch, Point
from adapters.rehearsal.session.session_log import SessionLog
from adapters.rehearsal.wire import messages
from adapters.rehearsal.wire.refusal import INTERNAL
from domain.errors import VivaError

# Reported by clients at the end of a connection's life; the protocol itself promises "terminated as
# ABORTED".
LIFETIME_REASON = "Deadline expired before operation could complete."


class LinkDroppedError(VivaError):
    """A fault ended the connection; nothing of what is still in its buffers counts."""


class Link:
    """Sends frames, waiting while the client does not read, and lets faults happen where they are
    due."""

    def __init__(
        self, connection: ServerConnection, watch: FaultWatch, tasks: asyncio.TaskGroup, log: SessionLog
    ) -> None:
        self.log = log
        self._connection = connection
        self._watch = watch
        self._tasks = tasks
        self._pending: set[asyncio.Task[None]] = set()
        self._actions: dict[Action, Callable[[Fault], Awaitable[None]]] = {
            Action.DROP: self._drop,
            Action.DELAY: self._delay,
            Action.GO_AWAY: self._go_away,
            Action.GARBAGE: self._garbage,
        }

    async def send(self, frame: bytes) -> None:
        """Send one message. Raises `ConnectionClosed` when the client is gone, which ends the
        session."""
        await self._connection.send(frame)
        self.log.sent(frame)

    def on(self, action: Action, strike: Callable[[Fault], Awaitable[None]]) -> None:
        """Let `strike` carry out an action that needs more than the connection."""
        self._actions[action] = strike

    async def passes(self, point: Point, count: int = 1) -> Mapping[Action, Fault]:
        """The session's course passes `point` now: let what is due strike.

        Returns the faults that change this point's own message: they are the caller's to make.
        """
        changes = {}
        for fault in self._watch.passes(point, count):
            if fault.action in FITS:
                self.log.note("struck", fault=fault.words)
                changes[fault.action] = fault
            elif fault.after_ms:
                self.spawn(self._later(fault))
            else:
                await self._strike(fault)
        return changes

    def strike(self, fault: Fault) -> bool:
        """Let an action happen now, wherever the session's course is; False if it is ending
        already."""
        striking = self._strike(fault)
        try:
            self.spawn(striking)
        except RuntimeError:  # the group of its tasks is shutting down
            striking.close()
            return False
        return True

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run `work` for as long as the session lives."""
        task = self._tasks.create_task(work)
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)
        return task

    def stop(self) -> None:
        """Cancel everything that was spawned."""
        for task in self._pending:
            task.cancel()

    async def end_of_life(self, lifetime_ms: int, go_away_ms: int) -> None:
        """Close the connection when its time is over, announced `go_away_ms` before."""
        notice_ms = min(go_away_ms, lifetime_ms)
        await asyncio.sleep((lifetime_ms - notice_ms) / 1000)
        await self._leave(notice_ms)

    async def _later(self, fault: Fault) -> None:
        await asyncio.sleep(fault.after_ms / 1000)
        await self._strike(fault)

    async def _strike(self, fault: Fault) -> None:
        self.log.note("struck", fault=fault.words)
        await self._actions[fault.action](fault)

    async def _drop(self, fault: Fault) -> None:
        if fault.abort:
            self._connection.transport.abort()
        else:
            await self._connection.close(fault.code, fault.reason)
        raise LinkDroppedError(f"{self._connection.id} was dropped at {fault.at}")

    async def _delay(self, fault: Fault) -> None:
        await asyncio.sleep(fault.ms / 1000)

    async def _go_away(self, fault: Fault) -> None:
        warning = messages.go_away(fault.time_left_ms)
        self.spawn(self.send(warning) if fault.goes_on else self._leave(fault.time_left_ms))

    async def _garbage(self, fault: Fault) -> None:
        await self.send(messages.garbage(fault.what))

    async def _leave(self, time_left_ms: int) -> None:
        ends = asyncio.get_running_loop().time() + time_left_ms / 1000
        with suppress(TimeoutError):
            async with asyncio.timeout_at(ends):  # a client that does not read cannot prolong its connection
                await self.send(messages.go_away(time_left_ms))
                await asyncio.sleep(time_left_ms / 1000)
        await self._connection.close(INTERNAL, LIFETIME_REASON)
