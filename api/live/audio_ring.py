"""The newest audio of a call, by its place in the call: what a turn's beginning is read back from.

A decision that somebody speaks comes after they began, so the model is sent audio that is already
past; after a re-dial an open window is sent again whole. Positions count 16 kHz samples of the
candidate's audio since the call began, as everywhere else.
"""

from domain.errors import BugError, VivaError

_SAMPLE_BYTES = 2


class AudioNotHeldError(VivaError, LookupError):
    """A stretch was asked for that the ring no longer holds, or does not hold yet."""

    def __init__(self, from_sample: int, to_sample: int, first_sample: int, next_sample: int) -> None:
        super().__init__(
            f"samples {from_sample} to {to_sample} are not held, only {first_sample} to {next_sample}: "
            "read what is older from the stored segments"
        )
        self.first_sample = first_sample
        self.next_sample = next_sample


class AudioRing:
    """At most `max_samples` of PCM16; when it is full the oldest go, and are counted in
    `dropped_samples`.

    Dropping is forgetting here, not losing: the stored segments have it all. `first_sample` is
    where the first appended sample belongs, as a call that was taken over does not start at 0.
    """

    __slots__ = ("_first_sample", "_max_samples", "_pcm", "dropped_samples")

    def __init__(self, max_samples: int, first_sample: int = 0) -> None:
        if max_samples < 1:
            raise BugError("an AudioRing must hold at least one sample")
        self._max_samples = max_samples
        self._first_sample = first_sample
        self._pcm = bytearray()
        self.dropped_samples = 0
        """Samples that had to go because the ring was full; those given up by `forget_before` are
        not among them."""

    @property
    def first_sample(self) -> int:
        """The oldest sample that is held; equal to `next_sample` while nothing is."""
        return self._first_sample

    @property
    def next_sample(self) -> int:
        """Where the next appended sample will belong."""
        return self._first_sample + len(self._pcm) // _SAMPLE_BYTES

    def append(self, pcm: bytes) -> None:
        """Add what was heard next. Raises `BugError` if it ends within a sample; nothing was added
        then."""
        if len(pcm) % _SAMPLE_BYTES:
            raise BugError("an AudioRing takes whole samples of PCM16")
        self._pcm += pcm
        surplus = len(self._pcm) // _SAMPLE_BYTES - self._max_samples
        if surplus > 0:
            self._cut(surplus)
            self.dropped_samples += surplus

    def read(self, from_sample: int, to_sample: int) -> bytes:
        """The samples from `from_sample` up to and without `to_sample`; they stay in the ring.

        Raises `AudioNotHeldError` unless every one of them is held and `from_sample <= to_sample`.
        """
        if not self._first_sample <= from_sample <= to_sample <= self.next_sample:
            raise AudioNotHeldError(from_sample, to_sample, self._first_sample, self.next_sample)
        start = (from_sample - self._first_sample) * _SAMPLE_BYTES
        return bytes(self._pcm[start : start + (to_sample - from_sample) * _SAMPLE_BYTES])

    def forget_before(self, sample: int) -> None:
        """Give up what is older than `sample`; up to the newest that is held, what is not there yet
        is unaffected."""
        self._cut(max(0, min(sample, self.next_sample) - self._first_sample))

    def _cut(self, samples: int) -> None:
        # A bytearray gives up its front by moving its start: no copy, whatever its length.
        del self._pcm[: samples * _SAMPLE_BYTES]
        self._first_sample += samples
