"""The ring of newest audio: positions, bounds, and what it says when it no longer has something."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from api.live.audio_ring import AudioNotHeldError, AudioRing
from domain.errors import BugError, VivaError


def pcm(first: int, count: int) -> bytes:
    """Samples whose values tell their position."""
    return b"".join((sample % 65_536).to_bytes(2, "little") for sample in range(first, first + count))


class RingAgainstWholeCall(RuleBasedStateMachine):
    """A ring of 50 samples of a call that was taken over at sample 1000, beside the whole call."""

    def __init__(self) -> None:
        super().__init__()
        self.ring = AudioRing(50, first_sample=1000)
        self.next = 1000
        self.forgotten = 1000
        self.dropped = 0

    @rule(count=st.integers(0, 70))
    def append(self, count: int) -> None:
        self.ring.append(pcm(self.next, count))
        self.next += count
        surplus = max(0, self.next - 50 - self.forgotten)
        self.dropped += surplus
        self.forgotten += surplus

    @rule(back=st.integers(-10, 60))
    def forget(self, back: int) -> None:
        self.ring.forget_before(self.next - back)
        self.forgotten = max(self.forgotten, min(self.next, self.next - back))

    @rule(first=st.integers(-70, 10), count=st.integers(-5, 70))
    def read(self, first: int, count: int) -> None:
        first += self.next
        if self.forgotten <= first <= first + count <= self.next:
            assert self.ring.read(first, first + count) == pcm(first, count)
        else:
            with pytest.raises(AudioNotHeldError):
                self.ring.read(first, first + count)

    @invariant()
    def agrees(self) -> None:
        assert (self.ring.first_sample, self.ring.next_sample) == (self.forgotten, self.next)
        assert self.ring.dropped_samples == self.dropped


TestRingAgainstWholeCall = RingAgainstWholeCall.TestCase


def test_what_is_gone_is_said_in_words() -> None:
    """The error is a LookupError of Viva's tree, names what is held, and where to look instead."""
    ring = AudioRing(10)
    ring.append(pcm(0, 25))

    with pytest.raises(
        AudioNotHeldError, match=r"samples 14 to 20 are not held, only 15 to 25: .* stored segments"
    ) as it:
        ring.read(14, 20)

    assert isinstance(it.value, LookupError)
    assert isinstance(it.value, VivaError)
    assert (it.value.first_sample, it.value.next_sample) == (15, 25)


@given(st.integers(0, 20))
def test_half_a_sample_is_refused_whole(samples: int) -> None:
    """A chunk that ends within a sample would shift all that follows; nothing of it is taken."""
    ring = AudioRing(100)
    with pytest.raises(BugError):
        ring.append(bytes(2 * samples + 1))

    assert ring.next_sample == 0


def test_a_ring_must_hold_something() -> None:
    """A bound of nothing is a bug in the settings of its maker."""
    with pytest.raises(BugError):
        AudioRing(0)


def test_a_full_ring_costs_no_more_than_an_empty_one() -> None:
    """Ten thousand frames into a full ring of ten minutes: were each a copy of it, that would take
    half a minute."""
    ring = AudioRing(600 * 16_000)
    ring.append(bytes(2 * 600 * 16_000))
    frame = bytes(640)

    started = time.process_time()
    for _ in range(10_000):
        ring.append(frame)

    assert time.process_time() - started < 1.0
    assert ring.dropped_samples == 10_000 * 320
