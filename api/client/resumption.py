"""What a client needs to resume its call: the token, and how much of the log it has seen."""

from typing import Any
from uuid import uuid4


class Resumption:
    """One call's. It builds each hello, and is updated from the server's messages."""

    def __init__(self, token: str, rate_hz: int, name: str) -> None:
        self._token = token
        self._rate_hz = rate_hz
        self._name = name
        self._client_id = uuid4().hex
        self._seen_version = self._seen_epoch = 0

    def hello(self, played_sample: int) -> dict[str, Any]:
        """The first message of a connection; playback stands at `played_sample`."""
        return {
            "type": "hello",
            "token": self._token,
            "rate_hz": self._rate_hz,
            "agent": self._name,
            "seen_version": self._seen_version,
            "seen_epoch": self._seen_epoch,
            "client_id": self._client_id,
            "played_sample": played_sample,
        }

    def ready(self, first: dict[str, Any]) -> bool:
        """The server accepted the hello with the message `first`.

        Returns whether the call was rolled back: messages above `kept_version` no longer hold.
        """
        rolled_back = bool(first["kept_version"] < self._seen_version)
        self._token = first["token"]
        self._seen_version, self._seen_epoch = first["kept_version"], first["epoch"]
        return rolled_back

    def renewed(self, token: str) -> None:
        """A token that lasts longer has come."""
        self._token = token

    def seen(self, version: int) -> None:
        """A message that follows from the event at `version` has arrived."""
        self._seen_version = max(self._seen_version, version)
