"""Segments as the audio store would hand them back."""

from domain.ports import AudioSegment
from tests.domain.calls import Driver, segments


def stored(driver: Driver) -> list[AudioSegment]:
    """Everything the call asked to have stored."""
    return segments(driver.call, driver.effects)
