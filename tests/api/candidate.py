"""The candidate of a test: the real client, every message that it received, and cues to wait for."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import soundfile

from api.client import OpenedCall, VivaClient
from tests.fixtures.server import RECORDINGS, Desk

CUE_S = 20.0


def recording(name: str, seconds: float | None = None) -> bytes:
    """16 kHz PCM16 of a recording, or its beginning."""
    wave, rate_hz = soundfile.read(RECORDINGS / f"{name}.flac", dtype="int16")
    assert rate_hz == 16_000
    return bytes(np.asarray(wave[: None if seconds is None else int(seconds * rate_hz)], "<i2").tobytes())


class Candidate:
    """A client in a call; `messages` holds every message of the server."""

    def __init__(self, client: VivaClient) -> None:
        self.client = client
        self.messages: list[dict[str, Any]] = []
        self._more = asyncio.Event()

    async def follow(self) -> None:
        """Keep every message until the call is over."""
        async for message in self.client.messages():
            self.messages.append(message)
            self._more.set()
        self._more.set()

    def of(self, kind: str) -> list[dict[str, Any]]:
        """All messages of one kind so far."""
        return [message for message in self.messages if message["type"] == kind]

    @property
    def states(self) -> list[str]:
        """The states that the call went through."""
        return [message["state"] for message in self.of("state")]

    async def until(self, cue: Callable[[], bool], timeout_s: float = CUE_S) -> None:
        """Wait until a message makes `cue` true. Raises `TimeoutError` naming the last messages."""
        try:
            async with asyncio.timeout(timeout_s):
                while not cue():
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            last = [message["type"] for message in self.messages[-12:]]
            raise TimeoutError(f"the cue never came; states {self.states}; last {last}") from None

    async def state(self, *states: str, count: int = 1) -> None:
        """Wait until the call has been in one of these states `count` times."""
        await self.until(lambda: sum(state in states for state in self.states) >= count)

    async def hears(self, generation: int = 1, ms: int = 0) -> None:
        """Wait until so much of this reply has been played."""
        loudspeaker = self.client.loudspeaker
        async with asyncio.timeout(CUE_S):
            await self.until(lambda: any(each["generation"] >= generation for each in self.of("latency")))
            target = loudspeaker.played_sample + ms * 24
            while loudspeaker.played_sample < target:  # noqa: ASYNC110  (it plays on a clock, not on events)
                await asyncio.sleep(0.005)

    async def asked(self, number: int) -> None:
        """Wait until the interviewer has said so much, to its end, and listens."""

        def asked() -> bool:
            course = [message for message in self.messages if message["type"] in ("latency", "state")]
            return len(self.of("latency")) >= number and course[-1].get("state") == "listening"

        await self.until(asked)

    async def say(self, pcm: bytes) -> None:
        """Speak, in real time."""
        self.client.microphone.say(pcm)
        await self.client.microphone.spoken()

    async def acknowledged(self) -> None:
        """Wait until everything that was sent is durable."""
        microphone = self.client.microphone
        await self.until(lambda: not microphone.unacknowledged)


@asynccontextmanager
async def in_call(opened: OpenedCall, **options: Any) -> AsyncIterator[Candidate]:
    """A candidate who has said hello; hangs up at the end of the block."""
    async with VivaClient(opened, **options) as client:
        candidate = Candidate(client)
        follower = asyncio.create_task(candidate.follow())
        try:
            yield candidate
        except BaseException:
            follower.cancel()
            raise
    await follower


def loud_from(pcm: bytes, level: int = 100) -> int:
    """The first sample that is louder than `level`, or the length."""
    loud = np.flatnonzero(np.abs(np.frombuffer(pcm, "<i2").astype(int)) > level)
    return int(loud[0]) if loud.size else len(pcm) // 2


@asynccontextmanager
async def neighbour(desk: Desk) -> AsyncIterator[None]:
    """A healthy call beside the test's, which still is one at the end of the block."""
    opened = await desk.open()
    async with in_call(opened) as healthy:
        yield
        acknowledged = len(healthy.of("ack"))
        await healthy.until(lambda: len(healthy.of("ack")) > acknowledged)
        assert healthy.client.connections == 1
        assert not healthy.of("error") + healthy.of("closed")
