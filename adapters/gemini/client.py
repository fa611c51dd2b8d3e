"""The SDK's client, one for the process.

Keep-alive, message size and trust are set on the connection itself, because the SDK's defaults
break calls: it gives up on a pong after 20 s, where Gemini's have been seen 30 s late, and refuses
messages above 1 MiB.
"""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from google import genai
from google.auth.credentials import Credentials
from google.genai import types

from adapters.gemini.connection import GeminiConnection
from adapters.gemini.live_setup import LiveSetup, live_config
from adapters.gemini.settings import GeminiSettings, SettingsError

NO_KEY = "no-key"
"""Stands for the API key where a base URL without one is set: a rehearsal takes any, but the SDK
insists on one."""

RECEIVED = (
    types.LiveServerMessage,
    types.LiveServerSetupComplete,
    types.LiveServerContent,
    types.Content,
    types.Part,
    types.Blob,
    types.Transcription,
    types.LiveServerToolCall,
    types.FunctionCall,
    types.LiveServerToolCallCancellation,
    types.UsageMetadata,
    types.ModalityTokenCount,
    types.LiveServerGoAway,
    types.LiveServerSessionResumptionUpdate,
    types.VoiceActivity,
)
"""What Gemini's messages are made of."""

WRITE_LIMIT_BYTES = 8 * 1024
"""What websockets may hold back, one longest chunk (32 KiB by default): so the uplink soon sees a
slow link."""

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@asynccontextmanager
async def open_client(settings: GeminiSettings, credentials: Credentials | None = None) -> AsyncIterator[genai.Client]:
    """The one SDK client of a process (2.6 MB), shared by all calls and closed on leaving.

    `credentials` replace the application default ones on Vertex. Raises `SettingsError` if
    `ca_file` cannot be read.
    """
    options = http_options(settings)
    build_types()
    if settings.service == "vertex":
        client = genai.Client(
            vertexai=True,
            project=settings.project,
            location=settings.location,
            credentials=credentials,
            http_options=options,
        )
    else:
        client = genai.Client(vertexai=False, api_key=settings.api_key or NO_KEY, http_options=options)
    try:
        yield client
    finally:
        await client.aio.aclose()
        client.close()


def build_types() -> None:
    """Have pydantic build the SDK's types now, 0.2 s in all: it does so on first use, and a call
    must not wait."""
    for received in RECEIVED:
        received.model_rebuild()
    config = live_config(LiveSetup(instruction="-", voice="-", language="en-US"))
    types.LiveConnectParameters(model="-", config=config).model_dump(exclude_none=True)
    for sent in (
        {"activity_start": types.ActivityStart()},
        {"activity_end": types.ActivityEnd()},
        {"audio": types.Blob(data=b"", mime_type="audio/pcm")},
    ):
        types.LiveSendRealtimeInputParameters.model_validate(sent)
    types.LiveClientToolResponse(function_responses=[types.FunctionResponse(id="-", name="-", response={})])
    types.LiveClientContent(turns=[types.Content(role="user", parts=[types.Part(text="-")])])


def http_options(settings: GeminiSettings) -> types.HttpOptions:
    """What the SDK hands on to `websockets.connect`: everything in `async_client_args` that it has
    a parameter for."""
    connection: dict[str, Any] = {
        "open_timeout": settings.connect_timeout_ms / 1000,
        "close_timeout": settings.close_timeout_ms / 1000,
        "ping_interval": settings.ping_interval_ms / 1000,
        "ping_timeout": settings.ping_timeout_ms / 1000,
        "max_size": settings.max_message_bytes,
        "write_limit": WRITE_LIMIT_BYTES,
        "create_connection": GeminiConnection,
        "compression": None,  # base64 of speech hardly shrinks, and deflating it costs more than all our own work
    }
    if settings.ca_file:  # otherwise the SDK's own: SSL_CERT_FILE or certifi, client certificates on Vertex
        connection["ssl"] = _trust(settings.ca_file)
    if urlsplit(settings.base_url).hostname in LOOPBACK:
        connection["proxy"] = None
    return types.HttpOptions(
        base_url=settings.base_url or None,
        api_version=settings.api_version or None,
        async_client_args=connection,
    )


def _trust(ca_file: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise SettingsError(f"The certificate file cannot be read ({error}): check GEMINI_CA_FILE.") from error
