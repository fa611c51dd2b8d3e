"""Log lines: what happened, and never what was said or what opens a gate."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from api import logs
from api.logs import AT_ONCE, LogLimit


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Logging is as it was afterwards."""
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    structlog.reset_defaults()
    logging.root.handlers[:], logging.root.level = handlers, level


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_a_traceback_does_not_show_values(capsys: pytest.CaptureFixture[str], log_format: str) -> None:
    """Given an error in a function that holds a secret, the log has the place and the error, not
    the secret."""
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


@pytest.mark.parametrize("library", [False, True])
def test_a_flood_of_lines_is_cut_short(capsys: pytest.CaptureFixture[str], library: bool) -> None:
    """Given thousands of lines of one event, some are written; other events are none the worse."""
    logs.configure("json")
    log: Any = logging.getLogger("uvicorn.error") if library else structlog.get_logger("viva")
    for _ in range(3_000):
        log.warning("hello_refused")
    log.warning("something else")
    written = [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()]
    assert AT_ONCE <= written.count("hello_refused") < AT_ONCE + 100
    assert written[-1] == "something else"


def test_what_was_left_out_is_said() -> None:
    """Given a flood and a pause, the next line says how many there were; its number of kinds is
    bounded too."""
    now_s = 0.0
    limit = LogLimit(lambda: now_s)
    assert [limit.admit("refused") for _ in range(AT_ONCE)] == [0] * AT_ONCE
    assert [limit.admit("refused") for _ in range(7)] == [None] * 7
    now_s = 1.0
    assert limit(None, "info", {"event": "refused"}) == {"event": "refused", "left_out": 7}
    assert limit(None, "info", {"event": "refused"}) == {"event": "refused"}
    record = logging.makeLogRecord({"msg": "%s refused", "args": ("all",)})
    for _ in range(AT_ONCE + 3):
        limit.filter(record)
    now_s = 2.0
    assert limit.filter(record)
    assert record.getMessage() == "all refused (3 more like this were left out)"
    for number in range(5_000):
        limit.admit(str(number))
    assert limit.events <= 1_000


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
