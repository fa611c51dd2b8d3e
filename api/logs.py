"""Structured logs: one line an event, readable or JSON. Secrets, audio and transcripts never reach
them.

Tracebacks are therefore printed without the values of local variables, which is not what structlog
does by itself.
"""

import logging
import sys
from typing import Any

import structlog

from api.log_limit import LogLimit


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
