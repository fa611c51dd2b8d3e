"""A visitor of the page whose microphone plays recordings."""

from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from tests.api.web.chromium import Page

ROOT = Path(__file__).parents[2]
CANDIDATE = ROOT / "tests" / "data" / "candidate"
MICROPHONE_HZ = 48_000


def said(name: str) -> NDArray[np.float32]:
    wave, rate_hz = soundfile.read(CANDIDATE / f"{name}.flac", dtype="float32")
    resampled: NDArray[np.float32] = soxr.resample(wave, rate_hz, MICROPHONE_HZ)
    return resampled


def silence(seconds: float) -> NDArray[np.float32]:
    return np.zeros(int(seconds * MICROPHONE_HZ), np.float32)


async def until_state(page: Page, state: str) -> None:
    await page.until(f"document.querySelector('#state-name').textContent.startsWith('{state}')", within_s=25)
