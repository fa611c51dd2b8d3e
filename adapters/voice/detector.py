"""The port of voice detectors: one frame in, its features out.

Whatever listens (a gate that costs nothing, a neural network, both) the core sees only
`FrameFeatures`; which detector ran is a setting, and a recorded call can be heard again with
another one.
"""

from abc import ABC, abstractmethod

from domain.sound.features import FrameFeatures


class VoiceDetector(ABC):
    """One call's ear. It has a state, so every call needs its own; it is synchronous and quick (see
    `bench.voice`)."""

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
