"""Somebody who appends to many calls without a pause, and what of it was recorded."""

import asyncio
from uuid import UUID

from adapters.postgres.store import PostgresStore
from domain.ports import Outcome
from tests.contracts.calls import append, new_call


class Producer:
    """Appends to several calls without a pause, each append once the one before it has its outcome."""

    def __init__(self, store: PostgresStore, calls: int = 20) -> None:
        self._store = store
        self.acknowledged: dict[UUID, int] = {new_call(): 0 for _ in range(calls)}
        self.outcomes: set[Outcome] = set()
        self._enough = asyncio.Event()
        self._wanted = 0
        self._stopped = False
        for call in self.acknowledged:
            self._next(call)

    async def acknowledge(self, more: int) -> None:
        """Return once so many more events have been acknowledged."""
        self._wanted = sum(self.acknowledged.values()) + more
        self._enough.clear()
        await self._enough.wait()

    async def stop(self) -> None:
        self._stopped = True
        await self._store.writer.flush()

    def _next(self, call: UUID) -> None:
        self._store.writer.submit(append(call, self.acknowledged[call] + 1), lambda outcome: self._after(call, outcome))

    def _after(self, call: UUID, outcome: Outcome) -> None:
        self.outcomes.add(outcome)
        if outcome is Outcome.DURABLE:
            self.acknowledged[call] += 1
            if sum(self.acknowledged.values()) >= self._wanted:
                self._enough.set()
        if not self._stopped:
            self._next(call)


async def recorded_versions(store: PostgresStore) -> dict[UUID, int]:
    """Versions per call; fails if one is there twice or missing."""
    rows = await store.pool.fetch("SELECT originator_id, originator_version FROM call_events ORDER BY notification_id")
    versions: dict[UUID, int] = {}
    for row in rows:
        call = UUID(int=row["originator_id"].int)
        assert row["originator_version"] == versions.get(call, 0) + 1
        versions[call] = row["originator_version"]
    return versions
