"""The addresses under which Gemini Live is reached, and the credentials that clients bring."""

import re
from collections.abc import Mapping, Sequence
from enum import Enum, auto
from urllib.parse import urlsplit

_STUDIO = re.compile(
    r"/ws/google\.ai\.generativelanguage\.v1(?:alpha|beta)?\.GenerativeService[./]BidiGenerateContent(?:Constrained)?/?"
)
_VERTEX = re.compile(
    r"/ws/google\.cloud\.aiplatform\.v1(?:alpha|beta\d)?\.(?:LlmBidiService|PredictionService)[./]BidiGenerateContent/?"
)


class Endpoint(Enum):
    """Which service's address was dialled; their defaults differ."""

    STUDIO = auto()
    VERTEX = auto()


def find_endpoint(path: str) -> Endpoint | None:
    """The endpoint at a request path (a doubled slash after the host is forgiven), or None."""
    clean = "/" + urlsplit("//host" + path if path.startswith("/") else path).path.lstrip("/")
    if _STUDIO.fullmatch(clean):
        return Endpoint.STUDIO
    return Endpoint.VERTEX if _VERTEX.fullmatch(clean) else None


def credential_of(headers: Mapping[str, str], query: Mapping[str, Sequence[str]]) -> str:
    """The API key (header or query) or token that a client presents; empty if there is none."""
    return (
        headers.get("x-goog-api-key")
        or next(iter(query.get("key", ())), "")
        or next(iter(query.get("access_token", ())), "")
        or headers.get("Authorization", "")
    )
