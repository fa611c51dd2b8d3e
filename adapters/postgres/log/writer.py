"""The one writer of a process: everything that waits goes into one transaction, then into the next.

One connection and one transaction at a time make a commit serve all calls at once (group commit):
that is faster than many connections queueing for the lock that keeps notification ids in commit
order. Nothing is acknowledged before its commit; whatever happens to Postgres meanwhile, the queue
keeps what is not acknowledged and tries again.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from time import monotonic
from typing import Any
from uuid import UUID

import asyncpg
import structlog

from adapters.cancelling import cancel_all
from adapters.pacing import Backoff
from adapters.postgres.failures import CONFLICT_STATES, UNAVAILABLE, UNFIT
from adapters.postgres.log.append_queue import AppendQueue, Entry, FlushMark, QueueLimits
from adapters.postgres.log.audio_rows import pack_each
from adapters.postgres.log.recorder import insert_events, select_recorded
from adapters.postgres.log.triage import Verdict, triage
from adapters.postgres.log.writer_stats import WriterStats
from domain.errors import StoreUnavailableError, WriterFullError
from domain.ports import Append, EventWriter, KeyRing, NullKeyRing, Outcome

_log = structlog.get_logger()
_CONNECT_TIMEOUT_S = 5.0
_COMMIT_TIMEOUT_S = 30.0


class GroupCommitWriter(EventWriter):
    """`async with GroupCommitWriter(dsn) as writer:`, or `start` and `aclose`. For one event loop."""

    def __init__(self, dsn: str, *, keys: KeyRing | None = None, limits: QueueLimits | None = None) -> None:
        self.stats = WriterStats()
        self._dsn = dsn
        self._keys = keys or NullKeyRing()
        self._queue = AppendQueue(limits or QueueLimits())
        self._backoff = Backoff()
        self._connection: Any = None
        self._in_flight: list[Entry] = []
        self._refused: Counter[UUID] = Counter()
        self._task: asyncio.Task[None] | None = None
        self._closing = False

    @property
    def running(self) -> bool:
        """Whether appends are being written; false before `start`, after `aclose` and after a
        crash."""
        return self._task is not None and not self._task.done()

    @property
    def queued(self) -> int:
        """Events that have no outcome yet."""
        return self._queue.events

    @property
    def queued_bytes(self) -> int:
        """The size of what has no outcome yet, with its audio as PCM."""
        return self._queue.bytes

    @property
    def behind_s(self) -> float:
        """For how many seconds the oldest append without an outcome has been waiting; 0 if there is
        none."""
        oldest = next((entry for entry in self._in_flight if entry.outcome is None), None) or self._queue.oldest()
        return monotonic() - oldest.since if oldest is not None else 0.0

    def submit(self, append: Append, then: Callable[[Outcome], None] | None = None) -> None:
        if self._closing or not self.running:
            raise StoreUnavailableError("the writer is not running: it was closed, or has not been started")
        try:
            self._queue.put(append, then)
        except WriterFullError:
            self.stats.refused += 1
            raise
        if append.call_id in self._refused:
            self._resolve(self._queue.remove_call(append.call_id), Outcome.CONFLICT)

    async def flush(self) -> None:
        if self.running:
            await self._queue.mark().reached.wait()

    async def start(self) -> None:
        """Begin to write. Raises `StoreUnavailableError` if Postgres cannot be reached now."""
        try:
            await self._connected()
        except UNAVAILABLE as error:
            raise StoreUnavailableError(f"cannot reach Postgres: {error}. Check DATABASE_URL") from error
        self._task = asyncio.create_task(self._run(), name="event-writer")
        self._task.add_done_callback(_report_crash)

    async def aclose(self, deadline_s: float = 5.0) -> int:
        """Write what waits, for at most `deadline_s` seconds; what is left then is LOST. Returns
        the appends lost."""
        self._closing = True
        before = self.stats.lost
        if self._task is not None:
            try:
                await asyncio.wait_for(self.flush(), deadline_s)
            except TimeoutError:
                _log.error("writer_closed_early", events=self.queued, deadline_s=deadline_s)
            await cancel_all([self._task])
        self._disconnect()
        return self.stats.lost - before

    async def __aenter__(self) -> "GroupCommitWriter":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _run(self) -> None:
        marks: list[FlushMark] = []
        try:
            while True:
                self._in_flight, marks = await self._queue.take()
                await self._pack(self._in_flight)
                await self._record([entry for entry in self._in_flight if entry.outcome is None])
                _reach(marks)
        finally:
            waiting, more_marks = self._queue.drain()
            self._resolve([*self._in_flight, *waiting], Outcome.LOST)
            _reach([*marks, *more_marks])

    async def _pack(self, entries: Sequence[Entry]) -> None:
        """Encode and seal the audio of `entries` in a thread, so that the loop is never held up for
        it.

        One trip for the whole batch: on a busy loop a trip for each would add up to seconds.
        """
        voiced = [entry for entry in entries if entry.append.audio]
        if not voiced:
            return
        packed = await asyncio.to_thread(pack_each, [entry.append.audio for entry in voiced], self._keys)
        for entry, rows in zip(voiced, packed, strict=True):
            if not isinstance(rows, Exception):
                entry.audio = rows
            elif entry.outcome is None:
                self._give_up(entry, rows)

    async def _record(self, entries: Sequence[Entry]) -> None:
        """Give every entry its outcome, however long that takes."""
        waiting = entries
        while waiting:
            try:
                waiting = await self._attempt(waiting)
                self._backoff.reset()
            except UNFIT as error:
                await self._isolate(waiting, error)
                return
            except UNAVAILABLE as error:
                await self._back_off(error)

    async def _attempt(self, entries: Sequence[Entry]) -> Sequence[Entry]:
        """One transaction for all of `entries`; returns those that are still to be recorded after a
        conflict."""
        connection = await self._connected()
        offered = sum(len(entry.events) for entry in entries)
        began = monotonic()
        try:
            await insert_events(
                connection,
                [(entry.append.tenant, event) for entry in entries for event in entry.events],
                [row for entry in entries for row in entry.audio],
            )
        except asyncpg.IntegrityConstraintViolationError as error:
            if error.sqlstate not in CONFLICT_STATES:
                raise
            rest = await self._sort_out(connection, entries)
            if sum(len(entry.events) for entry in rest) == offered:
                await self._back_off(error)  # Postgres and the triage disagree: do not spin
            return rest
        self.stats.last_commit_ms = (monotonic() - began) * 1000
        self.stats.batches += 1
        self._resolve(entries, Outcome.DURABLE)
        return ()

    async def _sort_out(self, connection: Any, entries: Sequence[Entry]) -> Sequence[Entry]:
        """Ask Postgres what it holds of `entries`, give those their outcome, return the rest."""
        versions = {
            (entry.append.call_id, version)
            for entry in entries
            for version in range(
                entry.append.events[0].originator_version - 1, entry.append.events[-1].originator_version + 1
            )
        }
        recorded = await select_recorded(connection, versions)
        rest: list[Entry] = []
        verdicts = triage([entry.events for entry in entries], recorded)
        for entry, (verdict, missing) in zip(entries, verdicts, strict=True):
            match verdict:
                case Verdict.RECORDED:
                    self._resolve([entry], Outcome.DURABLE)
                case Verdict.CONFLICT:
                    self._settle_rest_of_call(entry, Outcome.CONFLICT)
                case Verdict.APPEND:
                    entry.events = missing
                    rest.append(entry)
        return rest

    async def _isolate(self, entries: Sequence[Entry], error: BaseException) -> None:
        """One of `entries` cannot be stored: record them one by one to find it."""
        if len(entries) == 1:
            self._give_up(entries[0], error)
            return
        for entry in entries:
            if entry.outcome is None:
                await self._record([entry])

    def _give_up(self, entry: Entry, error: BaseException) -> None:
        call_id, version = entry.append.call_id, entry.append.events[0].originator_version
        _log.error("append_cannot_be_stored", call_id=str(call_id), version=version, error=repr(error))
        self._settle_rest_of_call(entry, Outcome.LOST)

    def _settle_rest_of_call(self, entry: Entry, outcome: Outcome) -> None:
        """Settle `entry` and everything of its call behind it, in flight or queued: it rests on
        what is not written."""
        call_id = entry.append.call_id
        in_flight = self._in_flight[self._in_flight.index(entry) :]
        behind = [later for later in in_flight if later.append.call_id == call_id]
        self._resolve([*behind, *self._queue.remove_call(call_id)], outcome)
        # Until its owner knows, it may submit more that rests on it.
        self._refused[call_id] += 1
        asyncio.get_running_loop().call_soon(self._forget_refusal, call_id)

    def _forget_refusal(self, call_id: UUID) -> None:
        self._refused[call_id] -= 1
        if not self._refused[call_id]:
            del self._refused[call_id]

    def _resolve(self, entries: Iterable[Entry], outcome: Outcome) -> None:
        loop = asyncio.get_running_loop()
        for entry in entries:
            if entry.outcome is not None:
                continue
            self._queue.resolve(entry, outcome)
            self.stats.count(outcome, len(entry.append.events))
            if entry.then is not None:
                # Not called from here: what it raises is its caller's bug and must not stop the
                # writer.
                loop.call_soon(entry.then, outcome)

    async def _back_off(self, error: BaseException) -> None:
        self._disconnect()
        self.stats.retries += 1
        delay_s = self._backoff.next_s()
        _log.warning("writer_retries", error=repr(error), waiting_events=self.queued, delay_s=round(delay_s, 3))
        await asyncio.sleep(delay_s)

    async def _connected(self) -> Any:
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(
                self._dsn,
                timeout=_CONNECT_TIMEOUT_S,
                command_timeout=_COMMIT_TIMEOUT_S,
                server_settings={"application_name": "viva-writer"},
            )
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


def _reach(marks: Iterable[FlushMark]) -> None:
    for mark in marks:
        mark.reached.set()


def _report_crash(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.critical("writer_crashed", exc_info=error)
