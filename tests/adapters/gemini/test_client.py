"""The one client: what it opens, with what patience, for whom."""

from pathlib import Path

import pytest
from google.oauth2.credentials import Credentials

from adapters.gemini.client import http_options, open_client
from adapters.gemini.connection import GeminiConnection
from adapters.gemini.link import GeminiLink
from adapters.gemini.settings import GeminiSettings, SettingsError
from adapters.rehearsal import RehearsalConfig, RehearsalServer
from domain.inputs import ModelConnected, ModelTurnCompleted
from tests.adapters.gemini.conftest import SETUP, dial
from tests.adapters.gemini.inbox import Inbox


async def test_keepalive_size_and_class_reach_the_connection() -> None:
    """Through the SDK, which hands on what websockets has a parameter for."""
    async with open_client(GeminiSettings(api_key="k", ping_interval_ms=7_000, max_message_bytes=5_000_000)) as client:
        handed_on = client._api_client._websocket_ssl_ctx
    assert handed_on["ping_interval"] == 7
    assert handed_on["ping_timeout"] == 60
    assert handed_on["max_size"] == 5_000_000
    assert handed_on["open_timeout"] == 6
    assert handed_on["close_timeout"] == 2
    assert handed_on["compression"] is None
    assert handed_on["write_limit"] == 8192
    assert handed_on["create_connection"] is GeminiConnection
    assert handed_on["ssl"] is not None


@pytest.mark.parametrize(
    ("base_url", "direct"),
    [("https://127.0.0.1:1", True), ("https://localhost:1", True), ("https://gateway.example", False), ("", False)],
)
def test_only_a_server_on_this_machine_is_reached_without_the_proxy(base_url: str, direct: bool) -> None:
    """A proxy cannot see our loopback."""
    arguments = http_options(GeminiSettings(api_key="k", base_url=base_url)).async_client_args
    assert arguments is not None
    assert ("proxy" in arguments) is direct


def test_a_certificate_file_that_is_missing_is_named(tmp_path: Path) -> None:
    """At start, not at the first call."""
    with pytest.raises(SettingsError, match="GEMINI_CA_FILE"):
        http_options(GeminiSettings(api_key="k", ca_file=str(tmp_path / "none.pem")))


async def test_the_environment_does_not_change_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK would read these; the settings have decided already."""
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    monkeypatch.setenv("GOOGLE_API_KEY", "another")
    async with open_client(GeminiSettings(api_key="k")) as client:
        assert not client.vertexai
        assert client._api_client.api_key == "k"


async def test_vertex_is_reached_under_its_own_address_with_a_token(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And converses as the Gemini API does."""
    monkeypatch.delenv("GEMINI_API_KEY", raising=False)
    config = RehearsalConfig(thinking_ms=20, speed=40, assumed_playback=0.02)
    async with RehearsalServer(config) as server:
        settings = GeminiSettings(
            service="vertex",
            project="p",
            location="us-central1",
            base_url=server.wss_url,
            ca_file=str(server.ca_file),
        )
        async with (
            open_client(settings, Credentials(token="t")) as client,
            GeminiLink(client=client, settings=settings, setup=SETUP, sink=inbox) as link,
        ):
            link.dial(dial(model="gemini-live-2.5-flash-native-audio"))
            await inbox.until(ModelConnected)
            link.send_text("Greet the candidate.")
            await inbox.until(ModelTurnCompleted)
        (session,) = server.sessions
        assert session.setup is not None
        assert session.setup.model == "gemini-live-2.5-flash-native-audio"
        assert session._vertex
