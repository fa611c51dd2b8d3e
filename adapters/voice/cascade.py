"""WebRTC's detector as the gate that costs nothing, Silero as the turn detector behind it.

Most of a call the candidate is silent, and the network need not run. While the gate is, or was just
now, open Silero hears every sample; when it opens after having been closed, Silero first hears the
last quarter of a second, cut so that a window ends exactly at the opening frame: its first opinion
comes with the same frame as the gate's.

Two measurements shape this file, the first made before `conditioning`; `python -m bench.voice`
repeats the second:

- Silero's state for a speaker is worth keeping across a closed gate. Cleared at each opening, one onset in ten of
  hoarse and quiet voices was found a second late, as the network needs about that long to be sure of them again.
- The same state goes deaf in a minute of loud noise: what a hoarse speaker said afterwards, in quiet, was found up to
  1.6 s late. So after two seconds in which the gate was open and the network sure of no voice, it starts afresh on the
  last quarter of a second: then all was found within 0.1 s, as without the noise.
"""

from adapters.voice.features import frame_loudness, samples_of
from adapters.voice.silero import HISTORY_SAMPLES, WINDOW_SAMPLES, SileroStream
from adapters.voice.webrtc import Mode, WebRtcDetector
from domain.ports.voice import VoiceDetector
from domain.sound.features import NOTHING_PLAYED, FrameFeatures, quantise_voice
from domain.sound.rates import FRAME_BYTES, FRAME_MS, FRAME_SAMPLES

LEAD_IN_WINDOWS = 8
"""256 ms that Silero is given to hear at once: when the gate opens, and when it starts afresh."""

REFRESH_MS = 2_000
"""How long Silero may be sure of no voice before its state is cleared."""

_SURE_OF_NO_VOICE = quantise_voice(0.1)

_LEAD_IN_SAMPLES = LEAD_IN_WINDOWS * WINDOW_SAMPLES
_SAMPLE_BYTES = 2


class CascadeDetector(VoiceDetector):
    """`gate` is WebRTC's decision for the frame; `voice` the newest probability of Silero at the
    frame's end.

    While the gate has been closed for `hangover_ms`, `voice` is 0 and not "not measured": that the
    frame is no speech is what this detector has decided, on the gate's word, and a reader need not
    know which of its parts decided.
    """

    def __init__(self, mode: Mode = 1, hangover_ms: int = 500) -> None:
        self._gate = WebRtcDetector(mode)
        self._silero = SileroStream()
        self._hangover_frames = -(-hangover_ms // FRAME_MS)
        self._forget()

    def _forget(self) -> None:
        self._recent = bytearray(_SAMPLE_BYTES * (_LEAD_IN_SAMPLES + HISTORY_SAMPLES))
        self._unheard = 0
        self._frames_open = 0
        self._frames_without_voice = 0
        self._voice = 0

    def analyse(self, frame: bytes) -> FrameFeatures:
        level, peak, clipped = frame_loudness(frame)
        gate = self._gate.gate(frame)
        self._frames_open = self._hangover_frames if gate else max(0, self._frames_open - 1)
        self._recent += frame
        del self._recent[:FRAME_BYTES]
        self._unheard = min(self._unheard + FRAME_SAMPLES, _LEAD_IN_SAMPLES)
        if self._frames_open:
            self._hear()
            self._refresh()
        else:
            self._voice = 0
        return FrameFeatures(level, gate, self._voice, NOTHING_PLAYED, peak, clipped)

    def _refresh(self) -> None:
        """Clear the network's state when all it has heard for a while was noise."""
        self._frames_without_voice = self._frames_without_voice + 1 if self._voice <= _SURE_OF_NO_VOICE else 0
        if self._frames_without_voice * FRAME_MS >= REFRESH_MS:
            self._frames_without_voice = 0
            self._silero.reset()
            self._unheard = _LEAD_IN_SAMPLES
            self._hear()

    def _hear(self) -> None:
        """Run Silero over the whole windows among the newest `_unheard` samples; the rest waits for
        the next frame."""
        while self._unheard >= WINDOW_SAMPLES:
            start = _SAMPLE_BYTES * (_LEAD_IN_SAMPLES - self._unheard)
            window = self._recent[start : start + _SAMPLE_BYTES * (HISTORY_SAMPLES + WINDOW_SAMPLES)]
            self._voice = quantise_voice(self._silero.probability(samples_of(window)))
            self._unheard -= WINDOW_SAMPLES

    def reset(self) -> None:
        """As of every detector. Seldom needed, as noise does no lasting harm here, and not free:
        the network is for a second or two less sure of a hoarse or quiet voice than it would have
        been."""
        self._gate.reset()
        self._silero.reset()
        self._forget()
