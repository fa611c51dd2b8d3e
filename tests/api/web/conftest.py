"""Fixtures for browser tests: a protocol-speaking server, a Chromium that hears a recording, a
blank page."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
import soundfile
import soxr
from numpy.typing import NDArray

from tests.api.web.chromium import Chromium, Page, chromium_path
from tests.api.web.placed_call import PlacedCall
from tests.api.web.protocol_server import ProtocolServer

RECORDING = Path(__file__).parents[2] / "data" / "candidate" / "answer_2.flac"
MICROPHONE_HZ = 48_000


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if chromium_path() is None:
        skip = pytest.mark.skip(reason="no Chromium is installed: what a browser does is not tested")
        for item in items:
            if item.get_closest_marker("browser"):
                item.add_marker(skip)


@pytest.fixture(scope="session")
def recording() -> NDArray[np.float32]:
    """The recorded candidate at the rate at which the fake microphone delivers it."""
    pcm, rate_hz = soundfile.read(RECORDING, dtype="float32")
    resampled: NDArray[np.float32] = soxr.resample(pcm, rate_hz, MICROPHONE_HZ)
    return resampled


@pytest.fixture(scope="session")
def microphone(recording: NDArray[np.float32], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recording as the WAV file that Chromium's fake microphone plays."""
    path = tmp_path_factory.mktemp("microphone") / "candidate.wav"
    soundfile.write(path, recording, MICROPHONE_HZ, subtype="PCM_16")
    return path


@pytest_asyncio.fixture(loop_scope="module")
async def server() -> AsyncIterator[ProtocolServer]:
    async with ProtocolServer.started() as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(tmp_path_factory: pytest.TempPathFactory, microphone: Path) -> AsyncIterator[Chromium]:
    """One for all tests of a module; each test is a visit of its own."""
    async with Chromium.started(tmp_path_factory.mktemp("browser") / "profile", microphone) as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Chromium, server: ProtocolServer) -> AsyncIterator[Page]:
    """A page of the server's origin with nothing on it; it must not have complained when the test
    is over."""
    async with browser.visit(server.url + "blank") as page:
        yield page
    assert [text for text in page.complaints if "WebSocket" not in text] == []


@pytest_asyncio.fixture(loop_scope="module")
async def front(browser: Chromium, server: ProtocolServer) -> AsyncIterator[Page]:
    """The page as it is served at `/`, its interviewers loaded; it must not complain."""
    async with browser.visit(server.url) as page:
        await page.until("document.querySelectorAll('#agent option').length === 2")
        yield page
    assert [text for text in page.complaints if "WebSocket" not in text] == []


@pytest.fixture
def place(page: Page, server: ProtocolServer) -> Callable[..., Awaitable[PlacedCall]]:
    """Places a call from the page, whose `ready` is given these fields."""

    async def place(start: dict[str, Any] | None = None, **ready: Any) -> PlacedCall:
        return await PlacedCall.placed(page, server, start or {}, ready)

    return place
