"""Signs of life: pings to the client every second, the round trips they measure, and whether
anything still comes.

Keeps the client's token fresh as well.
"""

import asyncio
from collections.abc import Callable
from time import monotonic, monotonic_ns

from api.live.call import LiveCall
from api.wire.send_queue import SendQueue
from api.wire.tokens import TokenMint

_LOOK_AGAIN_S = 0.1
_MEASURED_EVERY_S = 12.0
_MOST_UNANSWERED = 100


class Heartbeat:
    """One connection's. `run` ends when nothing at all has come for `silence_s`: the line is lost.

    `clock` counts seconds.
    """

    def __init__(
        self,
        live: LiveCall,
        send_queue: SendQueue,
        mint: TokenMint,
        interval_s: float,
        silence_s: float,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._live = live
        self._send_queue = send_queue
        self._mint = mint
        self._interval_s = interval_s
        self._silence_s = silence_s
        self._clock = clock
        self._heard_at = clock()
        self._sent_ns: dict[int, int] = {}
        self._next_id = 1
        self._token_age_s = 0.0
        self._worst_us = 0
        self._measured_at = clock() - _MEASURED_EVERY_S

    def heard(self) -> None:
        """Something came from the client."""
        self._heard_at = self._clock()

    async def run(self) -> None:
        """Ping until the client falls silent."""
        while True:
            await asyncio.sleep(self._interval_s)
            if self._silent:
                # If it was we who stood still, what came meanwhile is heard before the second look.
                await asyncio.sleep(_LOOK_AGAIN_S)
                if self._silent:
                    return
            self._renew_token()
            if len(self._sent_ns) < _MOST_UNANSWERED:
                self._sent_ns[self._next_id] = monotonic_ns()
            self._send({"type": "ping", "id": self._next_id})
            self._next_id += 1

    @property
    def _silent(self) -> bool:
        return self._clock() - self._heard_at >= self._silence_s

    def answered(self, ping_id: int) -> int | None:
        """Every now and then, the longest round trip in µs since the last time; None otherwise."""
        sent_ns = self._sent_ns.pop(ping_id, None)
        if sent_ns is None:
            return None
        self._worst_us = max(self._worst_us, (monotonic_ns() - sent_ns) // 1000)
        if self._clock() - self._measured_at < _MEASURED_EVERY_S:
            return None
        worst_us, self._worst_us, self._measured_at = self._worst_us, 0, self._clock()
        return worst_us

    def _renew_token(self) -> None:
        """At half of a token's life: a connected client always holds one that outlives the
        resuming wait."""
        self._token_age_s += self._interval_s
        if self._token_age_s >= self._mint.lifetime_s / 2:
            self._token_age_s = 0.0
            token = self._mint.issue(self._live.call.id)
            self._send({"type": "token", "token": token.text, "token_expires_at": token.expires})

    def _send(self, message: dict[str, object]) -> None:
        self._send_queue.send({"version": self._live.call.record.version} | message)
