"""Running a coroutine for a command, on uvloop where there is one."""

import asyncio
import os
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

from api import logs
from api.settings import Settings, read

T = TypeVar("T")


def _new_loop() -> asyncio.AbstractEventLoop:
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop

    return uvloop.new_event_loop()


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` to its end."""
    with asyncio.Runner(loop_factory=_new_loop) as runner:
        return runner.run(work)


def settings_and_logs() -> Settings:
    """The settings from the environment, with logging set up as they say. Raises `VivaError`."""
    settings = read(os.environ)
    logs.configure(settings.log_format)
    return settings
