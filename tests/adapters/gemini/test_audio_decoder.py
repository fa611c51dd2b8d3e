"""Whatever Gemini calls audio becomes 24 kHz PCM or a report."""

import numpy as np
import pytest
from google.genai import types

from adapters.gemini.audio_decoder import AudioDecoder


def blob(data: bytes, mime: str) -> types.Blob:
    return types.Blob(data=data, mime_type=mime)


def tone(rate_hz: int, seconds: float = 1.0) -> bytes:
    """440 Hz at half scale."""
    times = np.arange(int(rate_hz * seconds)) / rate_hz
    return (16_000 * np.sin(2 * np.pi * 440 * times)).astype("<i2").tobytes()


@pytest.mark.parametrize("mime", ["audio/pcm;rate=24000", "audio/pcm", "Audio/L16; channels=1; rate=24000"])
def test_what_gemini_sends_passes_through_untouched(mime: str) -> None:
    """24 kHz, named or not."""
    assert AudioDecoder().decode(blob(b"\1\0\2\0", mime)) == (b"\1\0\2\0", "")


@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
def test_another_rate_is_resampled_across_messages(rate_hz: int) -> None:
    """The same tone comes out as long as it went in, at 24 kHz, without clicks where messages join."""
    decoder, pcm = AudioDecoder(), tone(rate_hz)
    step = rate_hz * 2 // 25
    pieces = [decoder.decode(blob(pcm[at : at + step], f"audio/pcm;rate={rate_hz}")) for at in range(0, len(pcm), step)]
    assert all(problem == "" for _, problem in pieces)
    got = np.frombuffer(b"".join(data for data, _ in pieces) + decoder.restart(), "<i2").astype(float)
    expected = np.frombuffer(tone(24_000), "<i2").astype(float)
    assert len(got) == len(expected)
    assert np.abs(got - expected)[500:-500].max() < 200


def test_the_usual_rate_is_taken_again_after_another() -> None:
    """What the resampler held comes first, then the new audio as it is."""
    decoder = AudioDecoder()
    first, _ = decoder.decode(blob(tone(16_000, 0.5), "audio/pcm;rate=16000"))
    second, _ = decoder.decode(blob(tone(24_000, 0.5), "audio/pcm;rate=24000"))
    assert second.endswith(tone(24_000, 0.5))
    assert len(first + second) == len(tone(24_000))


def test_half_a_sample_is_left_out_and_reported() -> None:
    """The rest of the message is played."""
    data, problem = AudioDecoder().decode(blob(b"\1\0\2", "audio/pcm;rate=24000"))
    assert data == b"\1\0"
    assert "3 bytes" in problem


@pytest.mark.parametrize("mime", ["audio/ogg", "image/png", "", "audio/pcm;rate=fast", "audio/pcm;rate=1"])
def test_anything_else_is_reported_with_its_type(mime: str) -> None:
    """And nothing of it is played."""
    data, problem = AudioDecoder().decode(blob(b"\1\0", mime))
    assert data == b""
    assert (mime or "no type") in problem


def test_empty_audio_is_none() -> None:
    """No data, no problem."""
    assert AudioDecoder().decode(types.Blob(mime_type="audio/pcm")) == (b"", "")
