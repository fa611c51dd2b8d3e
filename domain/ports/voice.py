"""What listens to the candidate: rates brought together, voice found, echo measured, pauses
predicted.

Behind any detector (a cheap gate, a neural network, both) the core sees only `FrameFeatures`. Which
detector ran is a setting, and a recorded call can be heard again with another one.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable

from domain.sound.features import FrameFeatures


class Resampler(ABC):
    """One call's stream from the client's rate to 16 kHz, mono PCM16 little-endian on both sides.

    Made for a rate; making one raises `PeerError("bad_sample_rate")` for a rate that cannot be
    used.
    """

    rate_hz: int
    """The client's."""

    @abstractmethod
    def push(self, pcm: bytes) -> bytes:
        """Take a chunk of any size; return what is ready, possibly nothing.

        Raises `PeerError("malformed_audio")` if `pcm` ends within a sample; nothing was taken then.
        """

    @abstractmethod
    def flush(self) -> bytes:
        """The end of the stream, followed by silence; the resampler is as new afterwards.

        All output since the start together has exactly `ceil(samples taken * 16000 / rate_hz)`
        samples.
        """


class VoiceDetector(ABC):
    """One call's detector. It has a state, so every call needs its own; it is synchronous and quick
    (see `bench.voice`)."""

    @abstractmethod
    def analyse(self, frame: bytes) -> FrameFeatures:
        """The features of the next frame: 640 bytes of 16 kHz mono PCM16.

        Never raises on account of what the samples are. Raises `FrameLengthError` on another
        length, as that is our bug, and the detector has not taken anything in then.
        """

    @abstractmethod
    def reset(self) -> None:
        """Forget everything heard: the same audio after a reset gives the same features as in a new
        detector."""


class EchoGauge(ABC):
    """How far the candidate's microphone is above what leaks into it of the interviewer. One
    call's."""

    @abstractmethod
    def over_echo(self, frame: bytes, played: bytes) -> int:
        """How far `frame` (16 kHz PCM16) is above the leak, quantised; `NOTHING_PLAYED` if nothing
        can leak now.

        `played` is what was played since the last frame: PCM16 at 24 kHz of any length, empty for
        nothing.
        """


class TurnDetector(ABC):
    """Says how finished an answer sounds."""

    @abstractmethod
    def ask(self, pcm: bytes, then: Callable[[int], None]) -> bool:
        """Listen to the end of `pcm` (16 kHz mono PCM16) and, later, call `then` on the event loop
        with 0..254.

        Never waits. False if the turn detector is too busy: `then` is not called.
        """
