"""Audio inputs go into segments and come back as they were."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from domain.features import FrameFeatures
from domain.inputs import CandidateFrame
from domain.journal import Journal, unpack
from domain.ports import AudioSegment, Side

BYTE = st.integers(0, 255)


@given(client_seq=st.integers(-1, 2**31 - 1), level=BYTE, voice=BYTE, at_us=st.integers(0, 2**53))
def test_a_frame_comes_back_as_it_was(client_seq: int, level: int, voice: int, at_us: int) -> None:
    """Given any frame, also one before the client's first whole message (-1), it is read back unchanged."""
    frame = CandidateFrame(
        at_us=at_us,
        client_seq=client_seq,
        features=FrameFeatures(level, 1, voice),
        pcm=bytes(range(256)) * 2 + b"x" * 128,
    )
    journal = Journal(Side.CANDIDATE, 1_000)
    journal.frame(7, at_us, frame)
    sealed = journal.seal()
    segment = AudioSegment(
        UUID(int=1), "t", sealed.side, sealed.sha256, sealed.rate_hz, sealed.first_sample, sealed.pcm, sealed.arrivals
    )
    assert list(unpack(segment)) == [(7, frame)]
