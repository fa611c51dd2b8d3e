"""That this process lives, and whether the owners of other calls do.

A process shows it in two ways on one connection: a row that it renews, and an advisory lock of the
session, which Postgres frees at once when the process is killed. The lock is a shared one, so that
a new connection never waits for what is left of the old one. Needs a direct connection or a pooler
in session mode.
"""

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any, Self
from uuid import UUID, uuid4

import asyncpg
import structlog

from adapters.cancelling import cancel_all
from adapters.pacing import Backoff
from adapters.postgres.dsn import normalise
from adapters.postgres.failures import UNAVAILABLE
from adapters.postgres.lease_watch import LeaseTimes, LeaseWatch, Sight
from domain.errors import StoreError, StoreUnavailableError

_log = structlog.get_logger()
_TIMEOUT_S = 3.0
_LEFT_WITHIN_S = 1.0
_FRESH_S = 0.03
_LONGEST_WAIT_S = 0.5
"""Between tries to reconnect; with the timeout well below the lease."""

_KEY = "('x' || left(replace({}::text, '-', ''), 16))::bit(64)"
"""Of a process's advisory lock: the first half of its id."""

_LOCK = f"SELECT pg_advisory_lock_shared({_KEY.format('$1::uuid')}::bigint)"
_RENEW = """
    WITH forgotten AS (
        DELETE FROM processes AS p WHERE p.seen_at < clock_timestamp() - make_interval(secs => $2)
            AND p.process <> $1 AND NOT EXISTS (SELECT FROM open_calls AS o WHERE o.process = p.process)
    )
    INSERT INTO processes (process) VALUES ($1) ON CONFLICT (process) DO UPDATE SET seen_at = clock_timestamp()
"""
_LEAVE = "DELETE FROM processes WHERE process = $1"
_LOOK = f"""
    WITH held AS MATERIALIZED (
        SELECT (classid::bigint << 32 | objid::bigint)::bit(64) AS key FROM pg_locks
        WHERE locktype = 'advisory' AND objsubid = 1
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    ), watched AS (
        SELECT process FROM processes WHERE seen_at > clock_timestamp() - make_interval(secs => $1)
        UNION SELECT process FROM open_calls WHERE process IS NOT NULL
    )
    SELECT extract(epoch FROM clock_timestamp() - pg_postmaster_start_time())::float8 AS up_s,
           w.process, extract(epoch FROM clock_timestamp() - p.seen_at)::float8 AS age_s,
           {_KEY.format("w.process")} IN (SELECT key FROM held) AS held
    FROM (VALUES (1)) AS always LEFT JOIN watched AS w ON true LEFT JOIN processes AS p ON p.process = w.process
"""  # noqa: S608 - a constant
_WATCHED_LEASES = 6
"""Rows older than so many leases are looked at only if a call names them."""

_OWNER = "SELECT process, epoch FROM open_calls WHERE call_id = $1"
# In an order of chance, so that processes which start together do not all reach for the same calls.
_ORPHANS = """
    SELECT call_id FROM open_calls
    WHERE process = ANY ($1)
        OR (process IS NULL AND changed_at <= clock_timestamp() - make_interval(secs => $2))
        OR (process = $3 AND call_id <> ALL ($4) AND changed_at <= clock_timestamp() - make_interval(secs => $5))
    ORDER BY random() LIMIT $6
"""


@dataclass(frozen=True, slots=True)
class Owner:
    """Who owns an open call. `gone`: the process is, or there is none, because the call was handed
    over."""

    process: UUID | None
    epoch: int
    gone: bool


class Leases:
    """`async with Leases(dsn, on_asked=...) as leases`: this process is known to live until the end
    of the block.

    Entering raises `StoreUnavailableError` if Postgres cannot be reached, `StoreError` if it is not
    migrated. For one event loop; `on_asked` runs on it and may be set later.
    """

    def __init__(
        self,
        dsn: str,
        *,
        on_asked: Callable[[UUID], None] = lambda _: None,
        times: LeaseTimes | None = None,
    ) -> None:
        self.process = uuid4()
        """This process, as events and tables name it. Fresh with every start."""
        self.on_asked = on_asked
        """Called with the id of a call that another process would like to have."""
        self.reconnects = 0
        """How often the connection had to be made again."""
        self._dsn = normalise(dsn)
        self._times = times or LeaseTimes()
        self._watch = LeaseWatch(self._times)
        self._connection: Any = None
        self._turn = asyncio.Lock()
        self._lost = asyncio.Event()
        self._renewed_at = monotonic()
        self._looking, self._looked_at = asyncio.Lock(), -_FRESH_S
        self._task: asyncio.Task[None] | None = None

    @property
    def healthy(self) -> bool:
        """Whether this process's own lease is being renewed."""
        return self.unrenewed_s < self._times.lease_s / 2

    @property
    def unrenewed_s(self) -> float:
        """Seconds since the lease was last renewed; after the lease's length, other processes may
        take calls over."""
        return monotonic() - self._renewed_at

    async def owner(self, call_id: UUID) -> Owner | None:
        """Who owns this call; None if it is not open. Raises `StoreUnavailableError`."""
        rows = await self._answer(_OWNER, call_id)
        if not rows:
            return None
        process, epoch = rows[0]
        if process is None:
            return Owner(None, epoch, gone=True)
        owner = _plain(process)
        if owner != self.process:
            await self._look_now()
        return Owner(owner, epoch, self._watch.is_gone(owner))

    async def orphans(
        self, limit: int, *, gone_s: float = 0.0, free_s: float = 0.0, held: Collection[UUID] | None = None
    ) -> list[UUID]:
        """Open calls whose owner is gone, for `gone_s` seconds as far as was seen, or that were let
        go `free_s` ago.

        With `held`, the calls that live in this process, also those that are this process's and do
        not: it gave them up before their opening or takeover was recorded, or they broke. At most
        `limit`, in no order. Raises `StoreUnavailableError`.
        """
        await self._look_now()
        mine = self.process if held is not None else None
        gone, lease_s = self._watch.gone(gone_s), self._times.lease_s
        rows = await self._answer(_ORPHANS, gone, free_s, mine, list(held or ()), lease_s, limit)
        return [_plain(row[0]) for row in rows]

    async def ask(self, call_id: UUID, process: UUID) -> None:
        """Ask `process` to hand this call over. Whether it heard shows in `owner`. Raises
        `StoreUnavailableError`."""
        await self._answer("SELECT pg_notify($1, $2)", _channel(process), str(call_id))

    async def __aenter__(self) -> Self:
        try:
            await self._enter()
        except asyncpg.UndefinedTableError as error:
            raise StoreError("the database has no table of processes yet: run `viva db upgrade`") from error
        except UNAVAILABLE as error:
            raise StoreUnavailableError(f"cannot reach Postgres: {error}. Check DATABASE_URL") from error
        self._task = asyncio.create_task(self._run(), name="leases")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            await cancel_all([self._task])
        with suppress(StoreUnavailableError, TimeoutError):  # then the others find the lock free
            async with asyncio.timeout(_LEFT_WITHIN_S):
                await self._answer(_LEAVE, self.process)
        self._drop()

    async def _run(self) -> None:
        backoff = Backoff(ceiling_s=_LONGEST_WAIT_S)
        while True:
            try:
                if self._connection is None:
                    await self._enter()
                    self._watch.interrupted()
                    self.reconnects += 1
                while True:
                    await self._keep()
                    backoff.reset()
            except UNAVAILABLE as error:
                # What Postgres refuses, such as writing, it may grant later; giving up the lock
                # would not help.
                if not isinstance(error, asyncpg.PostgresError) or self._connection is None or self._lost.is_set():
                    self._drop()
                delay_s = backoff.next_s()
                _log.warning("lease_retries", error=repr(error), unrenewed_s=round(self.unrenewed_s, 1))
                await asyncio.sleep(delay_s)

    async def _keep(self) -> None:
        """Renew if it is time to, look at the others, wait. Raises as soon as the connection is
        lost."""
        if self.unrenewed_s >= self._times.renew_s:
            await self._renew()
        await self._look()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._lost.wait(), self._times.look_s)
            raise ConnectionResetError("Postgres closed the connection of the lease")

    async def _enter(self) -> None:
        """Connect, take the lock, then write the row: a row without a lock is a process that died."""
        lost = self._lost = asyncio.Event()
        connection: Any = await asyncpg.connect(
            self._dsn,
            timeout=_TIMEOUT_S,
            command_timeout=_TIMEOUT_S,
            server_settings={"application_name": "viva-lease"},
        )
        try:
            connection.add_termination_listener(lambda *_: lost.set())
            # A lease that a crash of Postgres forgets does no harm, and renewing must not wait for
            # a slow disk.
            await connection.execute("SET synchronous_commit = off")
            await connection.execute(_LOCK, self.process)
            await connection.add_listener(_channel(self.process), self._asked)
            self._connection = connection
            await self._renew()
        except BaseException:
            connection.terminate()
            self._connection = None
            raise

    async def _renew(self) -> None:
        await self._fetch(_RENEW, self.process, self._times.forget_s)
        self._renewed_at = monotonic()

    async def _look(self) -> None:
        began_at = monotonic()
        rows = await self._fetch(_LOOK, self._times.lease_s * _WATCHED_LEASES)
        sights = [Sight(_plain(row["process"]), row["age_s"], row["held"]) for row in rows if row["process"]]
        self._watch.note(sights, up_s=rows[0]["up_s"], began_at=began_at)
        self._looked_at = monotonic()

    async def _look_now(self) -> None:
        """Unless somebody has just done so: many calls may be asked about at once."""
        async with self._looking:
            if monotonic() - self._looked_at < _FRESH_S:
                return
            try:
                await self._look()
            except UNAVAILABLE as error:
                raise _unavailable(error) from error

    async def _answer(self, statement: str, *arguments: object) -> list[Any]:
        try:
            return await self._fetch(statement, *arguments)
        except UNAVAILABLE as error:
            raise _unavailable(error) from error

    async def _fetch(self, statement: str, *arguments: object) -> list[Any]:
        """One statement at a time; raises what asyncpg raises."""
        async with self._turn:
            if self._connection is None:
                raise ConnectionError("there is no connection to Postgres now")
            rows: list[Any] = await self._connection.fetch(statement, *arguments)
            return rows

    def _asked(self, _: object, __: int, ___: str, payload: object) -> None:
        try:
            call_id = UUID(str(payload))
        except ValueError:
            _log.warning("lease_notification_unreadable", payload=str(payload)[:80])
            return
        self.on_asked(call_id)

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()


def _channel(process: UUID) -> str:
    return f"viva_{process.hex}"


def _unavailable(error: BaseException) -> StoreUnavailableError:
    return StoreUnavailableError(f"the owner of a call cannot be looked up now: {error!r}")


def _plain(value: UUID) -> UUID:
    """asyncpg's own subclass is equal to it, but msgspec and psycopg ask for the exact type."""
    return UUID(int=value.int)
