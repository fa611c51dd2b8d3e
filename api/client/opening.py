"""`POST /calls` from Python."""

from dataclasses import dataclass
from typing import Any

import httpx

from domain.errors import PeerError


@dataclass(frozen=True, slots=True)
class OpenedCall:
    """A call that waits for its client."""

    call_id: str
    token: str
    url: str
    subprotocol: str


async def open_call(
    base_url: str, *, agent: str, candidate: dict[str, Any], context: dict[str, Any], timeout_s: float = 30.0
) -> OpenedCall:
    """Open a call at the server. Raises `PeerError` with the server's own code and sentence."""
    body = {"agent": agent, "candidate": candidate, "context": context}
    try:
        async with httpx.AsyncClient(base_url=base_url, timeout=timeout_s, trust_env=False) as http:
            response = await http.post("/calls", json=body)
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise PeerError("unreachable", f"No server answers at {base_url}: start one with `viva serve`.") from error
    try:
        answer = response.json()
    except ValueError as error:
        raise PeerError("unreachable", f"What answers at {base_url} is no Viva: check the address.") from error
    if response.status_code != 201:
        raise PeerError(answer.get("code", "refused"), answer.get("message", response.text))
    return OpenedCall(answer["call_id"], answer["token"], answer["url"], answer["subprotocol"])
