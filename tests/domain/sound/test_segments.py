"""Audio inputs go into segments and come back as they were."""

import struct
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.inputs import CandidateFrame
from domain.ports import AudioSegment, Side
from domain.sound.features import NOTHING_PLAYED, FrameFeatures
from domain.sound.segments import SegmentBuffer, unpack

BYTE = st.integers(0, 255)


@given(client_seq=st.integers(-1, 2**31 - 1), level=BYTE, voice=BYTE, echo=BYTE, at_us=st.integers(0, 2**53))
def test_a_frame_comes_back_as_it_was(client_seq: int, level: int, voice: int, echo: int, at_us: int) -> None:
    """Given any frame, also one before the client's first whole message (-1), it is read back
    unchanged."""
    frame = CandidateFrame(
        at_us=at_us,
        client_seq=client_seq,
        features=FrameFeatures(level, 1, voice, echo),
        pcm=bytes(range(256)) * 2 + b"x" * 128,
    )
    journal = SegmentBuffer(Side.CANDIDATE, 1_000)
    journal.frame(7, at_us, frame)
    sealed = journal.seal()
    segment = AudioSegment(
        UUID(int=1), "t", sealed.side, sealed.sha256, sealed.rate_hz, sealed.first_sample, sealed.pcm, sealed.arrivals
    )
    assert list(unpack(segment)) == [(7, frame)]


@given(rows=st.lists(st.tuples(st.integers(-1, 2**31 - 1), BYTE, BYTE), min_size=1, max_size=50))
def test_rows_recorded_before_the_echo_was_known_are_read_back(rows: list[tuple[int, int, int]]) -> None:
    """Given rows of 19 bytes, without `over_echo`, then they are frames over which nothing was
    played."""
    pcm = b"".join(bytes([index]) * 640 for index in range(len(rows)))
    arrivals = b"".join(
        struct.pack("<IQiBBB", index, 20_000 * index, client_seq, level, 1, voice)
        for index, (client_seq, level, voice) in enumerate(rows)
    )
    assert len(arrivals) == 19 * len(rows)
    segment = AudioSegment(UUID(int=1), "t", Side.CANDIDATE, "", 16_000, 0, pcm, arrivals)
    assert list(unpack(segment)) == [
        (
            index,
            CandidateFrame(
                at_us=20_000 * index,
                client_seq=client_seq,
                features=FrameFeatures(level, 1, voice, NOTHING_PLAYED),
                pcm=bytes([index]) * 640,
            ),
        )
        for index, (client_seq, level, voice) in enumerate(rows)
    ]


def test_a_recorded_segment_whose_rows_fit_neither_width_is_not_guessed_at() -> None:
    """Given arrivals that were cut short, then reading them fails instead of giving frames that
    never were."""
    segment = AudioSegment(UUID(int=1), "t", Side.CANDIDATE, "", 16_000, 0, bytes(640), bytes(18))
    with pytest.raises(struct.error):
        list(unpack(segment))
