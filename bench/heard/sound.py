"""Sound as it left a browser: recorded at a sound card of the bench's own, and read back to samples
of the stream.

The card is a private PulseAudio with one null sink: a browser started inside the block plays to it,
and its monitor is recorded. What the browser's resampler, its buffers and the sound server do to
the voice is all in the recording. Reading back is correlation: the stream as the model sent it is
known from the call's log.
"""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import NamedTuple

import numpy as np
import soxr
from numpy.typing import NDArray

RATE_HZ = 24_000
"""The interviewer's stream, and every recording once it is read."""
CARD_HZ = 48_000
_AUDIBLE = 1e-3
_BLOCK_S = 0.2
_DROPOUT_S = 0.003
_SEARCH_BACK_S = 6.0
_DATED_TOGETHER = 200
_FRAGMENT_MS = 5
_START_S = 10.0


@dataclass(frozen=True, slots=True)
class Recording:
    """Mono at `RATE_HZ`, ±1, with the monotonic clock's time at some of its samples, both
    ascending."""

    wave: NDArray[np.float32]
    samples: NDArray[np.float64]
    times_s: NDArray[np.float64]

    @classmethod
    def dated(cls, wave: NDArray[np.float32], arrivals: Sequence[tuple[float, float]]) -> "Recording":
        """`arrivals` are (samples so far, when), as they came: blocks come in jolts, so neighbours
        are averaged.

        A sound card that is short of time leaves samples out, so one date for the whole would not
        do.
        """
        samples, times_s = np.array(arrivals, np.float64).T
        began_s = times_s - samples / RATE_HZ
        parts = [slice(at, at + _DATED_TOGETHER) for at in range(0, len(samples), _DATED_TOGETHER)]
        middles = np.array([np.median(samples[part]) for part in parts])
        return cls(wave, middles, middles / RATE_HZ + np.array([np.median(began_s[part]) for part in parts]))

    def sample_at(self, moment_s: float) -> int:
        """Which sample was playing at a moment of the monotonic clock."""
        nearest = int(np.argmin(np.abs(self.times_s - moment_s)))
        sample: int = round(self.samples[nearest] + (moment_s - self.times_s[nearest]) * RATE_HZ)
        return sample

    def time_of(self, sample: int) -> float:
        """When a sample was played, on the monotonic clock."""
        nearest = int(np.argmin(np.abs(self.samples - sample)))
        return float(self.times_s[nearest] + (sample - self.samples[nearest]) / RATE_HZ)


class Played(NamedTuple):
    """The end of a stretch of sound: the position in the stream after the last audible sample, and
    when it sounded.

    `likeness` is the correlation (0 to 1) of the recording with the stream that the position rests
    on.
    """

    end_sample: int
    end_s: float
    likeness: float


def played_until(
    recording: Recording, stream: NDArray[np.int16], within: tuple[int, int], before_s: float
) -> Played | None:
    """Where in `stream`, between the two samples, the last sound before a moment stopped. None if
    there was none.

    The last audible sample counts, so the client's fade of 5 ms is included.
    """
    first_sample, end_sample = within
    to = max(0, recording.sample_at(before_s))
    start = max(0, to - round(_SEARCH_BACK_S * RATE_HZ))
    audible = np.flatnonzero(np.abs(recording.wave[start:to]) > _AUDIBLE)
    if not len(audible):
        return None
    end = start + int(audible[-1]) + 1
    block = recording.wave[start + _unbroken_from(audible) : end].astype(np.float64)
    at, likeness = _find(block, stream[first_sample:end_sample].astype(np.float64))
    return Played(first_sample + at + len(block), recording.time_of(end), likeness)


def _unbroken_from(audible: NDArray[np.intp]) -> int:
    """Where the last stretch without a dropout begins; at most a block's length back, at least a
    tenth of it."""
    block = round(_BLOCK_S * RATE_HZ)
    last = audible[audible > audible[-1] - block]
    breaks = np.flatnonzero(np.diff(last) > _DROPOUT_S * RATE_HZ) + 1
    whole = [int(last[at]) for at in breaks if last[-1] - last[at] >= block // 10]
    return whole[-1] if whole else int(last[0])


def _find(part: NDArray[np.float64], whole: NDArray[np.float64]) -> tuple[int, float]:
    """Where `part` resembles `whole` most, and how much. The end of `part` may lie beyond that of
    `whole`."""
    whole = np.concatenate((whole, np.zeros(len(part))))
    size = 1 << (len(whole) + len(part)).bit_length()
    products = np.fft.irfft(np.fft.rfft(whole, size) * np.conj(np.fft.rfft(part, size)), size)[: len(whole) - len(part)]
    sums = np.concatenate(((0.0,), np.cumsum(whole**2)))
    powers = sums[len(part) :][: len(products)] - sums[: len(products)]
    likeness = products / np.sqrt(np.maximum(powers, 1.0) * np.sum(part**2))
    at = int(np.argmax(likeness))
    return at, float(likeness[at])


def sound_card_missing() -> str:
    """What has to be installed before a `SoundCard` can be opened; empty if nothing has."""
    missing = [name for name in ("pulseaudio", "parec") if shutil.which(name) is None]
    return f"{' and '.join(missing)} not found: install the packages pulseaudio and pulseaudio-utils" if missing else ""


class SoundCard:
    """`async with SoundCard.opened() as card:` browsers that are started in the block play to it."""

    def __init__(self, address: str) -> None:
        self._address = address

    @classmethod
    @asynccontextmanager
    async def opened(cls) -> "AsyncIterator[SoundCard]":
        """A sound server of its own, gone with the block."""
        async with AsyncExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="viva-sound-")))
            socket = folder / "pulse.sock"
            process = await asyncio.create_subprocess_exec(
                *("pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1"),
                f"--load=module-null-sink sink_name=ear rate={CARD_HZ} channels=2",
                f"--load=module-native-protocol-unix auth-anonymous=1 socket={socket}",
                env=os.environ | {"HOME": str(folder), "XDG_RUNTIME_DIR": str(folder), "XDG_CONFIG_HOME": str(folder)},
                stderr=asyncio.subprocess.DEVNULL,
            )
            stack.push_async_callback(_ended, process)
            async with asyncio.timeout(_START_S):
                while not socket.exists():
                    assert process.returncode is None, "PulseAudio ended at once: run it by hand to see why"
                    await asyncio.sleep(0.02)
            before = os.environ.get("PULSE_SERVER")
            os.environ["PULSE_SERVER"] = f"unix:{socket}"
            stack.callback(_restore, "PULSE_SERVER", before)
            yield cls(f"unix:{socket}")

    @asynccontextmanager
    async def recording(self) -> "AsyncIterator[CardRecorder]":
        """Everything that is played during the block; `recorded()` after it, or within it for what
        has come so far."""
        process = await asyncio.create_subprocess_exec(
            *("parec", f"--server={self._address}", "--device=ear.monitor", "--raw", "--format=s16le"),
            *(f"--rate={CARD_HZ}", "--channels=1", f"--latency-msec={_FRAGMENT_MS}"),
            stdout=asyncio.subprocess.PIPE,
        )
        recorder = CardRecorder()
        assert process.stdout is not None
        reading = asyncio.create_task(recorder.read(process.stdout))
        try:
            yield recorder
        finally:
            await _ended(process)
            await reading


class CardRecorder:
    """What a card's monitor delivered."""

    def __init__(self) -> None:
        self._pcm = bytearray()
        self._arrivals: list[tuple[float, float]] = []

    async def read(self, stream: asyncio.StreamReader) -> None:
        """Until the stream ends."""
        while data := await stream.read(65_536):
            self._pcm += data
            self._arrivals.append((len(self._pcm) / 2 * RATE_HZ / CARD_HZ, monotonic()))

    def recorded(self) -> Recording:
        """At the stream's rate."""
        wave = np.frombuffer(bytes(self._pcm[: len(self._pcm) // 2 * 2]), "<i2").astype(np.float32) / 32768
        return Recording.dated(soxr.resample(wave, CARD_HZ, RATE_HZ), self._arrivals)


async def _ended(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    await process.wait()


def _restore(name: str, value: str | None) -> None:
    if value is None:
        del os.environ[name]
    else:
        os.environ[name] = value
