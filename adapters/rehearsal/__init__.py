"""The rehearsal interviewer: a local server that speaks Gemini Live's wire protocol.

    async with RehearsalServer(RehearsalConfig(thinking_ms=50)) as server:
        client = genai.Client(api_key="any", http_options=HttpOptions(base_url=server.wss_url, ...))

It is reached through the same SDK code as the real service; nothing in the product knows which one
answers.
"""

from adapters.rehearsal.config import RehearsalConfig
from adapters.rehearsal.faults import Action, Fault, Point
from adapters.rehearsal.server import RehearsalServer

__all__ = ["Action", "Fault", "Point", "RehearsalConfig", "RehearsalServer"]
