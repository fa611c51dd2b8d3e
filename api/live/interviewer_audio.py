"""The interviewer's voice, as far as it may still be asked for: by the client that returns, or
against its echo."""

from api.live.audio_ring import AudioRing
from domain.sound.rates import MODEL_RATE_HZ, samples

KEPT_FOR_ECHO = samples(3_000, MODEL_RATE_HZ)
"""How much of what was played is kept: audio of a microphone that was held up on its way is
compared with it."""
_SAMPLE_BYTES = 2


class InterviewerAudio:
    """PCM16 at 24 kHz by its place in the interviewer's stream, at most `max_samples` of it, from
    `first_sample` on.

    Where the call changed hands the stream leaves positions out; they read as silence.
    """

    def __init__(self, max_samples: int, first_sample: int = 0) -> None:
        self._max_samples = max_samples
        self._before: AudioRing | None = None
        self._ring = AudioRing(max_samples, first_sample)

    @property
    def first_sample(self) -> int:
        """The oldest sample that is held."""
        return self._ring.first_sample if self._before is None else self._before.first_sample

    @property
    def next_sample(self) -> int:
        """Where the next appended sample will belong."""
        return self._ring.next_sample

    def append(self, pcm: bytes) -> None:
        """Add what the model sent next."""
        self._ring.append(pcm)

    def leave_out(self, to_sample: int) -> None:
        """The stream goes on at `to_sample`."""
        self._before = self._ring
        self._ring = AudioRing(self._max_samples, to_sample)

    def read(self, from_sample: int, to_sample: int) -> bytes:
        """The samples from `from_sample` up to and without `to_sample`. Raises `AudioNotHeldError`."""
        before = self._before
        if before is None or from_sample >= self._ring.first_sample:
            return self._ring.read(from_sample, to_sample)
        if to_sample <= before.next_sample:
            return before.read(from_sample, to_sample)
        old = before.read(from_sample, before.next_sample) if from_sample < before.next_sample else b""
        new = self._ring.read(self._ring.first_sample, max(to_sample, self._ring.first_sample))
        return old.ljust((to_sample - from_sample) * _SAMPLE_BYTES - len(new), b"\0") + new

    def forget_before(self, sample: int) -> None:
        """Forget older audio: it is not needed again."""
        if self._before is not None:
            self._before.forget_before(sample)
            if sample >= self._before.next_sample:
                self._before = None
        self._ring.forget_before(sample)
