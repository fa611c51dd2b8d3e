"""How much a peer may send: so many a second, and so many at once after it was quiet."""

from collections.abc import Callable
from time import monotonic

from domain.errors import PeerError


class TokenBucket:
    """Fills with `per_s` tokens a second up to `at_once`, and is full at first. `now_s` is a
    monotonic clock. A refusal costs nothing."""

    def __init__(self, per_s: int, at_once: int, now_s: Callable[[], float] = monotonic) -> None:
        self._per_s = per_s
        self._most = at_once
        self._now_s = now_s
        self._left = float(at_once)
        self._at_s = now_s()

    def take(self) -> bool:
        """Take one token, if there is one."""
        now_s = self._now_s()
        self._left = min(self._most, self._left + (now_s - self._at_s) * self._per_s)
        self._at_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True


class RateLimit:
    """One kind of one connection's messages, or of a call's. `what` names them."""

    def __init__(
        self,
        what: str,
        per_s: int,
        at_once: int,
        now_s: Callable[[], float] = monotonic,
        *,
        code: str = "too_many_messages",
    ) -> None:
        self._bucket = TokenBucket(per_s, at_once, now_s)
        self._code = code
        self._advice = f"At most {per_s} {what} a second: send fewer."

    def spend(self) -> None:
        """One message came. Raises `PeerError` with the code, which is `too_many_messages` unless
        it was chosen."""
        if not self._bucket.take():
            raise PeerError(self._code, self._advice)
