"""The candidate's loudspeaker: plays what arrives on a clock of its own, holds, flushes, and says
what was heard."""

import asyncio
from collections import deque
from collections.abc import Callable
from time import monotonic

from api.wire.protocol import ServerAudio

RATE_HZ = 24_000
_TICK_S = 0.01
_MOST_HEARD_S = 3_600


class Loudspeaker:
    """`heard` is PCM16 at 24 kHz on the timeline of the call: what was played, and silence where
    nothing was.

    `report(played_sample, held)` is called as the protocol asks: at the first sample of a reply,
    when the buffer runs empty, on hold, release and flush, and every `report_ms` while playing.
    """

    def __init__(self, report: Callable[[int, bool], None], keep_heard: bool = True) -> None:
        self.report_ms = 200
        self.held = False
        self.played_sample = 0
        self.playing_generation = 0
        self.heard = bytearray()
        self.flushes = 0
        self.holds = 0
        self._keep_heard = keep_heard
        self._report = report
        self._buffer: deque[ServerAudio] = deque()
        self._heard_before = False
        """Something arrived that was played already: the server does not know that yet."""
        self._reported_at = 0.0

    def take(self, audio: ServerAudio) -> None:
        """Buffer a message; what was played before is cut off (a resume sends from what was
        reported)."""
        surplus = max(0, self.played_sample - audio.sample)
        pcm = audio.pcm[surplus * 2 :]
        if pcm:
            self._buffer.append(audio._replace(sample=audio.sample + surplus, pcm=pcm))
        self._heard_before = self._heard_before or not pcm

    def hold(self) -> None:
        """Stop at this sample; keep the buffer."""
        self.held = True
        self.holds += 1
        self._tell()

    def release(self) -> None:
        """Play on."""
        self.held = False
        self._tell()

    def flush(self) -> None:
        """Throw the unplayed buffer away."""
        self._buffer.clear()
        self.held = False
        self.flushes += 1
        self._tell()

    def restart(self, held: bool) -> None:
        """After a reconnect: what was buffered is sent again."""
        self._buffer.clear()
        self.held = held

    async def run(self) -> None:
        """Play for ever."""
        played_until = monotonic()
        while True:
            await asyncio.sleep(_TICK_S)
            now = monotonic()
            due = round((now - played_until) * RATE_HZ)
            played_until += due / RATE_HZ
            self._play(due, now)

    def _play(self, due: int, now: float) -> None:
        played_before = self.played_sample
        left = due
        began = False
        while left and self._buffer and not self.held:
            first = self._buffer.popleft()
            count = min(left, len(first.pcm) // 2)
            self._hear(first.pcm[: count * 2])
            began = began or first.generation != self.playing_generation
            self.playing_generation = first.generation
            self.played_sample = first.sample + count
            left -= count
            if count * 2 < len(first.pcm):
                rest = first._replace(sample=first.sample + count, pcm=first.pcm[count * 2 :])
                self._buffer.appendleft(rest)
        self._hear(bytes(left * 2))
        moved = self.played_sample != played_before
        reported_late = self._heard_before and not self._buffer
        if reported_late or (moved and (began or not self._buffer or now - self._reported_at >= self.report_ms / 1000)):
            self._tell()

    def _hear(self, pcm: bytes) -> None:
        if self._keep_heard and len(self.heard) < _MOST_HEARD_S * RATE_HZ * 2:
            self.heard += pcm

    def _tell(self) -> None:
        self._reported_at, self._heard_before = monotonic(), False
        self._report(self.played_sample, self.held)
