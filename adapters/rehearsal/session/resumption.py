"""Session resumption: handles that stand for a conversation as it was when they were given out."""

import secrets
import time
from collections import OrderedDict

from adapters.rehearsal.session.history import Snapshot
from adapters.rehearsal.wire.refusal import POLICY, RefusalError, invalid

_MOST_HANDLES = 20_000


class Handles:
    """The server's handles. The oldest is forgotten when there are too many; each lives
    `lifetime_s`."""

    def __init__(self, lifetime_s: float) -> None:
        self._lifetime_s = lifetime_s
        self._snapshots: OrderedDict[str, tuple[float, Snapshot]] = OrderedDict()

    def issue(self, snapshot: Snapshot) -> str:
        """A new handle for this state."""
        handle = secrets.token_urlsafe(24)
        self._snapshots[handle] = (time.monotonic() + self._lifetime_s, snapshot)
        if len(self._snapshots) > _MOST_HANDLES:
            self._snapshots.popitem(last=False)
        return handle

    def expire(self) -> int:
        """Forget every handle; says how many there were."""
        count = len(self._snapshots)
        self._snapshots.clear()
        return count

    def resume(self, handle: str, model: str) -> Snapshot:
        """The state behind a handle, which stays valid.

        Refuses one that is unknown or has expired (1008), and another model than the one it was
        given out for (1007).
        """
        expires, snapshot = self._snapshots.get(handle, (0.0, None))
        if snapshot is None or time.monotonic() >= expires:
            raise RefusalError(POLICY, "BidiGenerateContent session not found.")
        if snapshot.model != model:
            raise invalid("Request contains an invalid argument: a session is resumed with the model it began with.")
        return snapshot
