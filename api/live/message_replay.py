"""What a call's client was told and keeps, to be told again to one that missed it.

It follows from the log. The newest of it is held in memory, at most 20,000 pieces (a call of three
hours has a few thousand); a client that has seen less than that, as after a reload of its page, is
told from the log.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

from adapters.postgres.store import PostgresStore
from api.wire.messages import message_of
from domain.effects import TellTranscript
from domain.record.client_messages import ReplayableMessage, messages_in

_MOST = 20_000
_EVENTS_AT_ONCE = 100


class MessageReplay:
    """One call's. `known_from` is the version from which on `tellings` are all there are."""

    def __init__(self, known_from: int = 1, tellings: Iterable[ReplayableMessage] = (), most: int = _MOST) -> None:
        self._known_from = known_from
        self._most = most
        self._tellings: deque[ReplayableMessage] = deque()
        self._reading = asyncio.Lock()
        for telling in tellings:
            self.keep(telling)

    def keep(self, telling: ReplayableMessage) -> None:
        """The client was told this, or would have been. Interim texts are not kept: others replace
        them."""
        if _passes(telling):
            return
        self._tellings.append(telling)
        if len(self._tellings) > self._most:
            self._known_from = self._tellings.popleft().version + 1

    def lacks(self, version: int) -> bool:
        """Whether something that rests on an event after `version` is not held any more."""
        return version + 1 < self._known_from

    def after(self, version: int) -> Iterator[dict[str, Any]]:
        """The messages for whoever has seen everything up to `version`, as of now."""
        missed = [telling for telling in self._tellings if telling.version > version]
        return (message_of(telling) | {"again": True} for telling in missed)

    async def read_older(self, store: PostgresStore, call_id: UUID) -> None:
        """Hold all of it. Raises `StoreUnavailableError`."""
        async with self._reading:  # of those that miss it at a time, the first one reads
            if not self.lacks(0):
                return
            older = await _tellings_before(self._known_from, store, call_id)
            newest = older[-1].version if older else 0
            self._tellings = deque([*older, *(each for each in self._tellings if each.version > newest)])
            self._known_from = 1


async def _tellings_before(version: int, store: PostgresStore, call_id: UUID) -> list[ReplayableMessage]:
    """On the loop a few events at a time: other calls are being held."""
    stored = await store.reader.select_events(call_id, lte=version - 1)
    tellings = []
    for number, telling in enumerate(messages_in(map(store.mapper.to_event, stored)), start=1):
        if telling is not None and not _passes(telling):
            tellings.append(telling)
        if number % _EVENTS_AT_ONCE == 0:
            await asyncio.sleep(0)
    return tellings


def _passes(telling: ReplayableMessage) -> bool:
    return isinstance(telling, TellTranscript) and telling.interim
