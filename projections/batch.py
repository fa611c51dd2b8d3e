"""One batch of notifications into one read model, exactly once.

Rows, dead letters and checkpoint are one transaction under the checkpoint's lock. What is at or
before the checkpoint is left out, so a batch that is delivered again, or to a second runner,
changes nothing. A batch that would leave a gap behind it is refused: after a rebuild began, a
runner may still hold notifications from further on.
"""

from collections.abc import Sequence
from uuid import UUID

from domain import events, inputs  # noqa: F401 - importing the vocabulary registers its topics
from domain.errors import UnknownTopicError, VivaError
from domain.event import TOPICS
from domain.ports import Notification
from projections.checkpoint import RewoundError, lock_checkpoint, move_checkpoint
from projections.connection import Connection
from projections.dead_letters import FOLLOWS, is_poison, park, parked_calls, reason_of
from projections.read_model import Decoder, ReadModel

_OURS = "call."
"""What every topic of a call begins with; other applications may keep their events in the same log."""


class _PoisonError(Exception):
    """Carries a failure that is about the event out of its savepoint."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


async def project(
    connection: Connection, model: ReadModel, decode: Decoder, after: int, batch: Sequence[Notification]
) -> int:
    """Apply what is new to `model` of `batch`, which holds every notification between `after` and
    its own last one.

    Returns the checkpoint. Raises `RewoundError` if the projection stands before `after`, and
    whatever the database raises; nothing was written then.
    """
    async with connection.transaction():
        checkpoint = await lock_checkpoint(connection, model.name)
        if checkpoint < after:
            raise RewoundError(model.name, checkpoint)
        fresh = [notification for notification in batch if notification.id > checkpoint]
        if fresh:
            await _apply_or_park(connection, model, decode, fresh)
            checkpoint = fresh[-1].id
            await move_checkpoint(connection, model.name, checkpoint)
    return checkpoint


def _concerns(model: ReadModel, notification: Notification) -> bool:
    """A topic of ours that this version does not know concerns every read model: its meaning is
    unknown."""
    topic = notification.topic
    return topic in model.topics or (topic.startswith(_OURS) and topic not in TOPICS)


async def _apply_or_park(
    connection: Connection, model: ReadModel, decode: Decoder, batch: Sequence[Notification]
) -> None:
    """All of `batch` in one go; if that meets a poison event, again one by one."""
    parked = await parked_calls(connection, model.name, {each.originator_id for each in batch})
    if not parked:
        try:
            async with connection.transaction():
                for notification in batch:
                    await _apply(connection, model, decode, notification)
        except _PoisonError:
            pass  # rolled back to before the batch: the next lines find the event again and park it
        else:
            await model.settle(connection, {each.originator_id: each.originator_version for each in batch})
            return
    await _one_by_one(connection, model, decode, batch, parked)


async def _one_by_one(
    connection: Connection, model: ReadModel, decode: Decoder, batch: Sequence[Notification], parked: set[UUID | str]
) -> None:
    versions: dict[UUID | str, int] = {}
    for notification in batch:
        call_id, concerns = notification.originator_id, _concerns(model, notification)
        if call_id in parked:
            if concerns:
                await park(connection, model.name, notification, FOLLOWS)
            continue
        try:
            if concerns:
                async with connection.transaction():
                    await _apply(connection, model, decode, notification)
            versions[call_id] = notification.originator_version
        except _PoisonError as poison:
            parked.add(call_id)
            await park(connection, model.name, notification, poison.reason)
    await model.settle(connection, versions)


async def _apply(connection: Connection, model: ReadModel, decode: Decoder, notification: Notification) -> None:
    if not _concerns(model, notification):
        return
    try:
        if notification.topic not in TOPICS:
            raise UnknownTopicError(f"this version does not know {notification.topic!r}: upgrade, then rebuild")
        event = decode(notification)
    except Exception as error:
        raise _PoisonError(reason_of(error)) from error  # decoding is pure: whatever it raises is about the event
    try:
        await model.apply(connection, notification, event)
    except Exception as error:
        if isinstance(error, VivaError) or is_poison(error):
            raise _PoisonError(reason_of(error)) from error
        raise
