"""Gemini's automatic activity detection: finds where the user's speech starts and ends in a
continuous stream.

A rehearsal of it, not a rival: WebRTC's detector behind a loudness gate, committed after
`prefix_ms` of speech and `silence_ms` of silence as the setup asks.
"""

from dataclasses import dataclass
from enum import Enum, auto

import numpy as np
import webrtcvad

from adapters.rehearsal.wire.setup import Detection

INPUT_HZ = 16_000
FRAME_MS = 20
FRAME_BYTES = INPUT_HZ * FRAME_MS // 1000 * 2
_BEFORE_START_MS = 300  # audio from before the committed start that still belongs to the turn
_GATE_HIGH_RMS, _GATE_LOW_RMS = 60.0, 250.0  # of PCM16's 32768: about -55 and -42 dBFS


class Edge(Enum):
    """A committed change."""

    START = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class Step:
    """One frame's outcome: audio that belongs to the user's turn, and the edge it committed, if
    any."""

    pcm: bytes
    edge: Edge | None


class ActivityDetector:
    """One session's detector. Feed it 16 kHz PCM16 of any length."""

    def __init__(self, detection: Detection) -> None:
        self._detection = detection
        self._vad = webrtcvad.Vad(1 if detection.start_high else 3)
        self._gate_rms = _GATE_HIGH_RMS if detection.start_high else _GATE_LOW_RMS
        self._rest = b""
        self._before = bytearray()
        self._run_ms = 0
        self.active = False

    def feed(self, pcm: bytes) -> list[Step]:
        """The steps that `pcm` completes; bytes short of a frame wait for the next call."""
        data = self._rest + pcm
        whole = len(data) - len(data) % FRAME_BYTES
        self._rest = data[whole:]
        return [self._step(data[start : start + FRAME_BYTES]) for start in range(0, whole, FRAME_BYTES)]

    def end_stream(self) -> Step | None:
        """The microphone is off: what was open ends now."""
        rest, self._rest = self._rest, b""
        self._before.clear()
        self._run_ms = 0
        if not self.active:
            return None
        self.active = False
        return Step(rest, Edge.END)

    def _step(self, frame: bytes) -> Step:
        speech = self._is_speech(frame)
        self._run_ms = self._run_ms + FRAME_MS if speech is not self.active else 0
        if self.active:
            if self._run_ms < max(FRAME_MS, self._detection.silence_ms):
                return Step(frame, None)
            self.active, self._run_ms = False, 0
            return Step(frame, Edge.END)
        self._before += frame
        if self._run_ms < max(FRAME_MS, self._detection.prefix_ms):
            keep = (_BEFORE_START_MS + self._run_ms) // FRAME_MS * FRAME_BYTES
            del self._before[:-keep]
            return Step(b"", None)
        self.active, self._run_ms = True, 0
        before, self._before = bytes(self._before), bytearray()
        return Step(before, Edge.START)

    def _is_speech(self, frame: bytes) -> bool:
        samples = np.frombuffer(frame, "<i2").astype(np.float32)
        loud = float(np.sqrt(np.mean(samples * samples))) >= self._gate_rms
        return loud and bool(self._vad.is_speech(frame, INPUT_HZ))
