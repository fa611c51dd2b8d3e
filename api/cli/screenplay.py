"""A recorded candidate in a live call: waits for its cues, speaks, and tells what happens as it
happens."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import soundfile

from api.client import VivaClient
from domain.errors import VivaError

_LOWEST_HZ, _HIGHEST_HZ = 8_000, 48_000


class RecordingError(VivaError):
    """A recording cannot be used."""


def read_recording(path: Path) -> tuple[bytes, int]:
    """(mono PCM16, rate in Hz) of an audio file. Raises `RecordingError`."""
    try:
        wave, rate_hz = soundfile.read(path, dtype="int16", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise RecordingError(f"{path} cannot be read as audio: use WAV, FLAC or OGG.") from error
    if not _LOWEST_HZ <= rate_hz <= _HIGHEST_HZ:
        raise RecordingError(f"{path} has {rate_hz} Hz: convert it to a rate from {_LOWEST_HZ} to {_HIGHEST_HZ} Hz.")
    if not len(wave):
        raise RecordingError(f"{path} has no sound in it: record something.")
    return np.round(wave.mean(axis=1)).astype("<i2").tobytes(), rate_hz


def check_output(path: Path) -> None:
    """See that a recording can be written to `path`, before a call is held for it. Raises
    `RecordingError`."""
    if path.suffix.removeprefix(".").upper() not in soundfile.available_formats():
        raise RecordingError(f"{path} names no kind of audio file: end it in .wav or .flac.")
    if not (path.parent.is_dir() and os.access(path if path.exists() else path.parent, os.W_OK)):
        raise RecordingError(f"{path} cannot be written: choose a file in a folder that is there and yours.")


class StandstillError(VivaError):
    """A call does not go on."""


class Stage:
    """Follows a call's messages: what state it is in, and since when. `show` gets a line of text
    for each."""

    def __init__(self, call: VivaClient, show: Callable[[str, str], None]) -> None:
        self.state = ""
        self.asked = 0
        """Replies of the interviewer that have been heard in full or were cut."""
        self.latencies: list[dict[str, Any]] = []
        self._call = call
        self._show = show
        self._began = monotonic()
        self._changed = asyncio.Event()
        self._saying = ""
        self._speaker = ("", 0)

    async def follow(self) -> None:
        """Read every message until the call is over, or lost."""
        async for message in self._call.messages():
            self.take(message)
            if message["type"] == "lost":
                break
        self.over()

    def over(self) -> None:
        """There are no more messages: wake the tasks that wait for a cue."""
        self._finish_line()
        self._changed.set()

    async def until(self, ready: Callable[[], bool], timeout_s: float) -> bool:
        """Wait for a cue. False if the call ended first. Raises `StandstillError`."""
        try:
            async with asyncio.timeout(timeout_s):
                while not ready():
                    if self._call.closed is not None or self._call.error is not None:
                        return False
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            message = f"The call stands still in {self.state} for {timeout_s:g} s: look into the server's log."
            raise StandstillError(message) from None
        return True

    async def question_heard(self, number: int, timeout_s: float = 60.0) -> bool:
        """Wait until the interviewer has finished its `number`-th reply."""
        return await self.until(lambda: self.asked >= number and self.state == "listening", timeout_s)

    async def interviewer_speaks(self, generation: int, for_s: float, timeout_s: float = 60.0) -> bool:
        """Wait until this reply has been heard for so long."""
        if not await self.until(
            lambda: self.state == "model_speaking" and self._call.loudspeaker.playing_generation >= generation,
            timeout_s,
        ):
            return False
        await asyncio.sleep(for_s)
        return True

    def take(self, message: dict[str, Any]) -> None:
        """Follow one message."""
        match message["type"]:
            case "state":
                self._finish_line()
                if self.state in ("model_speaking", "interrupted") and message["state"] in (
                    "listening",
                    "candidate_speaking",
                ):
                    self.asked += 1
                self.state = message["state"]
                waiting = f" (waits for {', '.join(message['missing'])})" if message["missing"] else ""
                self._line("state", message["state"] + waiting)
            case "transcript":
                self._say(message["who"], message["number"], message["text"])
            case "latency":
                self.latencies.append(message)
                if message["response_ms"] >= 0:
                    self._line("latency", _latency(message["response_ms"], message["endpoint_ms"], message["model_ms"]))
            case "hold" | "release" | "flush":
                self._line("playback", message["type"])
            case "error":
                self._line("error", f"{message['code']}: {message['message']}")
            case "closed":
                self._finish_line()
                self._line("closed", f"{message['reason']}: {message['detail']}")
        self._changed.set()

    def _say(self, who: str, number: int, text: str) -> None:
        if self._speaker != (who, number):
            self._finish_line()
            self._speaker = (who, number)
        self._saying += text

    def _finish_line(self) -> None:
        if self._saying:
            self._line(self._speaker[0], self._saying.strip())
            self._saying = ""

    def _line(self, what: str, text: str) -> None:
        self._show(f"{monotonic() - self._began:6.1f} s  {what:<12}", text)


def _latency(response_ms: int, endpoint_ms: int, model_ms: int) -> str:
    playout_ms = max(0, response_ms - endpoint_ms - model_ms)  # each of the three is rounded down
    return f"response {response_ms} ms = endpoint {endpoint_ms} + model {model_ms} + playout {playout_ms}"
