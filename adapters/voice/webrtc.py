"""WebRTC's voice detector: a Gaussian mixture over six bands, a few microseconds a frame.

It finds nearly every onset within tens of milliseconds, and takes pots and pans for speech tens of
times a minute: a gate, not a turn detector. It adapts to the noise it hears, therefore each call
has its own and `reset` makes a new one.
"""

from typing import Literal

import webrtcvad

from adapters.voice.features import level_of
from domain.ports.voice import VoiceDetector
from domain.sound.features import VOICE_NOT_MEASURED, FrameFeatures
from domain.sound.rates import SAMPLE_RATE_HZ

Mode = Literal[0, 1, 2, 3]
"""How much must speak for speech: 0 lets most through, 3 least."""


class WebRtcDetector(VoiceDetector):
    """`gate` is WebRTC's decision for the frame, without hangover of ours; `voice` is never
    measured."""

    def __init__(self, mode: Mode = 1) -> None:
        self._mode: Mode = mode
        self._vad = webrtcvad.Vad(mode)

    def analyse(self, frame: bytes) -> FrameFeatures:
        return FrameFeatures(level_of(frame), self.gate(frame), VOICE_NOT_MEASURED)

    def gate(self, frame: bytes) -> int:
        """WebRTC's decision alone: 1 if the next frame may be speech, else 0. The caller has
        checked its length."""
        return int(self._vad.is_speech(frame, SAMPLE_RATE_HZ))

    def reset(self) -> None:
        self._vad = webrtcvad.Vad(self._mode)
