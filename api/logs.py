"""Structured logs: one line an event, readable or JSON. Secrets, audio and transcripts never reach
them.

Tracebacks are therefore printed without the values of local variables, which is not what structlog
does by itself. And not every line of a flood is written: of the same event so many a second, and
then how many were left out. Anybody who connects can make a server say something; this way they
cannot make it fill a disk.
"""

import logging
import sys
from collections import Counter
from collections.abc import Callable, MutableMapping
from time import monotonic
from typing import Any

import structlog

from adapters.pacing import TokenBucket

PER_S, AT_ONCE = 20, 100
_MOST_EVENTS = 1_000


class LogLimit:
    """One process's. It is a processor for structlog, and a filter for the standard library's
    logging."""

    def __init__(self, now_s: Callable[[], float] = monotonic) -> None:
        self._now_s = now_s
        self._buckets: dict[str, TokenBucket] = {}
        self._left_out: Counter[str] = Counter()

    @property
    def events(self) -> int:
        """How many different ones are counted now."""
        return len(self._buckets)

    def admit(self, event: str) -> int | None:
        """How many like it were left out before this one; None if it is left out as well."""
        if event not in self._buckets and len(self._buckets) >= _MOST_EVENTS:
            self._buckets.clear()
            self._left_out.clear()
        bucket = self._buckets.setdefault(event, TokenBucket(PER_S, AT_ONCE, self._now_s))
        if bucket.take():
            return self._left_out.pop(event, 0)
        self._left_out[event] += 1
        return None

    def __call__(self, logger: Any, method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        left_out = self.admit(str(line.get("event")))
        if left_out is None:
            raise structlog.DropEvent
        return line if not left_out else {**line, "left_out": left_out}

    def filter(self, record: logging.LogRecord) -> bool:
        """As of a `logging.Filter`."""
        left_out = self.admit(str(record.msg))
        if left_out:
            record.msg = f"{record.msg} ({left_out} more like this were left out)"
        return left_out is not None


def configure(log_format: str, level: int = logging.INFO) -> None:
    """`log_format` is "console" or "json". Lines go to standard error."""
    last: Any
    if log_format == "json":
        last = structlog.processors.JSONRenderer()
        traces: Any = structlog.processors.ExceptionRenderer(
            structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        )
    else:
        last = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
        traces = structlog.processors.StackInfoRenderer()
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        traces,
    ]
    limit = LogLimit()
    structlog.configure(
        processors=[limit, *shared, last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    _carry_libraries(shared, last, limit)


def _carry_libraries(shared: list[Any], last: Any, limit: LogLimit) -> None:
    """What libraries say through the standard library's logging comes out in the same form, from
    warnings up."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
            use_get_message=True,
        )
    )
    handler.addFilter(limit.filter)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
