"""Projecting again from the beginning of the log: after a change of a read model, or to retry what
was parked.

The tables are emptied and the checkpoint set to 0 in one transaction, then the log goes through
`project` like everything else. So a live runner may go on meanwhile (it falls back to the
checkpoint and helps), and a rebuild that is killed is finished by whichever runner comes next.
Until it is done, readers see the rows that are projected so far.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from domain.ports import EventReader
from projections.batch import project
from projections.catalogue import named
from projections.checkpoint import RewoundError, lock_checkpoint, move_checkpoint
from projections.connection import Connection
from projections.dead_letters import forget
from projections.read_model import Decoder, ReadModel


@dataclass(frozen=True, slots=True)
class Progress:
    """Projection `name` has come to notification `checkpoint` on its way to `newest`, the last when
    it began."""

    name: str
    checkpoint: int
    newest: int


def _ignore(_: Progress) -> None:
    """Nobody watches."""


async def rebuild(
    connection: Connection,
    reader: EventReader,
    decode: Decoder,
    names: Iterable[str] = (),
    progress: Callable[[Progress], None] = _ignore,
    *,
    batch: int = 1_000,
) -> None:
    """Rebuild the projections called `names` (all, if none are named), one after the other.

    `progress` is called after each batch of at most `batch` notifications. Dead letters are
    forgotten and tried again. Raises `UnknownProjectionError`, and whatever the database raises:
    begin again, or leave it to the runners.
    """
    for model in named(names):
        await _clear(connection, model)
        newest = await reader.max_notification_id() or 0
        checkpoint = 0
        progress(Progress(model.name, checkpoint, newest))
        while checkpoint < newest:
            notifications = await reader.select_notifications(checkpoint, batch, inclusive_of_start=False)
            try:
                checkpoint = await project(connection, model, decode, checkpoint, notifications)
            except RewoundError as rewound:  # somebody else began another rebuild
                checkpoint = rewound.checkpoint
            progress(Progress(model.name, checkpoint, newest))


async def _clear(connection: Connection, model: ReadModel) -> None:
    """Empty the tables and go back to the beginning, under the checkpoint's lock."""
    async with connection.transaction():
        await lock_checkpoint(connection, model.name)
        await connection.execute(f"TRUNCATE {', '.join(model.tables)}")
        await forget(connection, model.name)
        await move_checkpoint(connection, model.name, 0)
