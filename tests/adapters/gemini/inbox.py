"""Collects what a link delivers, and waits for it."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

from domain.inputs import Input
from domain.ports.model_link import LinkSink
from domain.record.conversation import SeedRequest, Turn

T = TypeVar("T")

PATIENCE_S = 20


class Inbox(LinkSink):
    """The core's place: inputs in the order of delivery."""

    def __init__(self) -> None:
        self.items: list[Input] = []
        self.past: tuple[Turn, ...] = ()
        """What was said before, for a session that is given it."""
        self.on_delivery: Callable[[Input], None] = lambda item: None
        self._began = time.monotonic()
        self._news = asyncio.Event()

    def now_us(self) -> int:
        return round((time.monotonic() - self._began) * 1_000_000)

    def feed(self, happened: Input) -> None:
        self.items.append(happened)
        self.on_delivery(happened)
        self._news.set()

    async def conversation(self, request: SeedRequest) -> tuple[Turn, ...]:
        return self.past

    def of(self, kind: type[T] | tuple[type[T], ...]) -> list[T]:
        return [item for item in self.items if isinstance(item, kind)]

    async def until(self, kind: type[T] | tuple[type[T], ...], count: int = 1) -> T:
        """The `count`th input of this kind, once it is there."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.of(kind)) < count:
                self._news.clear()
                await self._news.wait()
        return self.of(kind)[count - 1]
