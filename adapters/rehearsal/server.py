"""The rehearsal interviewer as a server: Gemini Live's endpoints on this machine, with TLS and
without."""

import asyncio
import ssl
import tempfile
from collections import deque
from contextlib import AsyncExitStack
from http import HTTPStatus
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from adapters.rehearsal.certificates import ca_file, server_context
from adapters.rehearsal.config import RehearsalConfig
from adapters.rehearsal.control import PATH as CONTROL_PATH
from adapters.rehearsal.control import Control
from adapters.rehearsal.endpoint import Endpoint, credential_of, find_endpoint
from adapters.rehearsal.faults import Action, FaultPlan, Point
from adapters.rehearsal.hearing.recognition import Recogniser
from adapters.rehearsal.session.conversation import Services
from adapters.rehearsal.session.resumption import Handles
from adapters.rehearsal.session.session import Session
from adapters.rehearsal.speech.speech import Speech
from adapters.rehearsal.wire.refusal import BAD_PAYLOAD, POLICY

_LARGEST_MESSAGE_BYTES = 8_000_000
_MOST_SESSIONS_KEPT = 200
_CLOSE_TIMEOUT_S = 2.0
_NO_KEY = (
    "Method doesn't allow unregistered callers. Please use API Key or other form of API identity to call this API."
)
_BAD_KEY = "API key not valid. Please pass a valid API key."


class RehearsalServer:
    """`async with RehearsalServer(config) as server:` listens until the block ends.

    `ws_url`, `wss_url` and `ca_file` say where; `sessions` holds the newest sessions for
    inspection, oldest first.
    """

    def __init__(self, config: RehearsalConfig | None = None) -> None:
        self.config = config or RehearsalConfig()
        self.sessions: deque[Session] = deque(maxlen=_MOST_SESSIONS_KEPT)
        self.ws_url = ""
        self.wss_url = ""
        self.ca_file: Path | None = None
        self.faults = FaultPlan(self.config.faults)
        self._dialled = 0
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        config = self.config
        async with AsyncExitStack() as stack:
            speech = stack.enter_context(
                Speech(config.chunk_ms, config.words_per_minute, recorded_only=config.recorded_voice)
            )
            recogniser = stack.enter_context(Recogniser(config.recordings))
            await recogniser.load()
            handles = Handles(config.handle_lifetime_ms / 1000)
            self.services = Services(config, speech, recogniser, handles)
            self._control = Control(self.faults, handles, lambda: self.sessions)
            self.ws_url = await self._listen(stack, config.port, None)
            if config.tls_port is not None:
                self.wss_url = await self._listen(stack, config.tls_port, await self._trust(stack))
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _trust(self, stack: AsyncExitStack) -> ssl.SSLContext:
        data_dir = self.config.data_dir
        if data_dir is None:
            data_dir = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="viva-rehearsal-")))
        context = await asyncio.to_thread(server_context, data_dir)
        self.ca_file = ca_file(data_dir)
        return context

    async def _listen(self, stack: AsyncExitStack, port: int, tls: ssl.SSLContext | None) -> str:
        server: Server = await stack.enter_async_context(
            serve(
                self._serve,
                self.config.host,
                port,
                ssl=tls,
                process_request=self._admit,
                compression=None,  # as Gemini: base64 audio does not shrink
                max_size=_LARGEST_MESSAGE_BYTES,
                ping_interval=None,  # a dead client is ended by its connection's lifetime
                close_timeout=_CLOSE_TIMEOUT_S,
            )
        )
        bound = next(iter(server.sockets)).getsockname()[1]
        host = f"[{self.config.host}]" if ":" in self.config.host else self.config.host
        return f"{'wss' if tls else 'ws'}://{host}:{bound}"

    async def _serve(self, connection: ServerConnection) -> None:
        request = connection.request
        if request is not None and self._is_control(request):
            await self._control.serve(connection)
            return
        endpoint = find_endpoint(request.path) if request else None
        if request is None or endpoint is None:
            return
        key = credential_of(request.headers, parse_qs(urlsplit(request.path).query))
        if not key:
            await connection.close(POLICY, _NO_KEY)
        elif self.config.api_keys and endpoint is not Endpoint.VERTEX and key not in self.config.api_keys:
            await connection.close(BAD_PAYLOAD, _BAD_KEY)
        else:
            self._dialled += 1
            session = Session(
                connection,
                self.services,
                self.faults.watch(),
                vertex=endpoint is Endpoint.VERTEX,
                number=self._dialled,
            )
            self.sessions.append(session)
            await session.run()

    def _is_control(self, request: Request) -> bool:
        return self.config.control and urlsplit(request.path).path == CONTROL_PATH

    async def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Let a handshake through, or answer it with a refusal; faults at `dial` strike here."""
        if self._is_control(request):
            return None
        if find_endpoint(request.path) is None:
            what = "This is the rehearsal of Gemini Live; see docs/rehearsal.md.\n"
            return connection.respond(HTTPStatus.NOT_FOUND, what)
        for fault in self.faults.watch().passes(Point.DIAL):
            if fault.action is Action.REFUSE:
                return connection.respond(HTTPStatus(fault.status), "Refused, by a fault.\n")
            if fault.action is Action.DROP:
                connection.transport.abort()
            else:
                await asyncio.sleep(fault.ms / 1000)
        return None
