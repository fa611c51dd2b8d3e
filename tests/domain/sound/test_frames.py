"""Cutting chunks of any size into frames."""

from hypothesis import given
from hypothesis import strategies as st

from domain.sound.frames import FrameCutter
from domain.sound.rates import FRAME_BYTES


@given(st.lists(st.binary(max_size=2000)))
def test_nothing_is_lost_or_reordered(chunks: list[bytes]) -> None:
    """The frames and the last one's filled-up remainder are the audio, whatever the chunks were."""
    cutter = FrameCutter()
    frames = [frame for chunk in chunks for frame in cutter.push(chunk)]
    audio = b"".join(chunks)

    assert {len(frame) for frame in frames} <= {FRAME_BYTES}
    assert len(frames) == len(audio) // FRAME_BYTES
    assert cutter.held_samples == len(audio) % FRAME_BYTES // 2

    last = cutter.flush()

    whole = b"".join(frames) + (last or b"")
    assert whole[: len(audio)] == audio
    assert not any(whole[len(audio) :])
    assert (last is None) == (len(audio) % FRAME_BYTES == 0)


def test_a_frame_comes_with_its_last_byte() -> None:
    """Not a byte later: waiting would be delay."""
    cutter = FrameCutter()

    assert cutter.push(bytes(639)) == []
    assert cutter.push(b"\0") == [bytes(640)]


def test_a_flushed_cutter_is_as_new() -> None:
    """What was flushed does not come again."""
    cutter = FrameCutter()
    cutter.push(b"\1\0" * 7)

    assert cutter.flush() == b"\1\0" * 7 + bytes(626)
    assert cutter.flush() is None
    assert cutter.held_samples == 0
