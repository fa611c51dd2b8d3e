"""Which detector listens to a call: the one place that knows them all."""

from typing import Literal, assert_never

from adapters.voice.cascade import CascadeDetector
from adapters.voice.silero import SileroDetector
from adapters.voice.webrtc import Mode, WebRtcDetector
from domain.ports.voice import VoiceDetector

DetectorKind = Literal["cascade", "silero", "webrtc"]


def make_detector(kind: DetectorKind = "cascade", *, mode: Mode = 1) -> VoiceDetector:
    """A new detector for one call. `mode` is WebRTC's aggressiveness where it takes part, 0 (lets
    most through) to 3.

    The first one with Silero in it loads the network; `silero.shared_session()` does that ahead of
    time. Raises `SileroMissingError` if the network is not installed.
    """
    match kind:
        case "cascade":
            return CascadeDetector(mode)
        case "silero":
            return SileroDetector()
        case "webrtc":
            return WebRtcDetector(mode)
        case _:
            assert_never(kind)
