"""A link to a server, ready to be dialled."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from adapters.gemini.client import open_client
from adapters.gemini.link import GeminiLink
from adapters.gemini.live_setup import LiveSetup
from adapters.gemini.settings import GeminiSettings
from adapters.rehearsal import RehearsalServer
from domain.effects import DialModel
from domain.record.conversation import Turn
from tests.adapters.gemini.inbox import Inbox

MODEL = "gemini-3.8-live"
SETUP = LiveSetup(
    instruction="You are Viva. Ask these questions:\n1. Why are you here?\n2. What did you build?",
    voice="Kore",
    language="en-US",
)
Linked = Callable[[GeminiSettings], AbstractAsyncContextManager[GeminiLink]]


def dial(handle: str = "", model: str = MODEL, wait_ms: int = 0, seed: tuple[Turn, ...] = ()) -> DialModel:
    return DialModel(attempt=1, wait_ms=wait_ms, handle=handle, model=model, seed=seed)


def settings_for(server: RehearsalServer) -> GeminiSettings:
    assert isinstance(server.ca_file, Path)
    return GeminiSettings(base_url=server.wss_url, ca_file=str(server.ca_file), api_key="any")


@pytest.fixture
async def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
async def linked(inbox: Inbox) -> Linked:
    """`async with linked(settings) as link:` delivers into `inbox`, and waits without jitter."""

    @asynccontextmanager
    async def link_to(settings: GeminiSettings) -> AsyncIterator[GeminiLink]:
        async with (
            open_client(settings) as client,
            GeminiLink(client=client, settings=settings, setup=SETUP, sink=inbox, jitter=lambda: 0.0) as link,
        ):
            yield link

    return link_to
