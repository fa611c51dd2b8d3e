"""Messages to the rehearsal without the SDK: a setup, and what comes back."""

import json
from typing import Any

from websockets.asyncio.client import ClientConnection

STUDIO = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
KEY = {"x-goog-api-key": "rehearsal"}


def setup(**fields: object) -> dict[str, Any]:
    """A setup message with these fields."""
    return {"setup": {"model": "models/gemini-3.8-live"} | fields}


async def exchange(socket: ClientConnection, message: dict[str, Any], *, binary: bool) -> list[dict[str, Any]]:
    """Set up, send one typed turn, and return every message up to the turn's end."""
    first, second = json.dumps(message), json.dumps({"realtime_input": {"text": "Hello"}})
    await socket.send(first.encode() if binary else first)
    await socket.send(second.encode() if binary else second)
    received: list[dict[str, Any]] = []
    while not (received and received[-1].get("serverContent", {}).get("turnComplete")):
        frame = await socket.recv()
        assert isinstance(frame, bytes)  # Gemini answers in binary frames, whatever it was sent
        received.append(json.loads(frame))
    return received
