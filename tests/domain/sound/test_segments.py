"""Audio inputs go into segments and come back as they were."""

import struct
from math import log10
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.effects import StoreAudio
from domain.inputs import CandidateFrame, ModelAudio
from domain.ports import AudioSegment, Side
from domain.sound.features import FrameFeatures, level_dbfs, quantise_level
from domain.sound.loudness import Loudness, loudness_of_chunks
from domain.sound.segments import SegmentBuffer, unpack

BYTE = st.integers(0, 255)


SEQ, AT_US = 7, st.integers(0, 2**53)


def stored(sealed: StoreAudio) -> AudioSegment:
    """The segment as the store gives it back."""
    return AudioSegment(
        UUID(int=1), "t", sealed.side, sealed.sha256, sealed.rate_hz, sealed.first_sample, sealed.pcm, sealed.arrivals
    )


@given(
    client_seq=st.integers(-1, 2**31 - 1),
    features=st.builds(FrameFeatures, BYTE, BYTE, BYTE, BYTE, BYTE, st.integers(0, 320)),
    at_us=AT_US,
)
def test_a_frame_comes_back_as_it_was(client_seq: int, features: FrameFeatures, at_us: int) -> None:
    """Given any frame, also one before the client's first whole message (-1), it is read back
    unchanged."""
    pcm = bytes(range(256)) * 2 + b"x" * 128
    frame = CandidateFrame(at_us=at_us, client_seq=client_seq, features=features, pcm=pcm)
    buffer = SegmentBuffer(Side.CANDIDATE, 1_000)
    buffer.frame(SEQ, at_us, frame)
    assert list(unpack(stored(buffer.seal()))) == [(SEQ, frame)]


@given(
    chunks=st.lists(
        st.builds(
            ModelAudio, at_us=AT_US, pcm=st.binary(max_size=64).map(lambda pcm: pcm * 2), level=BYTE, peak=BYTE,
            clipped=st.integers(0, 32),
        ),
        min_size=1,
    )
)  # fmt: skip
def test_chunks_come_back_as_they_were(chunks: list[ModelAudio]) -> None:
    """Given chunks of any lengths, each is read back with its own sound, time and loudness."""
    buffer = SegmentBuffer(Side.INTERVIEWER, 1_000)
    for seq, chunk in enumerate(chunks):
        buffer.chunk(seq, chunk.at_us, chunk)
    assert list(unpack(stored(buffer.seal()))) == list(enumerate(chunks))


def test_arrivals_that_are_no_whole_rows_are_not_guessed_at() -> None:
    """Given arrivals that were cut short, then reading them fails instead of giving frames that
    never were."""
    segment = AudioSegment(UUID(int=1), "t", Side.CANDIDATE, "", 16_000, 0, bytes(640), bytes(18))
    with pytest.raises(struct.error):
        list(unpack(segment))


def test_a_segment_is_as_loud_as_its_frames_on_average() -> None:
    """Given a loud frame among three that are far below it, then a quarter of its energy (-6 dB) is
    the segment's, with the loudest peak, all that clipped, and the quietest level."""
    buffer = SegmentBuffer(Side.CANDIDATE, 1_000)
    for level, peak, clipped in ((100, 110, 0), (200, 255, 3), (90, 99, 0), (80, 90, 1)):
        features = FrameFeatures(level, 0, 0, peak=peak, clipped=clipped)
        buffer.frame(SEQ, 0, CandidateFrame(at_us=0, client_seq=0, features=features, pcm=bytes(640)))
    assert buffer.loudness == Loudness(level=188, peak=255, clipped_samples=4, quietest=80)


@given(chunks=st.lists(st.tuples(st.integers(0, 960), BYTE, BYTE, st.integers(0, 960)), min_size=1))
def test_the_level_of_a_segment_is_the_mean_energy_of_its_chunks(chunks: list[tuple[int, int, int, int]]) -> None:
    """Given chunks of any lengths and levels, the mean is that of their energies within a step, and
    does not depend on their order."""
    found = loudness_of_chunks(chunks)
    assert loudness_of_chunks(reversed(chunks)) == found
    total = sum(samples for samples, *_ in chunks)
    energy = sum(samples * 10 ** (level_dbfs(level) / 10) for samples, level, *_ in chunks)
    expected = quantise_level(10 * log10(energy / total)) if energy else 0
    assert abs(found.level - expected) <= 1


@given(frames=st.lists(st.tuples(BYTE, BYTE, st.integers(0, 320)), min_size=1))
def test_frames_and_chunks_of_one_length_are_measured_alike(frames: list[tuple[int, int, int]]) -> None:
    """Given the same rows as frames and as chunks, their loudness is the same, however many samples
    are clipped."""
    buffer = SegmentBuffer(Side.CANDIDATE, 1_000)
    for level, peak, clipped in frames:
        features = FrameFeatures(level, 0, 0, peak=peak, clipped=clipped)
        buffer.frame(SEQ, 0, CandidateFrame(at_us=0, client_seq=0, features=features, pcm=bytes(640)))
    assert buffer.loudness == loudness_of_chunks((320, *frame) for frame in frames)
