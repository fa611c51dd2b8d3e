"""Everything an operator can set, from environment variables; `viva serve --help` and
docs/operations.md list them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from adapters.gemini.settings import GeminiSettings, read_settings
from domain.errors import VivaError


class SettingError(VivaError):
    """A variable is set to something that cannot work; the message names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How this process is run. `gemini` is None where the rehearsal interviewer is to be started
    for it."""

    data_dir: Path = Path("data")
    host: str = "127.0.0.1"
    port: int = 8000
    database_url: str = field(default="", repr=False)
    """Empty: an embedded Postgres in the data folder."""
    gemini: GeminiSettings | None = None
    recordings: tuple[Path, ...] = ()
    """Folders of recordings that the rehearsal interviewer transcribes with their true words."""
    secret: str = field(default="", repr=False)
    """Signs tokens. Empty: one is made and kept in the data folder."""
    agents_file: Path | None = None
    """JSON list of interviewers. None: the one that ships with Viva."""
    public_url: str = ""
    """Where clients reach this server, such as wss://viva.example; empty: as the request says."""
    token_lifetime_s: int = 600
    ping_interval_ms: int = 1_000
    max_calls: int = 20
    """Calls open at once; more are refused with server_full."""
    max_waiting: int = 256
    """Connections at once that are not a call's; one more turns the oldest away."""
    build: str = ""
    """The build's own name, such as a commit: calls record it after the version."""
    log_format: str = "console"
    drain_s: float = 5.0
    """How long a stopping server waits for its calls to settle."""


def read(environ: Mapping[str, str]) -> Settings:
    """Settings from the environment. Raises `SettingError` or the Gemini adapter's `SettingsError`."""
    default = Settings()
    wants_gemini = any(environ.get(name) for name in ("GEMINI_API_KEY", "GEMINI_BASE_URL", "GEMINI_SERVICE"))
    agents = environ.get("VIVA_AGENTS")
    recordings = environ.get("VIVA_RECORDINGS", "")
    log_format = environ.get("VIVA_LOG_FORMAT") or default.log_format
    if log_format not in ("console", "json"):
        raise SettingError(f"VIVA_LOG_FORMAT is {log_format!r}: set it to console or json.")
    public_url = environ.get("VIVA_PUBLIC_URL", "").rstrip("/")
    if public_url and not public_url.startswith(("https://", "http://", "wss://", "ws://")):
        raise SettingError(f"VIVA_PUBLIC_URL is {public_url!r}: begin it with https://, as clients see it.")
    folders = tuple(Path(folder) for folder in recordings.split(":") if folder)
    for folder in folders:
        if not folder.is_dir():
            raise SettingError(f"VIVA_RECORDINGS names {folder}, which is no folder: correct or unset it.")
    return Settings(
        data_dir=Path(environ.get("VIVA_DATA_DIR") or default.data_dir),
        host=environ.get("VIVA_HOST") or default.host,
        port=_whole(environ, "VIVA_PORT", default.port, 0, 65_535),
        database_url=environ.get("DATABASE_URL", ""),
        gemini=read_settings(environ) if wants_gemini else None,
        recordings=folders,
        secret=environ.get("VIVA_SECRET", ""),
        agents_file=Path(agents) if agents else None,
        public_url=public_url,
        token_lifetime_s=_whole(environ, "VIVA_TOKEN_LIFETIME_S", default.token_lifetime_s, 120, 86_400),
        ping_interval_ms=_whole(environ, "VIVA_PING_INTERVAL_MS", default.ping_interval_ms, 100, 15_000),
        max_calls=_whole(environ, "VIVA_MAX_CALLS", default.max_calls, 1, 100_000),
        max_waiting=_whole(environ, "VIVA_MAX_WAITING", default.max_waiting, 8, 100_000),
        build=environ.get("VIVA_BUILD", "").strip(),
        log_format=log_format,
        drain_s=float(_whole(environ, "VIVA_DRAIN_S", int(default.drain_s), 0, 3_600)),
    )


def _whole(environ: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = environ.get(name, "")
    if not text:
        return default
    try:
        value = int(text)
    except ValueError:
        raise SettingError(f"{name} is {text!r}: set it to a whole number from {least} to {most}.") from None
    if not least <= value <= most:
        raise SettingError(f"{name} is {value}: set it to a whole number from {least} to {most}.")
    return value
