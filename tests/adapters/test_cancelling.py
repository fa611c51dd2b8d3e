"""Ending tasks that do not want to end."""

import asyncio
import contextlib

from adapters.cancelling import cancel_all


async def _waits_for_an_answer() -> None:
    """Cleans up, as asyncpg does, by asking a server that does not answer."""
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.Event().wait()


async def _goes_on() -> None:
    """What fails while it cleans up takes the cancellation's place, and is tried again."""
    for _ in range(2):
        with contextlib.suppress(ConnectionError):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                raise ConnectionError from None
    await asyncio.Event().wait()


async def test_tasks_are_cancelled_until_they_end() -> None:
    """Given tasks that outlive being cancelled, and one that fails, all have ended when it returns."""
    tasks = [asyncio.create_task(each) for each in (_waits_for_an_answer(), _goes_on(), asyncio.sleep(0))]
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await cancel_all(tasks, patience_s=0.01)
    assert all(task.done() for task in tasks)
