"""Pings to the client every 10 to 15 s, and the round trips they measure; keeps the client's token fresh as well."""

import asyncio
from time import monotonic_ns

from api.call_session import CallSession
from api.outlet import Outlet
from api.tokens import TokenMint

_MOST_UNANSWERED = 2


class Heartbeat:
    """One connection's pings. `run` ends when two in a row were not answered: the connection is dead."""

    def __init__(self, session: CallSession, outlet: Outlet, mint: TokenMint, interval_s: float) -> None:
        self._session = session
        self._outlet = outlet
        self._mint = mint
        self._interval_s = interval_s
        self._sent_ns: dict[int, int] = {}
        self._next_id = 1
        self._token_age_s = 0.0

    async def run(self) -> None:
        """Ping until the client stops answering."""
        while True:
            await asyncio.sleep(self._interval_s)
            if len(self._sent_ns) >= _MOST_UNANSWERED:
                return
            self._renew_token()
            self._sent_ns[self._next_id] = monotonic_ns()
            self._send({"type": "ping", "id": self._next_id})
            self._next_id += 1

    def answered(self, ping_id: int) -> int | None:
        """The round trip in µs of a ping of ours; None for an answer that nobody asked for."""
        sent_ns = self._sent_ns.pop(ping_id, None)
        if sent_ns is None:
            return None
        self._sent_ns.clear()
        return (monotonic_ns() - sent_ns) // 1000

    def _renew_token(self) -> None:
        """At half of a token's life: whoever is connected always holds one that outlives the resuming wait."""
        self._token_age_s += self._interval_s
        if self._token_age_s >= self._mint.lifetime_s / 2:
            self._token_age_s = 0.0
            token = self._mint.issue(self._session.call.id)
            self._send({"type": "token", "token": token.text, "token_expires_at": token.expires})

    def _send(self, message: dict[str, object]) -> None:
        self._outlet.send({"version": self._session.call.record.version} | message)
