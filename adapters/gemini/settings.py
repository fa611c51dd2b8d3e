"""How Gemini is reached: which service, with what credentials, and how patiently."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from adapters.environment import Variable, read_variables
from domain.errors import VivaError
from domain.runtime import Service


class SettingsError(VivaError):
    """The settings cannot work; the message says which variable to set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GeminiSettings:
    """Connection settings, the same for every call of a process.

    `service` is "gemini-api" (needs `api_key`, unless `base_url` is set), "vertex" (needs `project`
    and `location`; credentials are Google's application default ones) or "rehearsal" (needs
    `base_url`, and is otherwise as the Gemini API: the log says that nobody real was asked).
    `base_url` and `ca_file` (PEM) point elsewhere, such as at the rehearsal server. The key never
    appears in `repr`.
    """

    service: Annotated[Service, Variable("GEMINI_SERVICE")] = "gemini-api"
    api_key: Annotated[str, Variable("GEMINI_API_KEY")] = field(default="", repr=False)
    project: Annotated[str, Variable("GOOGLE_CLOUD_PROJECT")] = ""
    location: Annotated[str, Variable("GEMINI_LOCATION", "GOOGLE_CLOUD_LOCATION")] = ""
    base_url: Annotated[str, Variable("GEMINI_BASE_URL")] = ""
    ca_file: Annotated[str, Variable("GEMINI_CA_FILE")] = ""
    api_version: Annotated[str, Variable("GEMINI_API_VERSION")] = ""
    """Empty: v1beta on the Gemini API, v1beta1 on Vertex."""
    connect_timeout_ms: int = 6_000
    """From opening the socket to the confirmed set-up. A dial that hangs is one of few tries, and
    is waited for."""
    send_timeout_ms: int = 5_000
    """A message that the socket does not take for this long means that the connection is dead."""
    close_timeout_ms: int = 2_000
    """How long an old connection may take to say goodbye; a resume waits for it."""
    ping_interval_ms: int = 15_000
    ping_timeout_ms: int = 60_000
    max_message_bytes: int = 16 * 1024 * 1024
    uplink_bytes: int = 8_000_000
    """What may wait to be sent: 180 s of resent audio (5.8 MB) and some; a call's worst case, not
    its usual one."""

    def __post_init__(self) -> None:
        if self.service == "vertex" and not (self.project and self.location):
            raise SettingsError("Vertex needs a project and a location: set GOOGLE_CLOUD_PROJECT and GEMINI_LOCATION.")
        if self.service == "gemini-api" and not (self.api_key or self.base_url):
            raise SettingsError("The Gemini API needs a key: set GEMINI_API_KEY, or GEMINI_BASE_URL for a rehearsal.")
        if self.service == "rehearsal" and not self.base_url:
            raise SettingsError("A rehearsal needs its address: set GEMINI_BASE_URL, or unset GEMINI_SERVICE as well.")


def read_settings(environ: Mapping[str, str]) -> GeminiSettings:
    """Settings from environment variables. Raises `SettingsError` when they are incomplete or
    contradict each other.

    GEMINI_SERVICE (gemini-api, vertex or rehearsal), GEMINI_API_KEY, GEMINI_LOCATION and GOOGLE_CLOUD_PROJECT
    (Vertex), GEMINI_BASE_URL and GEMINI_CA_FILE (rehearsal, gateways), GEMINI_API_VERSION.
    """
    return read_variables(GeminiSettings, environ, SettingsError)
