"""By what a server knows this client again, and where the two of them stood: the token, and how much
of the log this client was told."""

from typing import Any
from uuid import uuid4


class Resumption:
    """Of one call. It goes into each hello, and comes out of what the server says."""

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
        """The server took the hello. Returns whether some of what was told is void: everything above
        the `kept_version` of `ready`."""
        void = bool(first["kept_version"] < self._seen_version)
        self._token = first["token"]
        self._seen_version, self._seen_epoch = first["kept_version"], first["epoch"]
        return void

    def renewed(self, token: str) -> None:
        """A token that lasts longer has come."""
        self._token = token

    def told(self, version: int) -> None:
        """The server told what stands in the log at `version`."""
        self._seen_version = max(self._seen_version, version)
