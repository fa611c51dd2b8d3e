"""The server-side playout clock: which audio of the interviewer waits, is sent, and is heard.

Positions are samples of the interviewer's 24 kHz stream, which counts everything the model sent,
kept or not. Audio goes out only `lead_ms` ahead of the candidate's ears, so that a flush is instant
and "heard" is exact: the client's reports say where playback was, and between them the clock runs
on, never past the audio that was sent.
"""

from typing import NamedTuple

from msgspec import Struct

from domain.policy import PlayoutPolicy
from domain.sound.rates import MODEL_RATE_HZ, samples


class Range(NamedTuple):
    """Part of one generation, to be sent."""

    generation: int
    from_sample: int
    to_sample: int


class Playout(Struct):
    """The stretch of the stream between what was heard and what has arrived. It belongs to one
    generation at a time."""

    lead: int
    chunk: int
    longest: int
    """How far ahead audio is sent, what one message carries, and what may wait, in samples."""
    generation: int = 0
    start_sample: int = 0
    sent_sample: int = 0
    end_sample: int = 0
    played_sample: int = 0
    held: bool = False
    running: bool = False
    """Whether the clock runs: the client plays."""
    refused: int = 0
    """The newest generation of which some audio was refused."""
    base_sample: int = 0
    base_at_us: int = 0
    """Where playback was at this moment."""

    @classmethod
    def under(cls, policy: PlayoutPolicy) -> "Playout":
        """Nothing waits, and nothing was heard."""
        return cls(
            lead=samples(policy.lead_ms, MODEL_RATE_HZ),
            chunk=max(1, samples(policy.chunk_ms, MODEL_RATE_HZ)),
            longest=samples(policy.max_ms, MODEL_RATE_HZ),
        )

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
            self.sent_sample = self.played_sample = self.end_sample = self.base_sample = first_sample
            self.running = False
        if first_sample + count - self.played_sample > self.longest:
            self.refused = generation
            return False
        self.end_sample = first_sample + count
        return True

    def take(self, now_us: int) -> list[Range]:
        """What to send now, in chunks. Nothing while playback is held."""
        if self.held or not self.unsent:
            return []
        heard = self.heard_sample(now_us)
        if self.running and heard >= self.sent_sample:  # ran dry: the clock waits for what is sent next
            self.base_sample, self.base_at_us = self.sent_sample, now_us
        limit = min(self.end_sample, heard + self.lead)
        ranges = []
        while self.sent_sample < limit:
            to_sample = min(self.sent_sample + self.chunk, self.end_sample)
            ranges.append(Range(self.generation, self.sent_sample, to_sample))
            self.sent_sample = to_sample
        return ranges

    def heard_sample(self, now_us: int) -> int:
        """Where the candidate's ears are: everything before this has been played."""
        if self.held or not self.running:
            return self.base_sample
        elapsed = max(0, now_us - self.base_at_us) * MODEL_RATE_HZ // 1_000_000
        return min(self.sent_sample, self.base_sample + elapsed)

    def report(self, played_sample: int, held: bool, now_us: int) -> bool:
        """Believe the client, within what it was sent. True when playback has moved on."""
        played = min(played_sample, self.sent_sample)
        if played < self.played_sample:
            return False
        moved = played > self.played_sample
        self.played_sample = played
        reported_before_the_hold = self.held and not held  # that does not say yet where playback stopped
        self.base_sample = max(self.base_sample, played) if reported_before_the_hold else played
        self.base_at_us = now_us
        self.running = not held and (moved or self.running)
        return moved

    def hold(self, now_us: int) -> None:
        """Stop the clock: the client holds playback."""
        self.base_sample = self.heard_sample(now_us)
        self.held = True

    def release(self, now_us: int) -> None:
        """Let the clock run again from the held sample."""
        self.held = False
        self.base_at_us = now_us
        self.running = True

    def drop(self) -> None:
        """Forget everything that was not heard."""
        self.held = self.running = False
        self.end_sample = self.sent_sample = self.played_sample = self.base_sample

    def forget_sent(self) -> None:
        """Another process sent it, perhaps more than we know of: how far playback came is the
        client's to say."""
        self.held = self.running = False
        self.sent_sample = self.end_sample

    def rewind(self, played_sample: int) -> None:
        """A client came back: what it has not played is sent again, from there on."""
        self.held = self.running = False
        back = max(self.played_sample, min(played_sample, self.sent_sample)) if self.unplayed else self.end_sample
        self.sent_sample = self.played_sample = self.base_sample = back
