"""Writes a log of each session as it happens, to compare it with a client's record.

A session has a file of JSON lines and, beside it, all the PCM that it received as one stream (16
kHz unless the client said otherwise). Messages are there as they were, but for audio: of that the
lines tell where in the stream it is.
"""

import json
import time
from pathlib import Path
from typing import Any, BinaryIO

from adapters.rehearsal.wire.messages import is_audio


class SessionLog:
    """One session's files in `folder`; without a folder nothing is written. Writes are small, and
    block."""

    def __init__(self, folder: Path | None, name: str) -> None:
        self._lines: BinaryIO | None = None
        self._pcm: BinaryIO | None = None
        self.pcm_bytes = 0
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            self._lines = (folder / f"{name}.jsonl").open("wb", buffering=0)
            self._pcm = (folder / f"{name}.pcm").open("wb", buffering=0)

    def note(self, kind: str, **facts: Any) -> None:
        """Write a line: when (ms since 1970), what, and its facts."""
        if self._lines is not None:
            line = {"at_ms": time.time_ns() // 1_000_000, "kind": kind} | facts
            self._lines.write(json.dumps(line).encode() + b"\n")

    def received(self, name: str, message: dict[str, Any]) -> None:
        """A message of the client's; audio is left out, as `audio` takes it."""
        if self._lines is not None and "audio" not in message and "mediaChunks" not in message:
            self.note("received", message={name: message})

    def sent(self, frame: bytes) -> None:
        """A message to the client, if it is no audio."""
        if self._lines is None or is_audio(frame):
            return
        try:
            self.note("sent", message=json.loads(frame))
        except ValueError:
            self.note("sent", garbage=len(frame))

    def audio(self, pcm: bytes) -> None:
        """The next piece of received audio."""
        self.pcm_bytes += len(pcm)
        if self._pcm is not None:
            self._pcm.write(pcm)

    def close(self) -> None:
        """Nothing more will come."""
        for file in (self._lines, self._pcm):
            if file is not None:
                file.close()
        self._lines = self._pcm = None
