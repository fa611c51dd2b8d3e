"""What every read model has: a name, tables of its own, and the events it is made of.

A read model keeps nothing in memory and writes rows of the event's own call only. The first lets a
rolled back batch be applied again, the second lets one call be parked while the others go on.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from domain.errors import VivaError
from domain.event import Event
from domain.ports import Notification, StoredEvent
from projections.connection import Connection

Decoder = Callable[[StoredEvent], Event]
"""Turns what the log holds into an event, through the key port; raises on what it cannot read."""


class UnexpectedEventError(VivaError):
    """An event does not fit the rows of its call."""


class ReadModel(ABC):
    """Rows made of events, for reading."""

    name: ClassVar[str]
    """The projection's name: its checkpoint and its dead letters go by it."""
    tables: ClassVar[tuple[str, ...]]
    """Every table that `apply` writes. Nobody else writes them; a rebuild empties them."""
    topics: ClassVar[frozenset[str]]
    """The topics it is made of; other events pass it by."""

    @abstractmethod
    async def apply(self, connection: Connection, notification: Notification, event: Event) -> None:
        """Write what `event` changes, inside the caller's transaction.

        Called once for each event, in the log's order. Raises `UnexpectedEventError` where the
        event contradicts what came before it.
        """

    async def settle(  # noqa: B027 - most have nothing to settle
        self, connection: Connection, versions: Mapping[Any, int]
    ) -> None:
        """Called once at the end of a batch with the newest version of each call in it, for what
        need not be exact in between. Events of other topics count as well, parked ones do not.
        """


def changed(tag: str) -> int:
    """How many rows a command tag such as "UPDATE 1" or "INSERT 0 1" speaks of."""
    return int(tag.rsplit(" ", 1)[-1])


def storable(text: str) -> str:
    """Postgres keeps no NUL in text."""
    return text.replace("\x00", "\ufffd")
