"""One call over its connections: hello, messages both ways, reconnection with resume."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from time import monotonic
from types import TracebackType
from typing import Any, Self

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidHandshake, WebSocketException

from adapters.pacing import Backoff
from api.client.hello import FINAL_CODES, CallEndedError, NotNowError, say_hello
from api.client.inbox import Inbox
from api.client.line import Line
from api.client.loudspeaker import Loudspeaker
from api.client.microphone import Microphone
from api.client.opening import OpenedCall
from api.client.resumption import Resumption
from api.wire.protocol import ClientAudio, decode_server_audio, encode_client_audio
from domain.errors import PeerError

_NORMAL, _MOVING = 1000, 1012
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.1, 1.0
_HELLO_TIMEOUT_S = 10.0
_ENTERING_S = 10.0
_UNREACHABLE = "The server could not be reached for as long as it waits: call retry() to try again."


class VivaClient:
    """`async with VivaClient(opened) as call:` holds the call; leaving the block hangs up.

    A lost connection is taken up again by itself until the server stops waiting; then `lost` is
    set, and `retry` tries once more. Raises `CallEndedError` on entering if the server refuses the
    hello; where it means *not now*, after ten seconds of trying.
    """

    def __init__(
        self,
        opened: OpenedCall,
        *,
        rate_hz: int = 16_000,
        name: str = "viva-python-client",
        speak: bool = True,
        keep_heard: bool = True,
    ) -> None:
        """`speak=False` leaves the microphone's clock off: audio is sent with `microphone.push`
        alone."""
        self.opened = opened
        self.rate_hz = rate_hz
        self.microphone = Microphone(rate_hz, self._send_audio)
        self.loudspeaker = Loudspeaker(self._report, keep_heard)
        self.ready: dict[str, Any] = {}
        self.closed: dict[str, Any] | None = None
        self.error: dict[str, Any] | None = None
        self.round_trips_ms: list[float] = []
        self.connections = 0
        self.lost = asyncio.Event()
        """Set while the client has stopped trying to reconnect; `retry` makes it try again."""
        self._resumption = Resumption(opened.token, rate_hz, name)
        self._retry = asyncio.Event()
        self._speak = speak
        self._line: Line | None = None
        self._grace_ends = 0.0
        self.inbox = Inbox()
        self._tasks: list[asyncio.Task[None]] = []
        self._farewell: dict[str, Any] | None = None

    async def __aenter__(self) -> Self:
        try:
            await self._enter()
        except (OSError, TimeoutError, WebSocketException) as error:
            raise CallEndedError("unreachable", f"No websocket opens at {self.opened.url}: {error}") from error
        self._tasks = [asyncio.create_task(self._hold(), name="connection")]
        self._tasks.append(asyncio.create_task(self.loudspeaker.run(), name="loudspeaker"))
        if self._speak:
            self._tasks.append(asyncio.create_task(self.microphone.run(), name="microphone"))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and not self.inbox.ended.is_set() and not self.lost.is_set():
            self.hangup("done")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.inbox.ended.wait(), 5)
        if kind is None and self.closed is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._acknowledged(), self.closed["grace_ms"] / 1000)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._line is not None:
            await self._line.close()

    def send(self, message: dict[str, Any]) -> None:
        """Send any control message. Without a connection it is not sent, and not kept either."""
        self._put(json.dumps(message))

    def mute(self) -> None:
        self.microphone.muted = True
        self.send({"type": "mute"})

    def unmute(self) -> None:
        self.send({"type": "unmute"})
        self.microphone.muted = False

    def hangup(self, reason: str = "") -> None:
        """End the call; `closed` follows. Without a connection it is said when there is one again."""
        self.microphone.switch_off()
        self._farewell = {"type": "hangup", "reason": reason}
        self.send(self._farewell)

    def messages(self) -> AsyncIterator[dict[str, Any]]:
        """Every control message from the server, `ready` and `closed` included, until the call is
        over.

        And two of the client's own: `rollback`, after which messages above its `version` no longer
        hold, and `lost`, when the client has stopped trying to reconnect (see `retry`).
        """
        return self.inbox.messages()

    async def until(self, kind: str, timeout_s: float = 30.0, **fields: Any) -> dict[str, Any]:
        """The next message of `kind` with these fields. Raises `TimeoutError`, `CallEndedError` if
        none will come."""
        async with asyncio.timeout(timeout_s):
            async for message in self.messages():
                if message["type"] == kind and all(message.get(name) == value for name, value in fields.items()):
                    return message
        raise CallEndedError("ended", f"The call ended before a {kind} message came: {self.closed or self.error}")

    async def drop(self) -> None:
        """Break the connection as a bad network does; the client reconnects by itself."""
        if self._line is not None:
            self._line.abort()

    def retry(self) -> None:
        """Try to reconnect for another while, after the connection was `lost`."""
        self._retry.set()

    async def ended(self) -> None:
        """Return when the call is over, for any reason."""
        await self.inbox.ended.wait()

    async def _acknowledged(self) -> None:
        """Within the grace period, everything that was sent becomes durable."""
        while self.microphone.unacknowledged and not self._tasks[0].done():
            await self.inbox.next()

    # --- the connection ------------------------------------------------------------------------------------------

    async def _enter(self) -> None:
        """The first connection. A server that says *not now* is asked again, for ten seconds."""
        until = monotonic() + _ENTERING_S
        backoff = Backoff(_FIRST_WAIT_S, _LONGEST_WAIT_S)
        while True:
            wait_s = backoff.next_s()
            try:
                await self._connect()
            except NotNowError:
                if monotonic() + wait_s >= until:
                    raise
            else:
                return
            await asyncio.sleep(wait_s)

    async def _connect(self) -> None:
        """One try. Raises `CallEndedError` where another is pointless; else `NotNowError`,
        `OSError` and the like."""
        async with asyncio.timeout(_HELLO_TIMEOUT_S):
            self._take_up(*await say_hello(self.opened, self._resumption.hello(self.loudspeaker.played_sample)))

    def _take_up(self, socket: ClientConnection, first: dict[str, Any]) -> None:
        """Go on where the last connection broke off: unstored audio, and what was asked for
        meanwhile."""
        self._line = Line(socket, first)
        self.connections += 1
        self.ready = first
        if self.closed is None:
            self.error = None
        if self._resumption.ready(first):
            self.inbox.put({"type": "rollback", "version": first["kept_version"]})
        self.loudspeaker.report_ms = first["report_ms"]
        self.loudspeaker.restart(first["held"])
        muted = self.microphone.muted
        if first["muted"] and not muted:
            self.send({"type": "unmute"})
        self.microphone.resend_from(first["next_seq"])
        if muted and not first["muted"]:
            self.send({"type": "mute"})
        if self._farewell is not None:
            self.send(self._farewell)
        self.inbox.put(first)

    async def _hold(self) -> None:
        """Stay connected until the call is over; reconnect while it waits for us, and when asked to
        try again."""
        try:
            while not self._is_over(code := await self._converse()):
                while not await self._reconnect(at_once=code == _MOVING):
                    if self.closed is not None:
                        return
                    await self._be_lost()
        except PeerError as ended:
            if self.closed is None:
                self.error = self.error or {"type": "error", "code": ended.code, "message": ended.message}
        finally:
            self.inbox.end()

    def _is_over(self, code: int) -> bool:
        """Whether a connection that ended with `code` was the last one."""
        handed_in = self.closed is not None and (code == _NORMAL or not self.microphone.unacknowledged)
        return handed_in or code in FINAL_CODES

    async def _reconnect(self, at_once: bool) -> bool:
        """Back off for as long as the call waits, or takes what is not acknowledged after its end."""
        until = self._grace_ends if self.closed is not None else monotonic() + self.ready["resume_wait_ms"] / 1000
        backoff = Backoff(_FIRST_WAIT_S, _LONGEST_WAIT_S, at_once=at_once)
        while monotonic() < until:
            await asyncio.sleep(backoff.next_s())
            try:
                await self._connect()
            except (OSError, InvalidHandshake, TimeoutError, NotNowError):
                continue
            return True
        return False

    async def _be_lost(self) -> None:
        """Wait until somebody says `retry`."""
        self.error = {"type": "error", "code": "unreachable", "message": _UNREACHABLE}
        self._retry.clear()
        self.lost.set()
        self.inbox.put({"type": "lost", "message": _UNREACHABLE})
        await self._retry.wait()
        self.lost.clear()

    async def _converse(self) -> int:
        """Send and receive until the connection ends; its close code."""
        assert self._line is not None
        async with contextlib.aclosing(self._line.messages()) as messages:
            async for message in messages:
                if isinstance(message, bytes):
                    self.loudspeaker.take(decode_server_audio(message))
                else:
                    self._received(json.loads(message))
        return self._line.close_code

    def _received(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "ping":
                self.send({"type": "pong", "id": message["id"]})
            case "pong":
                assert self._line is not None
                round_trip_ms = self._line.round_trip_ms(message["id"])
                if round_trip_ms is not None:
                    self.round_trips_ms.append(round_trip_ms)
            case "token":
                self._resumption.renewed(message["token"])
            case "hold":
                self.loudspeaker.hold()
            case "release":
                self.loudspeaker.release()
            case "flush":
                self.loudspeaker.flush()
            case "ack":
                self.microphone.acknowledged(message["seq"])
            case "error":
                self.error = message
            case "closed":
                self._ended(message)
                return
            case "transcript" | "latency":
                self._resumption.seen(message["version"])
        self.inbox.put(message)

    def _ended(self, closed: dict[str, Any]) -> None:
        """The call is over, as far as the server tells; after a reconnect it tells so again."""
        again, self.closed = self.closed is not None, closed
        if again:
            return
        self._grace_ends = monotonic() + closed["grace_ms"] / 1000
        self.microphone.switch_off()
        self.inbox.put(closed)
        self.inbox.end()

    def _report(self, played_sample: int, held: bool) -> None:
        self.send({"type": "playback", "played_sample": played_sample, "held": held})

    def _send_audio(self, seq: int, pcm: bytes) -> None:
        self._put(encode_client_audio(ClientAudio(seq, pcm)))

    def _put(self, item: str | bytes) -> None:
        """While there is no connection nothing is queued: audio is kept by the microphone, the rest
        is said anew."""
        if self._line is not None:
            self._line.put(item)
