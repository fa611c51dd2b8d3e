"""Ending tasks that may be in the middle of something with a server that does not answer.

A cancelled task first cleans up: it rolls back, gives its connection to the pool. Of a server that
hangs it waits for an answer there, or the failure of the cleaning takes the cancellation's place
and the task goes on. So a task that does not end soon is cancelled again.
"""

import asyncio
from collections.abc import Iterable
from typing import Any

_PATIENCE_S = 0.5


async def cancel_all(tasks: Iterable[asyncio.Task[Any]], patience_s: float = _PATIENCE_S) -> None:
    """Cancel `tasks`, again every `patience_s`, until all have ended. Their results are dropped."""
    waiting = set(tasks)
    while waiting:
        for task in waiting:
            task.cancel()
        ended, waiting = await asyncio.wait(waiting, timeout=patience_s)
        for task in ended:
            if not task.cancelled():
                task.exception()
