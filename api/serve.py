"""Running the server: uvicorn with our own way of stopping, so that calls are told before their sockets close."""

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import Callable, Iterator

import structlog
import uvicorn
from litestar import Litestar

from api.app import create_app
from api.services import Services
from api.settings import Settings

WhenReady = Callable[[str, Services], None]
_log = structlog.get_logger(__name__)
_WEBSOCKET_MAX_BYTES = 1024 * 1024
_BACKLOG = 512


class CallServer(uvicorn.Server):
    """A uvicorn server that drains its calls at the first signal, and stops at once at the second."""

    def __init__(self, app: Litestar, settings: Settings, when_ready: WhenReady | None) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=settings.host,
                port=settings.port,
                ws="websockets-sansio",
                ws_max_size=_WEBSOCKET_MAX_BYTES,
                ws_ping_interval=None,  # viva.v1 has its own pings, which measure round trips as well
                ws_per_message_deflate=False,  # speech hardly shrinks
                log_level="warning",
                access_log=False,
                backlog=_BACKLOG,
                timeout_graceful_shutdown=3,
            )
        )
        self._app = app
        self._settings = settings
        self._when_ready = when_ready
        self._draining: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # What is there by now stays: the collector need not walk through it again while calls are on.
        gc.collect()
        gc.freeze()
        if self.started and self._when_ready is not None:
            port = self.servers[0].sockets[0].getsockname()[1]
            self._when_ready(f"http://{self._settings.host}:{port}", self._app.state.services)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        gc.unfreeze()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    def _stop(self) -> None:
        if self._draining is not None:
            self.force_exit = self.should_exit = True
            return
        self._draining = asyncio.get_running_loop().create_task(self._drain())

    async def _drain(self) -> None:
        services: Services | None = self._app.state.get("services")
        if services is not None:
            await services.switchboard.drain(self._settings.drain_s)
        self.should_exit = True


async def serve(settings: Settings, when_ready: WhenReady | None = None) -> int:
    """Serve until told to stop. `when_ready` is given the base URL and the services. Returns an exit code."""
    server = CallServer(create_app(settings), settings, when_ready)
    await server.serve()
    return 0 if server.started else 1
