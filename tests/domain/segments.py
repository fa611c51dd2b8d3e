"""Segments as the audio store would hand them back."""

from domain.ports import AudioSegment
from tests.domain.calls import Driver


def stored(driver: Driver) -> list[AudioSegment]:
    """Everything the call asked to have stored."""
    return [
        AudioSegment(
            call_id=driver.call.id,
            tenant=driver.call.tenant,
            side=effect.side,
            sha256=effect.sha256,
            rate_hz=effect.rate_hz,
            first_sample=effect.first_sample,
            pcm=effect.pcm,
            arrivals=effect.arrivals,
        )
        for effect in driver.audio_segments()
    ]
