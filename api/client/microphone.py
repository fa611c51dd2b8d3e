"""The candidate's microphone: what is said, in real time, and silence in between."""

import asyncio
from collections import deque
from collections.abc import Callable
from time import monotonic

MESSAGE_MS = 20
MOST_UNACKNOWLEDGED_S = 180
"""More than a call waits for its client by default (120 s)."""


class Microphone:
    """Sends a message every 20 ms; keeps what is not acknowledged so that it can be sent again.

    Keeps at most 180 s; what is said beyond that is refused, never numbered, and counted in
    `refused` messages.
    """

    def __init__(self, rate_hz: int, send: Callable[[int, bytes], None]) -> None:
        self.rate_hz = rate_hz
        self.muted = False
        self.next_seq = 0
        self.refused = 0
        self._off = False
        self._send = send
        self._message_bytes = rate_hz * MESSAGE_MS // 1000 * 2
        self._silence = bytes(self._message_bytes)
        self._to_say = bytearray()
        self._unacknowledged: deque[tuple[int, bytes]] = deque()
        self._spoken = asyncio.Event()
        self._spoken.set()

    def say(self, pcm: bytes) -> None:
        """Queue speech: mono PCM16 at the microphone's rate, to be sent in real time."""
        if not self._off:
            self._to_say += pcm
            self._spoken.clear()

    def switch_off(self) -> None:
        """The call is over: nothing more is sent."""
        self._off = True
        self._to_say.clear()
        self._spoken.set()

    async def spoken(self) -> None:
        """Return when everything queued has been sent."""
        await self._spoken.wait()

    def push(self, pcm: bytes) -> None:
        """Send one message now, of any length, past the clock."""
        if len(self._unacknowledged) >= MOST_UNACKNOWLEDGED_S * 1000 // MESSAGE_MS:
            self.refused += 1
            return
        seq, self.next_seq = self.next_seq, self.next_seq + 1
        self._unacknowledged.append((seq, pcm))
        self._send(seq, pcm)

    def acknowledged(self, seq: int) -> None:
        """Everything up to `seq` is durable."""
        while self._unacknowledged and self._unacknowledged[0][0] <= seq:
            self._unacknowledged.popleft()

    @property
    def unacknowledged(self) -> int:
        """Messages that are not durable yet, as far as the server has acknowledged."""
        return len(self._unacknowledged)

    def resend_from(self, seq: int) -> None:
        """After a reconnect: send again what the server does not have."""
        for kept, pcm in list(self._unacknowledged):
            if kept >= seq:
                self._send(kept, pcm)

    async def run(self) -> None:
        """Send for ever, on the clock."""
        due = monotonic()
        while True:
            due += MESSAGE_MS / 1000
            await asyncio.sleep(max(0.0, due - monotonic()))
            if self._off:
                return
            if self.muted:
                continue
            pcm = bytes(self._to_say[: self._message_bytes])
            del self._to_say[: self._message_bytes]
            self.push(pcm.ljust(self._message_bytes, b"\0") if pcm else self._silence)
            if not self._to_say:
                self._spoken.set()
