"""Running the server: uvicorn with our own way of stopping, so that clients get a message before
their sockets close."""

import asyncio
import contextlib
import gc
import socket
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, cast

import uvicorn

from api.app import create_app
from api.connections.admission import AdmissionGate
from api.connections.http import HttpConnection
from api.connections.small_reads import SmallReads
from api.connections.websocket import WebsocketConnection
from api.services import Services, open_services
from api.settings import Settings
from api.stop_signals import StopSignals

WhenReady = Callable[[str, Services], None]
_WEBSOCKET_MAX_BYTES = 256 * 1024
_BACKLOG = 512
_REQUESTS_END_WITHIN_S = 2
_CLOSED_WITHIN_S = 15.0
"""After the calls had their time: for requests under way, for writing what waits, and for closing
everything."""


class CallServer(uvicorn.Server):
    """A uvicorn server that drains its calls when it is asked to stop."""

    def __init__(self, services: Services, when_ready: WhenReady | None = None) -> None:
        settings = services.settings
        super().__init__(
            uvicorn.Config(
                create_app(services),
                host=settings.host,
                port=settings.port,
                http=cast("Any", partial(_http_connection, services.gate)),
                ws=cast("Any", partial(WebsocketConnection, services.gate)),
                ws_max_size=_WEBSOCKET_MAX_BYTES,
                ws_ping_interval=None,  # viva.v1 has its own pings, which measure round trips as well
                ws_per_message_deflate=False,  # speech hardly shrinks
                log_config=None,  # its lines take the form of ours (api.logs)
                log_level="warning",
                access_log=False,
                backlog=_BACKLOG,
                # What is asked of a slow database goes on for a while after the client has gone.
                limit_concurrency=settings.max_calls + 2 * settings.max_waiting,
                timeout_graceful_shutdown=_REQUESTS_END_WITHIN_S,
            )
        )
        self._services = services
        self._when_ready = when_ready
        self._draining: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # What is there by now stays: the collector need not walk through it again while calls are
        # on.
        gc.collect()
        gc.freeze()
        if self.started and self._when_ready is not None:
            port = self.servers[0].sockets[0].getsockname()[1]
            self._when_ready(f"http://{self._services.settings.host}:{port}", self._services)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        gc.unfreeze()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # `serve` does, from before the services open until they are closed

    def stop(self) -> None:
        """Begin to stop; `serve` returns when it is done."""
        if self._draining is None:
            self._draining = asyncio.get_running_loop().create_task(self._drain())

    async def _drain(self) -> None:
        await self._services.registry.drain(self._services.settings.drain_s)
        self.should_exit = True


def _http_connection(gate: AdmissionGate, **given: Any) -> SmallReads:
    return SmallReads(HttpConnection(gate, **given))


async def serve(settings: Settings, when_ready: WhenReady | None = None) -> int:
    """Serve until asked to stop. `when_ready` is given the base URL and the services. Returns an
    exit code.

    After SIGINT or SIGTERM the whole process ends in a bounded time, after a second one at once
    (`StopSignals`). Raises Viva's own errors where the services cannot be opened.
    """
    with StopSignals(settings.drain_s + _CLOSED_WITHIN_S) as signals:
        signals.code = code = await _serve(settings, when_ready, signals)
        return code


async def _serve(settings: Settings, when_ready: WhenReady | None, signals: StopSignals) -> int:
    serving = asyncio.current_task()
    assert serving is not None
    signals.answer = serving.cancel
    try:
        async with open_services(settings) as services:
            server = CallServer(services, when_ready)
            signals.answer = server.stop
            try:
                await server.serve()
            except SystemExit:  # how uvicorn says that it cannot listen; it has logged why
                return 1
            return 0 if server.started else 1
    except asyncio.CancelledError:
        if signals.came:  # before there was a server
            return 0
        raise
