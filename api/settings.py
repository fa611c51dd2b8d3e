"""Everything an operator can set, from environment variables; `viva serve --help` and
docs/operations.md list them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from adapters.environment import Variable, read_variables
from adapters.gemini.settings import GeminiSettings, read_settings
from domain.errors import VivaError

_SCHEMES = Meta(pattern="^(https?|wss?)://", description="begin it with https://, as clients see it")


class SettingError(VivaError):
    """A variable is set to something that cannot work; the message names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How this process is run. `gemini` is None where the rehearsal interviewer is to be started
    for it."""

    data_dir: Annotated[Path, Variable("VIVA_DATA_DIR")] = Path("data")
    host: Annotated[str, Variable("VIVA_HOST")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535), Variable("VIVA_PORT")] = 8000
    database_url: Annotated[str, Variable("DATABASE_URL")] = field(default="", repr=False)
    """Empty: an embedded Postgres in the data folder."""
    gemini: GeminiSettings | None = None
    recordings: Annotated[tuple[Path, ...], Variable("VIVA_RECORDINGS", separator=":")] = ()
    """Folders of recordings that the rehearsal interviewer transcribes with their true words."""
    secret: Annotated[str, Variable("VIVA_SECRET")] = field(default="", repr=False)
    """Signs tokens. Empty: one is made and kept in the data folder."""
    agents_file: Annotated[Path | None, Variable("VIVA_AGENTS")] = None
    """JSON list of interviewers. None: the one that ships with Viva."""
    public_url: Annotated[str, _SCHEMES, Variable("VIVA_PUBLIC_URL")] = ""
    """Where clients reach this server, such as wss://viva.example; empty: as the request says."""
    token_lifetime_s: Annotated[int, Meta(ge=120, le=86_400), Variable("VIVA_TOKEN_LIFETIME_S")] = 600
    ping_interval_ms: Annotated[int, Meta(ge=100, le=15_000), Variable("VIVA_PING_INTERVAL_MS")] = 1_000
    max_calls: Annotated[int, Meta(ge=1, le=100_000), Variable("VIVA_MAX_CALLS")] = 20
    """Calls open at once; more are refused with server_full."""
    max_waiting: Annotated[int, Meta(ge=8, le=100_000), Variable("VIVA_MAX_WAITING")] = 256
    """Connections at once that are not a call's; one more evicts the oldest."""
    build: Annotated[str, Variable("VIVA_BUILD")] = ""
    """The build's own name, such as a commit: calls record it after the version."""
    log_format: Annotated[Literal["console", "json"], Variable("VIVA_LOG_FORMAT")] = "console"
    drain_s: Annotated[float, Meta(ge=0, le=3_600), Variable("VIVA_DRAIN_S")] = 5.0
    """How long a stopping server waits for quiet moments to hand its calls over."""


def read(environ: Mapping[str, str]) -> Settings:
    """Settings from the environment. Raises `SettingError` or the Gemini adapter's `SettingsError`."""
    wants_gemini = any(environ.get(name) for name in ("GEMINI_API_KEY", "GEMINI_BASE_URL", "GEMINI_SERVICE"))
    gemini = read_settings(environ) if wants_gemini else None
    settings = read_variables(Settings, environ, SettingError, gemini=gemini)
    for folder in settings.recordings:
        if not folder.is_dir():
            raise SettingError(f"VIVA_RECORDINGS names {folder}, which is no folder: correct or unset it.")
    return replace(settings, public_url=settings.public_url.rstrip("/"))
