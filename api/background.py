"""Tasks that run beside a block."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from adapters.cancelling import cancel_all


@asynccontextmanager
async def running(work: dict[str, Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Each of them, by its name, until the end of the block."""
    tasks = [asyncio.create_task(each, name=name) for name, each in work.items()]
    try:
        yield
    finally:
        await cancel_all(tasks)
