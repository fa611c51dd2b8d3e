"""Everything that a live call talks to, as one value: made once by the composition root, or by a
test out of fakes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from api.live.counts import Counts
from domain.events import CallOpened
from domain.ports import AudioStore, EventCodec, EventReader, EventWriter
from domain.ports.clock import Clock
from domain.ports.model_link import InputSink, ModelLink
from domain.ports.voice import EchoGauge, Resampler, TurnDetector, VoiceDetector


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPorts:
    """The ports of all calls of a process; what every call needs for itself comes from factories.

    Without a `turn_detector` no pause is predicted.
    """

    writer: EventWriter
    reader: EventReader
    audio: AudioStore
    codec: EventCodec
    clock: Clock
    make_link: Callable[[CallOpened, InputSink], ModelLink]
    make_detector: Callable[[Literal["cascade", "silero", "webrtc"]], VoiceDetector]
    make_echo_gauge: Callable[[], EchoGauge]
    make_resampler: Callable[[int], Resampler]
    """For a client's rate in Hz. Raises `PeerError("bad_sample_rate")`."""
    turn_detector: TurnDetector | None = None
    counts: Counts = field(default_factory=Counts)
