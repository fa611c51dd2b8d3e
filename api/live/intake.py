"""The candidate's audio on its way in: messages at the client's rate become 20 ms frames at 16 kHz.

Each message is taken once, in order. A frame is labelled with the newest message that is *wholly*
contained in the stream up to its end, so that an acknowledgement never covers samples that are
still in the resampler; what the stream holds beyond that message is its partial_samples, which a
later owner of the call skips when the next message is sent again.
"""

from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

from api.wire.protocol import ClientAudio
from domain.errors import PeerError
from domain.ports.voice import Resampler
from domain.sound.frames import FrameCutter
from domain.sound.rates import FRAME_SAMPLES, SAMPLE_RATE_HZ

_AHEAD_MS = 5_000
"""What a client's clock may run ahead of ours, and a burst after a stall may bring; more was never
spoken."""
_CLOCKS_APART_MS = 10_000
"""A call that was taken over goes on by the clock of another machine, which may be behind."""


class IntakeFrame(NamedTuple):
    """640 bytes of 16 kHz mono PCM16; the newest message that is wholly in the stream up to its end;
    and how many of its last samples belong to the message after that."""

    pcm: bytes
    client_seq: int
    partial_samples: int = 0


class Heard(NamedTuple):
    """How much of a client's audio is in a call's log: `samples`, of which the last
    `partial_samples` are of `next_seq`."""

    samples: int = 0
    next_seq: int = 0
    partial_samples: int = 0


class AudioIntake:
    """One call's audio, over all its connections. `next_seq` is the message expected next."""

    def __init__(
        self,
        rate_hz: int,
        make_resampler: Callable[[int], Resampler],
        heard: Heard = Heard(),  # noqa: B008  (a constant)
    ) -> None:
        """`heard` is what an earlier owner of the call recorded. Raises
        `PeerError("bad_sample_rate")`."""
        self.next_seq = heard.next_seq
        self.repeated = 0
        """Messages that had come before and were passed over."""
        self._ahead_ms = _AHEAD_MS + (_CLOCKS_APART_MS if heard.next_seq else 0)
        self._make_resampler = make_resampler
        self._resampler = make_resampler(rate_hz)
        self._cutter = FrameCutter()
        self._ends: deque[tuple[int, int]] = deque()
        self._whole_seq, self._whole_end = heard.next_seq - 1, heard.samples - heard.partial_samples
        self._base_sample = self._whole_end
        self._taken = 0
        self._framed = heard.samples
        self._to_skip = 2 * heard.partial_samples

    @property
    def rate_hz(self) -> int:
        return self._resampler.rate_hz

    def change_rate(self, rate_hz: int) -> list[IntakeFrame]:
        """A client came back with another rate: what the old resampler still held comes out first."""
        if rate_hz == self.rate_hz:
            return []
        fresh = self._make_resampler(rate_hz)
        frames = list(self._frames(self._resampler.flush()))
        self._base_sample = self._framed + self._cutter.held_samples
        self._taken = 0
        self._resampler = fresh
        return frames

    def admit(self, audio: ClientAudio, now_us: int) -> None:
        """Refuse what nobody can have spoken by now. Raises `PeerError` (message_too_big,
        audio_ahead)."""
        if len(audio.pcm) > 2 * self.rate_hz:
            raise PeerError("message_too_big", "An audio message holds at most one second of sound: send less at once.")
        latest = (now_us // 1000 + self._ahead_ms) * SAMPLE_RATE_HZ // 1000
        if audio.seq == self.next_seq and self._end_with(audio) > latest:
            raise PeerError("audio_ahead", "More sound came than time has passed since the call began: send it live.")

    def _end_with(self, audio: ClientAudio) -> int:
        """Where the stream would end with this message, in samples at 16 kHz since its beginning."""
        return self._base_sample - (-(self._taken + len(audio.pcm) // 2) * SAMPLE_RATE_HZ // self.rate_hz)

    def take(self, audio: ClientAudio) -> list[IntakeFrame]:
        """The frames that this message completes. Raises `PeerError("audio_gap")` if one before it
        is missing."""
        if audio.seq < self.next_seq:
            self.repeated += 1
            return []
        if audio.seq > self.next_seq:
            raise PeerError("audio_gap", f"Audio message {self.next_seq} is missing before {audio.seq}: send it first.")
        self._ends.append((self._end_with(audio), audio.seq))
        self.next_seq += 1
        self._taken += len(audio.pcm) // 2
        return list(self._frames(self._resampler.push(audio.pcm)))

    def finish(self) -> list[IntakeFrame]:
        """No more audio will come: the rest, the last frame filled up with silence."""
        frames = list(self._frames(self._resampler.flush()))
        last = self._cutter.flush()
        if last is not None:
            self._framed += FRAME_SAMPLES
            frames.append(self._labelled(last)._replace(partial_samples=0))
        self._base_sample = self._whole_end = self._framed
        self._taken = 0
        return frames

    def _frames(self, pcm: bytes) -> Iterator[IntakeFrame]:
        fresh = pcm[self._to_skip :] if self._to_skip else pcm
        self._to_skip -= len(pcm) - len(fresh)
        for frame in self._cutter.push(fresh):
            self._framed += FRAME_SAMPLES
            yield self._labelled(frame)

    def _labelled(self, frame: bytes) -> IntakeFrame:
        while self._ends and self._ends[0][0] <= self._framed:
            self._whole_end, self._whole_seq = self._ends.popleft()
        return IntakeFrame(frame, self._whole_seq, self._framed - self._whole_end)
