"""How far each projection has come in the log, and the lock that lets only one batch through at a
time.

A checkpoint is the id of the last notification that was projected. It moves in the transaction of
the rows, under a lock of its row, which is what makes projecting exactly-once.
"""

from dataclasses import dataclass

from domain.errors import VivaError
from projections.connection import Connection


class RewoundError(VivaError):
    """The projection stands before the notifications that were read for it: it is being rebuilt.
    Read again."""

    def __init__(self, name: str, checkpoint: int) -> None:
        super().__init__(f"projection {name!r} was set back to {checkpoint}: read the log again from there")
        self.checkpoint = checkpoint


@dataclass(frozen=True, slots=True)
class Lag:
    """What a projection still has before it.

    `notifications` counts ids, of which rolled back appends leave some unused, so it is an upper
    bound; `seconds` is the age of the oldest event that is not projected yet, 0 where there is
    none.
    """

    notifications: int
    seconds: float


_READ = "SELECT notification_id FROM projection_checkpoints WHERE name = $1"
_LOCK = f"{_READ} FOR UPDATE"
_CREATE = "INSERT INTO projection_checkpoints (name) VALUES ($1) ON CONFLICT (name) DO NOTHING"
_MOVE = "UPDATE projection_checkpoints SET notification_id = $2, updated_at = now() WHERE name = $1"
_LAG = "SELECT lag_notifications, lag_seconds FROM viva_projections WHERE name = $1"


async def read_checkpoint(connection: Connection, name: str) -> int:
    """The checkpoint of projection `name`, made if there is none; 0 before the first notification."""
    await connection.execute(_CREATE, name)
    return int(await connection.fetchval(_READ, name))


async def lock_checkpoint(connection: Connection, name: str) -> int:
    """The same, held against everyone else until the caller's transaction ends."""
    locked = await connection.fetchval(_LOCK, name)
    if locked is None:
        await connection.execute(_CREATE, name)
        locked = await connection.fetchval(_LOCK, name)
    return int(locked)


async def move_checkpoint(connection: Connection, name: str, notification_id: int) -> None:
    """Set the checkpoint; the caller holds its lock."""
    await connection.execute(_MOVE, name, notification_id)


async def read_lag(connection: Connection, name: str) -> Lag:
    """How far projection `name` is behind the log."""
    await connection.execute(_CREATE, name)
    row = await connection.fetchrow(_LAG, name)
    return Lag(notifications=int(row["lag_notifications"]), seconds=float(row["lag_seconds"]))
