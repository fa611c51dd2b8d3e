"""Settings from the environment: each variable counts, and what cannot work is named."""

from pathlib import Path
from typing import Any

import pytest

from adapters.gemini.settings import SettingsError
from api.settings import SettingError, Settings, read
from domain.errors import VivaError

GOOD: dict[str, tuple[str, str, Any]] = {
    "VIVA_DATA_DIR": ("/srv/viva", "data_dir", Path("/srv/viva")),
    "VIVA_HOST": ("0.0.0.0", "host", "0.0.0.0"),
    "VIVA_PORT": ("0", "port", 0),
    "DATABASE_URL": ("postgresql://db/viva", "database_url", "postgresql://db/viva"),
    "VIVA_RECORDINGS": ("tests/data:docs", "recordings", (Path("tests/data"), Path("docs"))),
    "VIVA_SECRET": ("s" * 32, "secret", "s" * 32),
    "VIVA_AGENTS": ("agents.json", "agents_file", Path("agents.json")),
    "VIVA_PUBLIC_URL": ("https://viva.example/", "public_url", "https://viva.example"),
    "VIVA_TOKEN_LIFETIME_S": ("120", "token_lifetime_s", 120),
    "VIVA_PING_INTERVAL_MS": ("15000", "ping_interval_ms", 15_000),
    "VIVA_MAX_CALLS": ("1", "max_calls", 1),
    "VIVA_MAX_WAITING": ("8", "max_waiting", 8),
    "VIVA_LOG_FORMAT": ("json", "log_format", "json"),
    "VIVA_DRAIN_S": ("0", "drain_s", 0.0),
}


@pytest.mark.parametrize("name", list(GOOD))
def test_a_variable_counts(name: str) -> None:
    """Given one variable, its setting has the value; empty, it has the default."""
    text, setting, value = GOOD[name]
    assert getattr(read({name: text}), setting) == value
    assert getattr(read({name: ""}), setting) == getattr(Settings(), setting)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("VIVA_PORT", "65536"),
        ("VIVA_PORT", "-1"),
        ("VIVA_PORT", "http"),
        ("VIVA_TOKEN_LIFETIME_S", "119"),
        ("VIVA_PUBLIC_URL", "viva.example"),
        ("VIVA_RECORDINGS", "no/such/folder"),
        ("VIVA_PING_INTERVAL_MS", "15001"),
        ("VIVA_PING_INTERVAL_MS", "1.5"),
        ("VIVA_MAX_CALLS", "0"),
        ("VIVA_DRAIN_S", "3601"),
        ("VIVA_LOG_FORMAT", "xml"),
        ("GEMINI_SERVICE", "other"),
    ],
)
def test_a_value_that_cannot_work_is_named(name: str, text: str) -> None:
    """Given a value out of bounds, the error has the variable's name and what it was set to."""
    with pytest.raises(VivaError, match=name) as caught:
        read({name: text})
    assert text in str(caught.value)
    assert isinstance(caught.value, SettingError | SettingsError)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("VIVA_PORT", "http", "VIVA_PORT is 'http': set it to a whole number from 0 to 65535."),
        ("VIVA_DRAIN_S", "nan", "VIVA_DRAIN_S is 'nan': set it to a number from 0 to 3600."),
        ("VIVA_LOG_FORMAT", "xml", "VIVA_LOG_FORMAT is 'xml': set it to console or json."),
        ("VIVA_PUBLIC_URL", "a.example", "VIVA_PUBLIC_URL is 'a.example': begin it with https://, as clients see it."),
        ("GEMINI_SERVICE", "other", "GEMINI_SERVICE is 'other': set it to gemini-api or rehearsal or vertex."),
    ],
)
def test_the_sentence_says_what_to_set(name: str, text: str, sentence: str) -> None:
    """Given a value that cannot work, one sentence has the variable, its value, and what would
    work."""
    with pytest.raises(VivaError) as caught:
        read({name: text})
    assert str(caught.value) == sentence


def test_white_space_around_a_value_does_not_count() -> None:
    """Given a number with a line's end behind it, it is that number; white space alone is nothing."""
    assert read({"VIVA_PORT": " 80 \n"}).port == 80
    assert read({"VIVA_PORT": " "}).port == Settings().port


def test_without_a_key_it_rehearses() -> None:
    """Given no Gemini variable there are no Gemini settings; with a key there are, and the key is
    not shown."""
    assert read({}).gemini is None
    gemini = read({"GEMINI_API_KEY": "hush-hush"}).gemini
    assert gemini is not None
    assert gemini.api_key == "hush-hush"
    assert "hush" not in repr(gemini)


def test_the_signing_key_is_not_shown() -> None:
    """Given settings with a key or a password, printing them does not show it."""
    shown = repr(read({"VIVA_SECRET": "hush-hush" * 4, "DATABASE_URL": "postgresql://viva:hush@db/viva"}))
    assert "hush" not in shown
