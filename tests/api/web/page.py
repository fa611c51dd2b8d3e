"""What a visitor of the page does first, and a picture of what they see."""

from pathlib import Path
from typing import Any

from tests.api.web.chromium import Page
from tests.api.web.protocol_server import ProtocolServer, Wire

STATES = ["listening", "candidate_speaking", "model_speaking", "interrupted", "resuming", "closed"]


async def begin(page: Page, server: ProtocolServer, **ready: Any) -> Wire:
    """Presses the button and says `ready`."""
    await page.click("#begin")
    wire = await server.accept()
    await wire.ready(**ready)
    await page.until("document.querySelector('#connection').textContent === 'connected'")
    return wire


async def picture(page: Page, path: Path, width: int) -> None:
    await page.screenshot(path)
    assert await page.run("return document.documentElement.scrollWidth") <= width
