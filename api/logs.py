"""Structured logs: one line an event, readable or JSON. Secrets, audio and transcripts never reach them.

Tracebacks are therefore printed without the values of local variables, which is not what structlog does by itself.
"""

import logging
import sys
from typing import Any

import structlog


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
    structlog.configure(
        processors=[*shared, last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
