"""The form of the fold's table: for each kind of event a function that makes the next record."""

from collections.abc import Callable
from typing import TypeVar, cast

from domain.event import Event
from domain.record.record import Record

E = TypeVar("E", bound=Event)
Fold = Callable[[Record, E], Record]


class FoldTable:
    """Registering a function checks that it takes the kind of event that it is registered for."""

    def __init__(self, *tables: "FoldTable") -> None:
        """Begins with what `tables` hold."""
        self._by_kind: dict[type[Event], Fold[Event]] = {}
        self._after_close: set[type[Event]] = set()
        for table in tables:
            self._by_kind |= table._by_kind
            self._after_close |= table._after_close

    def of(self, kind: type[E], *, after_close: bool = False) -> Callable[[Fold[E]], Fold[E]]:
        """Decorator: this function folds events of `kind`; only if `after_close`, those of a closed call, too."""

        def register(fold: Fold[E]) -> Fold[E]:
            self._by_kind[kind] = cast("Fold[Event]", fold)  # it is looked up by the event's own type
            if after_close:
                self._after_close.add(kind)
            return fold

        return register

    def find(self, kind: type[Event], *, closed: bool) -> Fold[Event] | None:
        """The function for this kind of event; None where it means nothing to the record."""
        return self._by_kind.get(kind) if not closed or kind in self._after_close else None
