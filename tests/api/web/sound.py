"""Sounds that a page plays, and finding them again in what came out."""

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 24_000


def tone(seconds: float, hz: float = 440.0) -> NDArray[np.int16]:
    """A loud sine whose every sample can be recognised in context."""
    at = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return (20_000 * np.sin(2 * np.pi * hz * at)).astype(np.int16)


def find(part: NDArray[np.int16], whole: NDArray[np.int16]) -> int:
    """Where `part` lies in `whole`, sample for sample; -1 if it does not."""
    windows = np.lib.stride_tricks.sliding_window_view(whole, len(part))
    places = np.flatnonzero((windows == part).all(axis=1))
    return int(places[0]) if len(places) else -1
