"""Ending tasks that may be in the middle of something with a server that does not answer.

A cancelled task first cleans up: it rolls back, gives its connection to the pool. Of a server that
hangs it waits for an answer there, or the failure of the cleaning takes the cancellation's place
and the task goes on. So a task that does not end soon is cancelled again.
"""

import asyncio
from collections.abc import Iterable
from typing import Any

_PATIENCE_S = 0.5


async def cancel_all(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel `tasks` until all have ended; what they end with is nobody's business any more."""
    waiting = set(tasks)
    while waiting:
        for task in waiting:
            task.cancel()
        ended, waiting = await asyncio.wait(waiting, timeout=_PATIENCE_S)
        for task in ended:
            if not task.cancelled():
                task.exception()
