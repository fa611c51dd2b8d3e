"""The last message of a call, told once: when its close is stored, or soon after without that."""

import asyncio
from collections.abc import Callable
from typing import Any

from api.wire.protocol import CLOSE_CODES
from domain.record.record import Record

DURABLE_WAIT_S = 1.0
_CLIENT_AT_FAULT = frozenset({"protocol_violation", "playback_stalled", "client_too_slow"})
_UNKNOWN_FAULT = 1011

Close = Callable[[dict[str, Any], int | None], None]


class Closing:
    """One call's. `close` is given the message, and the code to close a connection with whose
    client is at fault."""

    def __init__(self, close: Close) -> None:
        self._close = close
        self._message: dict[str, Any] | None = None
        self._due: asyncio.TimerHandle | None = None
        self._code = CLOSE_CODES["playback_stalled"]
        self._at_fault = False

    def blame(self, error_code: str) -> None:
        """The client did what it must not: that decides the code."""
        self._code = CLOSE_CODES.get(error_code, _UNKNOWN_FAULT)

    def begin(self, reason: str, detail: str, grace_ms: int) -> None:
        """The call has ended; the client is told at the latest in `DURABLE_WAIT_S`."""
        self._message = {"type": "closed", "reason": reason, "detail": detail, "grace_ms": grace_ms}
        self._at_fault = reason in _CLIENT_AT_FAULT
        self._due = asyncio.get_running_loop().call_later(DURABLE_WAIT_S, self.tell)

    @property
    def at_fault(self) -> bool:
        """Whether it was the client's fault: then nothing more is taken from it."""
        return self._at_fault

    def tell_again(self, record: Record, grace_ms: int) -> None:
        """Tell a client that comes back to a call that is over."""
        again = {"type": "closed", "reason": record.close_reason, "detail": record.close_detail, "grace_ms": grace_ms}
        self._message = self._message or again
        self.tell()

    def tell(self) -> None:
        """Tell now, if there is something to tell that has not been told."""
        message, self._message = self._message, None
        if self._due is not None:
            self._due.cancel()
        if message is not None:
            self._close(message, self._code if message["reason"] in _CLIENT_AT_FAULT else None)
