"""The model's side of the load: the rehearsal interviewer in a process of its own, with clocks at
its entry points.

It reads the time marks of the candidate's audio as it arrives, marks the interviewer's as it
leaves, and counts frames that are missing inside a window.
"""

import asyncio
import base64
import os
from collections import defaultdict
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from time import monotonic, process_time

from adapters.rehearsal.config import RehearsalConfig
from adapters.rehearsal.server import RehearsalServer
from adapters.rehearsal.session import session as rehearsal_session
from adapters.rehearsal.session.link import Link
from adapters.rehearsal.session.received import Received, Window
from bench.marks import MARKED_SAMPLES, mark_of, marked

THINKING_MS = 300
SPEED = 4.0
_FRAME_BYTES, _MESSAGE_BYTES = 640, 1_280
_DATA = b'"data":"'
_HEAD_BYTES = (2 * MARKED_SAMPLES + 2) // 3 * 3
_HEAD_CHARS = _HEAD_BYTES // 3 * 4


@dataclass(slots=True)
class Heard:
    """What came in during the measured window; delays in ms since the client sent the frame."""

    newest_ms: list[float] = field(default_factory=list)
    """Of the newest frame of each audio message: what the way up took."""
    frames_ms: list[float] = field(default_factory=list)
    """Of every frame, those that waited for their message to be full included."""
    ends: dict[int, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))
    """Per call: when its activity was ended, and how long after the deciding frame was sent."""
    missing_frames: int = 0
    unmarked_frames: int = 0
    cpu_s: float = 0.0


heard = Heard()


class MarkedReceived(Received):
    """Looks at the marks of what is received."""

    def __init__(self, budget_bytes: int) -> None:
        super().__init__(budget_bytes)
        self._last: tuple[int, int, float] | None = None
        """Call, number and the moment of sending of the newest frame in the open window."""
        self._opening = True

    def audio(self, pcm: bytes) -> None:
        super().audio(pcm)
        ages = [self._frame(pcm[at:]) for at in range(0, len(pcm), _FRAME_BYTES)]
        known = [age for age in ages if age is not None]
        self._opening = self._opening and len(pcm) > _MESSAGE_BYTES
        if not self._opening:  # what opens a window was spoken before, and is late by intention
            heard.frames_ms += known
            heard.newest_ms += known[-1:]

    def _frame(self, pcm: bytes) -> float | None:
        mark = mark_of(pcm)
        if mark is None:
            heard.unmarked_frames += 1
            return None
        if self._last is not None:
            heard.missing_frames += (mark.number - self._last[1] - 1) & 0xFFFF
        self._last = (mark.call, mark.number, monotonic() - mark.age_ms / 1000)
        return mark.age_ms

    def window(self, window: Window) -> None:
        super().window(window)
        now = monotonic()
        if self._last is not None:
            call, _, sent = self._last
            heard.ends[call].append((now, (now - sent) * 1000))
        self._last, self._opening = None, True


class MarkedLink(Link):
    """Marks the voice as it leaves."""

    async def send(self, frame: bytes) -> None:
        at = frame.find(_DATA)
        if at >= 0:
            start = at + len(_DATA)
            head = base64.b64decode(frame[start : start + _HEAD_CHARS])
            if len(head) == _HEAD_BYTES:
                fresh = base64.b64encode(marked(head, 0, 0))
                frame = frame[:start] + fresh + frame[start + _HEAD_CHARS :]
        await super().send(frame)


def run(pipe: Connection, cores: set[int], recordings: Path) -> None:
    """A process's whole life: send the address, then answer "begin", "end" and "stop"."""
    os.sched_setaffinity(0, cores)
    rehearsal_session.Received = MarkedReceived  # type: ignore[attr-defined]
    rehearsal_session.Link = MarkedLink  # type: ignore[attr-defined]
    asyncio.run(_serve(pipe, recordings))


async def _serve(pipe: Connection, recordings: Path) -> None:
    global heard
    config = RehearsalConfig(
        recordings=(recordings,), thinking_ms=THINKING_MS, speed=SPEED, keep_bytes=0, lifetime_ms=3_600_000
    )
    async with RehearsalServer(config) as server:
        pipe.send((server.wss_url, str(server.ca_file)))
        began = process_time()
        while (order := await asyncio.to_thread(pipe.recv)) != "stop":
            if order == "begin":
                heard, began = Heard(), process_time()
            else:
                heard.cpu_s = process_time() - began
                pipe.send({name: getattr(heard, name) for name in Heard.__slots__} | {"ends": dict(heard.ends)})
