"""A visitor of the page whose microphone plays recordings."""

from pathlib import Path

import numpy as np
import soundfile
import soxr

from tests.api.web.chromium import Page

ROOT = Path(__file__).parents[2]
CANDIDATE = ROOT / "tests" / "data" / "candidate"
MICROPHONE_HZ = 48_000


def said(name: str) -> np.ndarray:
    wave, rate_hz = soundfile.read(CANDIDATE / f"{name}.flac", dtype="float32")
    return soxr.resample(wave, rate_hz, MICROPHONE_HZ)


def silence(seconds: float) -> np.ndarray:
    return np.zeros(int(seconds * MICROPHONE_HZ), np.float32)


async def until_state(page: Page, state: str) -> None:
    await page.until(f"document.querySelector('#state-name').textContent.startsWith('{state}')", within_s=25)
