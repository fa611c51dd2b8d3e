"""Cuts 16 kHz PCM16 into the 20 ms frames that everything behind the microphone works on.

Clients send chunks of any size; detectors, the core and the log know only whole frames. Nothing is
lost between chunks: what does not fill a frame waits for the next one.
"""

from domain.errors import BugError
from domain.sound.rates import FRAME_BYTES


class FrameLengthError(BugError):
    """Something that is not one whole frame was handed on as one."""

    def __init__(self, length: int) -> None:
        super().__init__(f"a frame has {FRAME_BYTES} bytes, not {length}: cut audio with FrameCutter first")
        self.length = length


class FrameCutter:
    """Turns chunks of 16 kHz mono PCM16 into frames of 640 bytes. One per call; holds less than one
    frame."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    @property
    def held_samples(self) -> int:
        """Samples that wait for the rest of their frame: 0..319."""
        return len(self._rest) // 2

    def push(self, pcm: bytes) -> list[bytes]:
        """The frames that `pcm` completes, in order; the remainder is kept."""
        if self._rest:
            pcm = self._rest + pcm
        whole = len(pcm) - len(pcm) % FRAME_BYTES
        self._rest = pcm[whole:]
        return [pcm[at : at + FRAME_BYTES] for at in range(0, whole, FRAME_BYTES)]

    def flush(self) -> bytes | None:
        """The last frame of a call, filled up with silence; None if nothing waits. The cutter is
        empty afterwards."""
        rest, self._rest = self._rest, b""
        return rest.ljust(FRAME_BYTES, b"\0") if rest else None
