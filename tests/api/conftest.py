"""One server for all tests of a module, a fresh database for it, and a look at every call after
each test."""

from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from projections.read_model import ReadModel
from tests.fixtures.postgres import create_database, drop_database, with_database
from tests.fixtures.server import Desk, agents_file, running_desk

STALL_MS = 1_000


@pytest.fixture(scope="module")
def module_dsn(postgres_server: str, migrated_template: str) -> Iterator[str]:
    """A migrated database for all tests of a module."""
    name = create_database(postgres_server, migrated_template)
    yield with_database(postgres_server, name)
    drop_database(postgres_server, name)


@pytest.fixture(scope="module")
def read_models() -> Mapping[str, ReadModel]:
    """What the module's server projects; nothing, where no test reads it."""
    return {}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(
    module_dsn: str, tmp_path_factory: pytest.TempPathFactory, read_models: Mapping[str, ReadModel]
) -> AsyncIterator[Desk]:
    """The module's server."""
    folder: Path = tmp_path_factory.mktemp("server")
    agents = agents_file(
        folder,
        stalls={"playout": {"stall_ms": STALL_MS}},
        impatient={"links": {"resume_wait_ms": 300}},
        forgetful={
            "links": {"window_keep_ms": 0},
            "voice": {"preroll_most_ms": 300},
            "barge_in": {"recall_ms": 0, "ceiling_ms": 300},
        },
        unmet={"links": {"hello_wait_ms": 300}},
    )
    settings: dict[str, Any] = {"max_calls": 50, "ping_interval_ms": 1_500}
    async with running_desk(module_dsn, folder, agents=agents, read_models=read_models, **settings) as desk:
        yield desk


@pytest_asyncio.fixture(loop_scope="module")
async def desk(server: Desk) -> AsyncIterator[Desk]:
    """The server; every call opened at it is checked when the test is over."""
    server.faults()
    yield server
    await server.check()
