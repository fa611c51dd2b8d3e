"""How much a peer may send: so many a second, and so many at once after it was quiet."""

from collections.abc import Callable
from time import monotonic

from adapters.pacing import TokenBucket
from domain.errors import PeerError


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
