"""The client's own loudspeaker, stepped in simulated time, with an exact account of what was
audible when."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from api.client.loudspeaker import RATE_HZ, Loudspeaker
from api.wire.protocol import ServerAudio
from bench.turns.scenes.corpus import Sound


@dataclass(frozen=True, slots=True)
class Played:
    """`count` samples of a generation from `sample` of the interviewer's stream on, audible from
    `at_us` on."""

    at_us: int
    generation: int
    sample: int
    count: int

    @property
    def end_us(self) -> int:
        return self.at_us + self.count * 1_000_000 // RATE_HZ


class SteppedLoudspeaker(Loudspeaker):
    """Time passes with `step`; messages take effect at the moment they come, to the sample."""

    def __init__(self, report: Callable[[int, bool], None], now_us: Callable[[], int]) -> None:
        super().__init__(report, keep_heard=False)
        self.played: list[Played] = []
        self._now_us = now_us
        self._total = 0
        self._out: list[bytes] = []

    def take(self, audio: ServerAudio) -> None:
        self.step()
        super().take(audio)

    def hold(self) -> None:
        self.step()
        super().hold()

    def release(self) -> None:
        self.step()
        super().release()

    def flush(self) -> None:
        self.step()
        super().flush()

    def step(self) -> None:
        """Play up to now."""
        now_us = self._now_us()
        due = now_us * RATE_HZ // 1_000_000 - self._total
        if due > 0:
            began_us = self._total * 1_000_000 // RATE_HZ
            self._total += due
            before = list(self._buffer)
            self._play(due, now_us / 1e6)
            self._account(before, began_us)

    def recent(self) -> Sound:
        """What was played since this was last asked, in -1..1."""
        pcm = b"".join(self._out)
        self._out.clear()
        return np.frombuffer(pcm, "<i2").astype(np.float32) * np.float32(1 / 32_768)

    def _hear(self, pcm: bytes) -> None:
        self._out.append(pcm)

    def _tell(self) -> None:
        self._reported_at = self._now_us() / 1e6
        self._report(self.played_sample, self.held)

    def _account(self, before: list[ServerAudio], at_us: int) -> None:
        """What was taken out of the buffer was played, from the step's beginning on."""
        left = self._buffer[0].sample if self._buffer else None
        at = at_us
        for audio in before:
            count = len(audio.pcm) // 2
            if left is not None and audio.sample <= left < audio.sample + count:
                count = left - audio.sample
            elif left is not None and audio.sample >= left:
                break
            if not count:
                break
            last = self.played[-1] if self.played else None
            if (
                last
                and last.generation == audio.generation
                and last.sample + last.count == audio.sample
                and (abs(last.end_us - at) <= 100)
            ):
                self.played[-1] = Played(last.at_us, last.generation, last.sample, last.count + count)
            else:
                self.played.append(Played(at, audio.generation, audio.sample, count))
            at += count * 1_000_000 // RATE_HZ
