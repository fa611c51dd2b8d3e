"""Everything about a rehearsal server that can be set, with Gemini's figures as defaults."""

from dataclasses import dataclass, field
from pathlib import Path

from adapters.gemini.catalogue import load_catalogue
from adapters.rehearsal.faults import Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsalConfig:
    """Settings of one server. Ports of 0 take free ones; `tls_port=None` serves plain websockets
    only."""

    host: str = "127.0.0.1"
    port: int = 0
    tls_port: int | None = 0
    data_dir: Path | None = None
    """Where the certificate authority is kept; without it one is made in a temporary folder."""
    recordings: tuple[Path, ...] = ()
    """Folders of recordings (with their words beside them) to recognise by their sound."""
    models: tuple[str, ...] = field(default_factory=lambda: tuple(model.id for model in load_catalogue().live()))
    """Models that exist, by default those of the catalogue; empty accepts any name."""
    api_keys: tuple[str, ...] = ()
    """Keys that are valid; empty accepts any key, but there has to be one."""
    thinking_ms: int = 300
    chunk_ms: int = 40
    speed: float = 3.5
    """Audio is sent this many times faster than real time."""
    assumed_playback: float = 1.0
    """The share of a reply's duration after which the server takes it for played out and completes
    the turn."""
    interim_ms: int = 0
    """Words of known recordings are sent so long after they were heard, while the user speaks; 0
    sends none."""
    words_per_minute: int = 165
    recorded_voice: bool = False
    """Use the recorded prompts even where the synthesiser is installed."""
    lifetime_ms: int = 600_000
    go_away_ms: int = 60_000
    """How long before the end of its life a connection gets its `goAway`."""
    handle_lifetime_ms: int = 7_200_000
    faults: tuple[Fault, ...] = ()
    control: bool = False
    """Whether clients may make faults while the server runs (`/control`)."""
    session_logs: Path | None = None
    """Folder in which each session is written down as it happens."""
    keep_bytes: int = 4_000_000
    """How much of each session's received audio is kept for inspection."""
