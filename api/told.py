"""What a call's client was told and keeps, to be told again to one that missed it.

It follows from the log. The newest of it is held in memory, at most 20,000 pieces (a call of three hours has a few
thousand); a client that has seen less than that, as after a reload of its page, is told from the log.
"""

from collections import deque
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from adapters.postgres.store import PostgresStore
from api.messages import message_of
from domain.effects import TellTranscript
from domain.recovery import tellings_of
from domain.tellings import Telling

_MOST = 20_000


class Told:
    """One call's. `known_from` is the version from which on `tellings` are all there are."""

    def __init__(self, known_from: int = 1, tellings: Iterable[Telling] = (), most: int = _MOST) -> None:
        self._known_from = known_from
        self._most = most
        self._tellings: deque[Telling] = deque()
        for telling in tellings:
            self.keep(telling)

    def keep(self, telling: Telling) -> None:
        """The client was told this, or would have been. Interim texts are not kept: others replace them."""
        if isinstance(telling, TellTranscript) and telling.interim:
            return
        self._tellings.append(telling)
        if len(self._tellings) > self._most:
            self._known_from = self._tellings.popleft().version + 1

    def lacks(self, version: int) -> bool:
        """Whether something that rests on an event after `version` is not held any more."""
        return version + 1 < self._known_from

    def after(self, version: int) -> list[dict[str, Any]]:
        """The messages for whoever has seen everything up to `version`."""
        return [message_of(telling) | {"again": True} for telling in self._tellings if telling.version > version]

    async def read_older(self, store: PostgresStore, call_id: UUID) -> None:
        """Hold all of it. Raises `StoreUnavailableError`."""
        stored = await store.reader.select_events(call_id, lte=self._known_from - 1)
        older = tellings_of([store.mapper.to_event(event) for event in stored])
        self._tellings = deque([*older, *self._tellings])
        self._known_from = 1
