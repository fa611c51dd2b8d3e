"""How much a client may send: so many messages a second, and so many at once after it was quiet."""

from collections.abc import Callable
from time import monotonic

from domain.errors import PeerError


class RateLimit:
    """One kind of one connection's messages, or of a call's. `what` names them; `now_s` is a
    monotonic clock."""

    def __init__(
        self,
        what: str,
        per_s: int,
        at_once: int,
        now_s: Callable[[], float] = monotonic,
        *,
        code: str = "too_many_messages",
    ) -> None:
        self._what = what
        self._code = code
        self._per_s = per_s
        self._most = at_once
        self._now_s = now_s
        self._left = float(at_once)
        self._at_s = now_s()

    def spend(self) -> None:
        """One message came. Raises `PeerError` with the code, which is `too_many_messages` unless
        it was chosen."""
        now_s = self._now_s()
        self._left = min(self._most, self._left + (now_s - self._at_s) * self._per_s) - 1
        self._at_s = now_s
        if self._left < 0:
            raise PeerError(self._code, f"At most {self._per_s} {self._what} a second: send fewer.")
