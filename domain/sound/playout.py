"""What of the interviewer's voice waits, was sent, and was heard: the server-side playout clock.

Positions are samples of the interviewer's 24 kHz stream, which counts everything the model sent,
kept or not. Audio goes out only `lead_ms` ahead of the candidate's ears, so that a flush is instant
and "heard" is exact: the client's reports say where playback was, and between them the clock runs
on, never past what was sent.
"""

from typing import NamedTuple

from domain.policy import PlayoutPolicy
from domain.sound.rates import MODEL_RATE_HZ, samples


class Range(NamedTuple):
    """Part of one generation, to be sent."""

    generation: int
    from_sample: int
    to_sample: int


class Playout:
    """The stretch of the stream between what was heard and what has arrived. It belongs to one
    generation at a time."""

    __slots__ = (
        "_base_at_us",
        "_base_sample",
        "_chunk",
        "_lead",
        "_max",
        "_running",
        "end_sample",
        "generation",
        "held",
        "played_sample",
        "refused",
        "sent_sample",
        "start_sample",
    )

    def __init__(self, policy: PlayoutPolicy) -> None:
        self._lead = samples(policy.lead_ms, MODEL_RATE_HZ)
        self._chunk = max(1, samples(policy.chunk_ms, MODEL_RATE_HZ))
        self._max = samples(policy.max_ms, MODEL_RATE_HZ)
        self.generation = 0
        self.start_sample = self.sent_sample = self.end_sample = self.played_sample = 0
        self.held = False
        self._running = False
        self.refused = 0
        self._base_sample = self._base_at_us = 0

    @property
    def unplayed(self) -> bool:
        """Whether audio waits to be heard."""
        return self.played_sample < self.end_sample

    @property
    def unsent(self) -> bool:
        """Whether audio waits to be sent."""
        return self.sent_sample < self.end_sample

    @property
    def in_flight(self) -> bool:
        """Whether the client holds audio that it has not played."""
        return self.played_sample < self.sent_sample

    def push(self, generation: int, first_sample: int, count: int) -> bool:
        """Take `count` samples at `first_sample`.

        False, and nothing taken from there to the generation's end, when more would wait than the
        policy allows.
        """
        if generation == self.refused:
            return False
        if generation != self.generation or not self.unplayed:
            if generation != self.generation:
                self.start_sample = first_sample
            self.generation = generation
            self.sent_sample = self.played_sample = self.end_sample = self._base_sample = first_sample
            self._running = False
        if first_sample + count - self.played_sample > self._max:
            self.refused = generation
            return False
        self.end_sample = first_sample + count
        return True

    def take(self, now_us: int) -> list[Range]:
        """What to send now, in chunks. Nothing while playback is held."""
        if self.held or not self.unsent:
            return []
        heard = self.heard_sample(now_us)
        if self._running and heard >= self.sent_sample:  # ran dry: the clock waits for what is sent next
            self._base_sample, self._base_at_us = self.sent_sample, now_us
        limit = min(self.end_sample, heard + self._lead)
        ranges = []
        while self.sent_sample < limit:
            to_sample = min(self.sent_sample + self._chunk, self.end_sample)
            ranges.append(Range(self.generation, self.sent_sample, to_sample))
            self.sent_sample = to_sample
        return ranges

    def heard_sample(self, now_us: int) -> int:
        """Where the candidate's ears are: everything before this has been played."""
        if self.held or not self._running:
            return self._base_sample
        elapsed = max(0, now_us - self._base_at_us) * MODEL_RATE_HZ // 1_000_000
        return min(self.sent_sample, self._base_sample + elapsed)

    def report(self, played_sample: int, held: bool, now_us: int) -> bool:
        """Believe the client, within what it was sent. True when playback has moved on."""
        played = min(played_sample, self.sent_sample)
        if played < self.played_sample:
            return False
        moved = played > self.played_sample
        self.played_sample = played
        told_before_the_hold = self.held and not held  # that does not say yet where playback stopped
        self._base_sample = max(self._base_sample, played) if told_before_the_hold else played
        self._base_at_us = now_us
        self._running = not held and (moved or self._running)
        return moved

    def hold(self, now_us: int) -> None:
        """Stop the clock: the client was told to hold."""
        self._base_sample = self.heard_sample(now_us)
        self.held = True

    def release(self, now_us: int) -> None:
        """Let the clock run again from the held sample."""
        self.held = False
        self._base_at_us = now_us
        self._running = True

    def drop(self) -> None:
        """Forget everything that was not heard."""
        self.held = self._running = False
        self.end_sample = self.sent_sample = self.played_sample = self._base_sample

    def forget_what_was_sent(self) -> None:
        """Another process sent it, perhaps more than we know of: how far playback came is the
        client's to say."""
        self.held = self._running = False
        self.sent_sample = self.end_sample

    def rewind(self, played_sample: int) -> None:
        """A client came back: what it has not played is sent again, from there on."""
        self.held = self._running = False
        back = max(self.played_sample, min(played_sample, self.sent_sample)) if self.unplayed else self.end_sample
        self.sent_sample = self.played_sample = self._base_sample = back
