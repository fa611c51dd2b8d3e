"""`/ws/audio`: one websocket connection of a client, from its hello to its end.

One task reads and one handles the messages (`receive_queue`), one sends what the call queued
(`send_queue`), one pings, and one bounds the time that an end may take. Nothing here waits for
anything but the network.
"""

import asyncio
from typing import Any, TypeGuard, cast

import structlog
from litestar import WebSocket
from litestar.di import NamedDependency
from litestar.exceptions import WebSocketDisconnect
from litestar.handlers import websocket

from api.connections.websocket import SCOPE_KEY, WebsocketConnection
from api.live.call import LiveCall
from api.live.client_link import ClientConnection
from api.routes.heartbeat import Heartbeat
from api.services import Services
from api.wire import protocol
from api.wire.messages import complaint
from api.wire.protocol import CLOSE_CODES, SUBPROTOCOL
from api.wire.receive_queue import GoneError, ReceiveQueue
from api.wire.send_queue import SendQueue
from domain.errors import PeerError, StoreError

_log = structlog.get_logger(__name__)
_HELLO_TIMEOUT_S = 5.0
_CLOSE_TIMEOUT_S = 2.0
_LEFT = (1000, 1001)
_LEAVINGS = (WebSocketDisconnect, RuntimeError, OSError)
"""What sending to a client that has gone raises, by Litestar and by uvicorn."""


class _Socket:
    """The websocket as the send queue and the receive queue see it. `connection` is what carries it."""

    def __init__(self, socket: WebSocket[Any, Any, Any]) -> None:
        self._socket = socket
        self.connection: WebsocketConnection = cast("Any", socket.scope)[SCOPE_KEY]

    async def send_text(self, data: str) -> None:
        await self._socket.send_data(data)

    async def send_bytes(self, data: bytes) -> None:
        await self._socket.send_data(data, mode="binary")

    async def close(self, code: int, reason: str) -> None:
        await self._socket.close(code=code, reason=reason)

    async def receive(self) -> str | bytes:
        event: Any = await self._socket.receive()
        if event["type"] == "websocket.disconnect":
            raise GoneError(event.get("code") or 1005)
        text: str | None = event.get("text")
        data: bytes = event.get("bytes") or b""
        return data if text is None else text


@websocket("/ws/audio")
async def audio_socket(socket: WebSocket[Any, Any, Any], services: NamedDependency[Services]) -> None:
    """The candidate's microphone and the interviewer's voice (docs/protocol.md)."""
    offered = socket.headers.get("sec-websocket-protocol", "")
    if SUBPROTOCOL not in [each.strip() for each in offered.split(",")]:
        await socket.accept()
        await socket.close(
            CLOSE_CODES["subprotocol_expected"], f"Open the websocket with the subprotocol {SUBPROTOCOL}."
        )
        return
    await socket.accept(subprotocols=SUBPROTOCOL)
    wire = _Socket(socket)
    send_queue = SendQueue(wire)
    try:
        live = await _hello(wire, send_queue, services)
    except PeerError as error:
        services.counts.hello_refusals[error.code] += 1
        await _refuse(send_queue, error)
    except (GoneError, *_LEAVINGS):
        _log.info("client_gone_before_hello")
    else:
        await _converse(wire, send_queue, live, services)


async def _hello(wire: _Socket, send_queue: SendQueue, services: Services) -> LiveCall:
    """The first message decides which call this is. Raises `PeerError`."""
    try:
        async with asyncio.timeout(_HELLO_TIMEOUT_S):
            first = await wire.receive()
    except TimeoutError:
        raise PeerError("hello_timeout", "No hello came within 5 s: say it right after connecting.") from None
    if isinstance(first, bytes):
        raise PeerError("hello_expected", "Audio came before hello: say hello with your token first.")
    hello = protocol.decode_control(first)
    if not isinstance(hello, protocol.Hello):
        raise PeerError("hello_expected", "Something came before hello: say hello with your token first.")
    try:
        call_id = services.mint.call_of(hello.token)
        live = await services.registry.reach(call_id)
        token = services.mint.issue(call_id)
        await live.client.join(ClientConnection(send_queue, token, services.settings.ping_interval_ms), hello)
    except StoreError as error:  # away, full, or of another version: a moment later, or another server, may do
        raise PeerError("store_unavailable", f"{error} Connect again in a moment.") from error
    except PeerError:
        raise
    except Exception as error:  # the border: whatever breaks one hello must not reach another
        _log.error("hello_broken", exc_info=error)
        raise PeerError("internal", "The server failed to take this call up: open a new one.") from error
    return live


async def _refuse(send_queue: SendQueue, error: PeerError) -> None:
    send_queue.send(complaint(error.code, error.message) | {"version": 0})
    send_queue.finish(CLOSE_CODES.get(error.code, 1011), error.code)
    _log.info("hello_refused", code=error.code)
    await _send_rest(send_queue)


async def _send_rest(send_queue: SendQueue) -> None:
    try:
        async with asyncio.timeout(_CLOSE_TIMEOUT_S):
            await send_queue.run()
    except _LEAVINGS:  # a time-out is an OSError too
        _log.info("client_gone_before_close")


async def _converse(wire: _Socket, send_queue: SendQueue, live: LiveCall, services: Services) -> None:
    interval_s, silence_s = services.settings.ping_interval_ms / 1000, live.call.policy.links.silence_ms / 1000
    heartbeat = Heartbeat(live, send_queue, services.mint, interval_s, silence_s)
    receive_queue = ReceiveQueue(wire, send_queue, live.client, heartbeat)
    sender = asyncio.create_task(send_queue.run(), name="send")
    tasks: list[asyncio.Task[None]] = [
        asyncio.create_task(receive_queue.read(), name="read"),
        asyncio.create_task(receive_queue.work(), name="work"),
        sender,
        asyncio.create_task(heartbeat.run(), name="heartbeat"),
        asyncio.create_task(_bound_the_end(send_queue), name="end"),
    ]
    reason, left = "the server stopped", False
    wire.connection.let_in()
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        reason, left = _why(tasks, send_queue)
        for bug in filter(_is_bug, (task.exception() for task in tasks if task.done())):
            live.loop.fail(bug)
            await asyncio.wait([sender], timeout=_CLOSE_TIMEOUT_S)  # the client gets its last messages
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        try:
            await receive_queue.work_off()  # what has arrived was sent before the connection ended
        finally:
            live.client.detach(send_queue, reason, left)
            wire.connection.let_out()
    for bug in filter(_is_bug, results):
        live.loop.fail(bug)


def _is_bug(error: BaseException | None) -> TypeGuard[Exception]:
    return isinstance(error, Exception) and not isinstance(error, (GoneError, *_LEAVINGS))


async def _bound_the_end(send_queue: SendQueue) -> None:
    """A client that does not read its last messages is not waited for."""
    await send_queue.finishing.wait()
    await asyncio.sleep(_CLOSE_TIMEOUT_S)


def _why(tasks: list[asyncio.Task[None]], send_queue: SendQueue) -> tuple[str, bool]:
    """A few words on why the connection ended, for the log of the call, and whether the client
    closed it in order."""
    for task in tasks:
        if task.done():
            error = task.exception()
            if isinstance(error, GoneError):
                return f"closed by the client with {error.code}", error.code in _LEFT
            if error is not None:
                return f"connection broken: {type(error).__name__}", False
            if task.get_name() == "heartbeat":
                return "no sign of life", False
    return send_queue.close_reason or "closed by the server", True
