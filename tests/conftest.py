"""Fixtures shared by all tests live in `tests/fixtures`, one file a subject.

A test marked `simulated` runs on a loop whose clock jumps to what is due next.
"""

import asyncio
from collections.abc import Callable, Mapping

import pytest

import tests.fakes.simulated_clock  # noqa: F401  (before the product takes `monotonic`)
from tests.fakes.networked_loop import NetworkedLoop

pytest_plugins = ["tests.fixtures.postgres"]


@pytest.hookimpl
def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Which clock a test has."""
    if item.get_closest_marker("simulated"):
        return {"simulated": NetworkedLoop}
    return {"real": asyncio.new_event_loop}
