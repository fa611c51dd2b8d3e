"""A small TCP proxy: every connection goes on to a backend, and can be cut, stalled or
delayed there."""

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic, time
from typing import Self

_CHUNK = 65_536
Route = Callable[[], Awaitable[tuple[str, asyncio.StreamReader, asyncio.StreamWriter]]]
"""Opens a connection to a backend and says its label. Raises `OSError` where there is none."""


@dataclass(slots=True)
class Passage:
    """One connection through a proxy, both its sides."""

    backend: str
    began_s: float
    ended_s: float = float("inf")
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    stalled_until: float = 0.0

    def cut(self) -> None:
        """End both sides without a word."""
        for writer in self.writers:
            writer.transport.abort()


class Proxy:
    """`async with Door(route) as proxy:` listens on `port`. What is done to it is done to the
    connections it has."""

    def __init__(self, route: Route, dice: random.Random | None = None) -> None:
        self._route = route
        self._dice = dice or random.Random()
        self._server: asyncio.Server | None = None
        self._jitter_until, self._most_jitter_s = 0.0, 0.0
        self._shut_until = 0.0
        self._open: set[asyncio.Task[None]] = set()
        self.port = 0
        self.passages: list[Passage] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._enter, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    @property
    def newest(self) -> Passage | None:
        """The connection that was let through last."""
        return self.passages[-1] if self.passages else None

    @property
    def live(self) -> list[Passage]:
        """Connections that have not ended."""
        return [each for each in self.passages if each.ended_s == float("inf")]

    def cut(self) -> None:
        """Break every connection as a bad network does."""
        for each in self.live:
            each.cut()

    def stall(self, for_s: float) -> None:
        """Let nothing pass on the present connections, without closing them."""
        for each in self.live:
            each.stalled_until = monotonic() + for_s

    def jitter(self, for_s: float, most_s: float) -> None:
        """Everything is up to `most_s` late, at random, in its order."""
        self._jitter_until, self._most_jitter_s = monotonic() + for_s, most_s

    def shut(self, for_s: float) -> None:
        """Let nobody in."""
        self._shut_until = monotonic() + for_s

    async def _enter(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            await self._pass_through(reader, writer)
        finally:
            writer.transport.abort()
            self._open.discard(task)

    async def _pass_through(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if monotonic() < self._shut_until:
            return
        try:
            backend, far_reader, far_writer = await self._route()
        except OSError:
            return
        passage = Passage(backend, time(), writers=[writer, far_writer])
        self.passages.append(passage)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._carry(reader, far_writer, passage))
                both.create_task(self._carry(far_reader, writer, passage))
        except* (OSError, EOFError, RuntimeError):  # the last is what uvloop says of a closed transport
            pass  # one side is gone: so is the other
        finally:
            passage.ended_s = time()
            with suppress(OSError):
                far_writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, passage: Passage) -> None:
        """Carry one direction until it ends; what was said before the end still arrives."""
        waiting: deque[tuple[float, bytes]] = deque()
        more = asyncio.Event()
        async with asyncio.TaskGroup() as pair:
            pair.create_task(self._deliver(waiting, more, writer, passage))
            due = 0.0
            while data := await reader.read(_CHUNK):
                now = monotonic()
                late = self._dice.uniform(0, self._most_jitter_s) if now < self._jitter_until else 0.0
                due = max(due, now + late)
                waiting.append((due, data))
                more.set()
            waiting.append((due, b""))
            more.set()

    async def _deliver(
        self, waiting: deque[tuple[float, bytes]], more: asyncio.Event, writer: asyncio.StreamWriter, passage: Passage
    ) -> None:
        while True:
            await more.wait()
            while waiting:
                due, data = waiting.popleft()
                for moment in (due, passage.stalled_until):
                    await asyncio.sleep(max(0.0, moment - monotonic()))
                if not data:
                    raise EOFError
                writer.write(data)
                await writer.drain()
            more.clear()


def to_port(label: str, port: int) -> Route:
    """The way to one port of this machine."""

    async def route() -> tuple[str, asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        return label, reader, writer

    return route
