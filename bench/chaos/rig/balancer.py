"""A load balancer in front of the servers: a readiness check, then one after the other."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from time import time
from typing import Self

from bench.chaos.rig.server import Server

_CHECK_EVERY_S = 0.25
_CHECK_TIMEOUT_S = 1.0
_REQUEST = b"GET /health/ready HTTP/1.1\r\nHost: balancer\r\nConnection: close\r\n\r\n"


class Balancer:
    """`async with Balancer(servers) as balancer:` knows who is ready; `route` is the way through a
    proxy.

    As in real ones a server is out after one failed check, or one connection that it does not take,
    and in after one good one. If nobody is ready, those that live are tried all the same: the
    database may be away.
    """

    def __init__(self, servers: Sequence[Server]) -> None:
        self._servers = servers
        self._ready: set[str] = set()
        self._turn = 0
        self._checking: asyncio.Task[None] | None = None
        self.seen: list[tuple[float, str, bool]] = []
        """When a server's readiness changed."""

    async def __aenter__(self) -> Self:
        for server in self._servers:
            await self._check(server)
        self._checking = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._checking is not None
        self._checking.cancel()
        await asyncio.gather(self._checking, return_exceptions=True)

    async def route(self) -> tuple[str, asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to the next server that takes one. Raises `OSError` where none does."""
        self._turn += 1
        order = [*self._servers[self._turn % len(self._servers) :], *self._servers[: self._turn % len(self._servers)]]
        ready = [server for server in order if server.name in self._ready]
        for server in ready or order:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            except OSError:
                self._note(server, False)
                continue
            return server.label, reader, writer
        raise ConnectionRefusedError("no server takes connections")

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_CHECK_EVERY_S)
            await asyncio.gather(*(self._check(server) for server in self._servers))

    async def _check(self, server: Server) -> None:
        ready = False
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(_CHECK_TIMEOUT_S):
                reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
                try:
                    writer.write(_REQUEST)
                    ready = (await reader.readline()).split()[1:2] == [b"200"]
                finally:
                    writer.transport.abort()
        self._note(server, ready)

    def _note(self, server: Server, ready: bool) -> None:
        if ready != (server.name in self._ready):
            self.seen.append((time(), server.name, ready))
        if ready:
            self._ready.add(server.name)
        else:
            self._ready.discard(server.name)
