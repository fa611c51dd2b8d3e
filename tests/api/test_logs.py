"""Log lines: what happened, and never what was said or what opens a door."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from api import logs


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Logging is as it was afterwards."""
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    structlog.reset_defaults()
    logging.root.handlers[:], logging.root.level = handlers, level


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_a_traceback_does_not_show_values(capsys: pytest.CaptureFixture[str], log_format: str) -> None:
    """Given an error in a function that holds a secret, the log has the place and the error, not the secret."""
    logs.configure(log_format)

    def fails(token: str) -> None:
        words = f"my name is {token}"
        raise ValueError(len(words))

    try:
        fails("-".join(("hush", "hush")))
    except ValueError as error:
        structlog.get_logger("viva").error("call_broken", exc_info=error)
    shown = capsys.readouterr().err
    assert "call_broken" in shown
    assert "ValueError" in shown
    assert "test_logs.py" in shown
    assert "hush-hush" not in shown
    if log_format == "json":
        assert json.loads(shown)["level"] == "error"


def test_what_libraries_log_has_the_same_form(capsys: pytest.CaptureFixture[str]) -> None:
    """Given JSON lines, a library's error with its trace is one of them, without local variables."""
    logs.configure("json")
    try:
        secret = "the value of a local variable"
        raise ValueError(str(len(secret)))
    except ValueError:
        logging.getLogger("asyncpg.pool").exception("closing the %s failed", "pool")
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    written = json.loads(line)
    assert (written["event"], written["level"], written["logger"]) == (
        "closing the pool failed",
        "error",
        "asyncpg.pool",
    )
    assert "the value of a local variable" not in line
