"""FLAC keeps every sample."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.voice import flac


@given(
    samples=st.lists(st.integers(-32_768, 32_767), min_size=1, max_size=400), rate_hz=st.sampled_from([16_000, 24_000])
)
def test_what_is_encoded_is_decoded_bit_by_bit(samples: list[int], rate_hz: int) -> None:
    """Any PCM16, at the rates of both sides."""
    pcm = b"".join(sample.to_bytes(2, "little", signed=True) for sample in samples)
    assert flac.decode(flac.encode(pcm, rate_hz)) == (pcm, rate_hz)


def test_silence_takes_little_room() -> None:
    """A second of silence is a hundred bytes or so instead of 32,000."""
    assert len(flac.encode(bytes(32_000), 16_000)) < 1_000


@pytest.mark.parametrize("pcm", [b"", b"\x00"])
def test_what_is_no_recording_is_refused(pcm: bytes) -> None:
    """Nothing, or half a sample."""
    with pytest.raises(ValueError, match=r"."):
        flac.encode(pcm, 16_000)


@pytest.mark.parametrize("data", [b"", b"RIFF", b"fLaC" + bytes(100)])
def test_what_is_no_flac_is_refused(data: bytes) -> None:
    """A typed error, not one of the library's."""
    with pytest.raises(ValueError, match="not a FLAC file"):
        flac.decode(data)
