"""Reading the log and the audio, over a pool of connections."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import structlog

from adapters.backoff import Backoff
from adapters.postgres.failures import UNAVAILABLE
from adapters.postgres.listener import Listener
from adapters.postgres.log.audio_rows import unpack
from domain.errors import StoreUnavailableError
from domain.ports import AudioSegment, AudioStore, EventReader, KeyRing, Notification, NullKeyRing, Side, StoredEvent
from domain.sound.segments import cut_out

_log = structlog.get_logger()
_PAGE = 500
_POLL_S = 1.0
"""How long `follow` trusts the silence of its listener."""

_SELECT_AUDIO = """
    SELECT tenant, call_id, side, sha256, codec, rate_hz, first_sample, sealed, data, arrivals
    FROM call_audio WHERE call_id = $1 AND side = $2 AND first_sample >= $3 ORDER BY first_sample, recorded_at
"""
_NEWEST_VERSION = """
    SELECT originator_version FROM call_events
    WHERE originator_id = $1 AND topic = $2 ORDER BY originator_version DESC LIMIT 1
"""
_SELECT_STRETCH = """
    SELECT tenant, call_id, side, sha256, codec, rate_hz, first_sample, sealed, data, arrivals
    FROM call_audio
    WHERE call_id = $1 AND side = $2 AND first_sample < $4 AND first_sample + samples > $3
    ORDER BY first_sample, recorded_at
"""


class PostgresReader(EventReader, AudioStore):
    """`pool` is an asyncpg pool; `listener` wakes `follow`. Raises `StoreUnavailableError` if
    Postgres is away."""

    def __init__(self, pool: Any, listener: Listener, *, keys: KeyRing | None = None, poll_s: float = _POLL_S) -> None:
        self._pool = pool
        self._listener = listener
        self._keys = keys or NullKeyRing()
        self._poll_s = poll_s

    async def select_events(
        self,
        originator_id: UUID,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        where = _Where()
        where.add("originator_id = {}", originator_id)
        if gt is not None:
            where.add("originator_version > {}", gt)
        if lte is not None:
            where.add("originator_version <= {}", lte)
        order = "originator_version DESC" if desc else "originator_version"
        rows = await self._fetch(where.select("originator_id, originator_version, topic, state", order, limit))
        return [StoredEvent(_uuid(row[0]), row[1], row[2], row[3]) for row in rows]

    async def newest_version(self, originator_id: UUID, topic: str) -> int:
        rows = await self._fetch((_NEWEST_VERSION, [originator_id, topic]))
        return rows[0][0] if rows else 0

    async def select_notifications(
        self,
        start: int | None,
        limit: int,
        topics: Sequence[str] = (),
        *,
        stop: int | None = None,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        where = _Where()
        if start is not None:
            where.add("notification_id >= {}" if inclusive_of_start else "notification_id > {}", start)
        if stop is not None:
            where.add("notification_id <= {}", stop)
        if topics:
            where.add("topic = ANY({}::text[])", list(topics))
        columns = "originator_id, originator_version, topic, state, notification_id"
        rows = await self._fetch(where.select(columns, "notification_id", limit))
        return [Notification(_uuid(row[0]), row[1], row[2], row[3], row[4]) for row in rows]

    async def max_notification_id(self) -> int | None:
        rows = await self._fetch(("SELECT max(notification_id) FROM call_events", []))
        newest: int | None = rows[0][0]
        return newest

    async def follow(self, after: int = 0, topics: Sequence[str] = ()) -> AsyncIterator[Sequence[Notification]]:
        backoff = Backoff()
        with self._listener.wakes() as wake:
            while True:
                wake.clear()
                try:
                    # Read before the page: ids become visible in order, so everything up to it is
                    # in the page.
                    newest = await self.max_notification_id() or 0
                    page = await self.select_notifications(after, _PAGE, topics, inclusive_of_start=False)
                except StoreUnavailableError as error:
                    _log.warning("follower_waits", error=str(error), after=after)
                    await asyncio.sleep(backoff.next_s())
                    continue
                backoff.reset()
                if page:
                    after = page[-1].id
                    yield page
                else:
                    after = max(after, newest)
                    await _wait(wake, self._poll_s)

    async def select_audio(self, call_id: UUID, side: Side, from_sample: int = 0) -> Sequence[AudioSegment]:
        rows = await self._fetch((_SELECT_AUDIO, [call_id, side.value, from_sample]))
        return await asyncio.to_thread(unpack, rows, self._keys)

    async def select_pcm(self, call_id: UUID, side: Side, from_sample: int, to_sample: int) -> bytes:
        rows = await self._fetch((_SELECT_STRETCH, [call_id, side.value, from_sample, to_sample]))
        return await asyncio.to_thread(lambda: cut_out(unpack(rows, self._keys), from_sample, to_sample))

    async def _fetch(self, query: tuple[str, list[Any]]) -> list[Any]:
        statement, arguments = query
        with _translated():
            rows: list[Any] = await self._pool.fetch(statement, *arguments)
            return rows


class _Where:
    """The conditions of one SELECT on the log, with their arguments."""

    def __init__(self) -> None:
        self._conditions: list[str] = []
        self._arguments: list[Any] = []

    def add(self, condition: str, argument: object) -> None:
        self._arguments.append(argument)
        self._conditions.append(condition.format(f"${len(self._arguments)}"))

    def select(self, columns: str, order: str, limit: int | None) -> tuple[str, list[Any]]:
        where = " AND ".join(self._conditions) or "true"
        self._arguments.append(limit)  # LIMIT NULL is no limit
        # Only our own words and placeholders are put together here.
        text = f"SELECT {columns} FROM call_events WHERE {where} ORDER BY {order} LIMIT ${len(self._arguments)}"  # noqa: S608
        return text, self._arguments


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except UNAVAILABLE as error:
        raise StoreUnavailableError(f"the log cannot be read now: {error!r}") from error


async def _wait(wake: asyncio.Event, timeout_s: float) -> None:
    try:
        await asyncio.wait_for(wake.wait(), timeout_s)
    except TimeoutError:
        return


def _uuid(value: UUID) -> UUID:
    """A plain UUID: asyncpg's own subclass is equal to it, but msgspec and psycopg ask for the
    exact type."""
    return UUID(int=value.int)
