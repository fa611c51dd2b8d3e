"""Stopping `viva serve` takes a bounded time, whatever Postgres does, and a second signal ends it
at once."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import psutil
import pytest
import pytest_asyncio

from api.client import open_call
from tests.api.candidate import in_call
from tests.api.cli.process import CALL, Serving, embedded_postgres, gone, pid_files, serving, start
from tests.fixtures.own_postgres import OwnPostgres, own_postgres

pytestmark = pytest.mark.timeout(150)

DRAIN_S, TOTAL_S = "1", 1 + 15
AT_ONCE_S = 3.0


@pytest_asyncio.fixture
async def postgres() -> AsyncIterator[OwnPostgres]:
    """A server that is not Viva's to stop."""
    async with own_postgres() as server:
        yield server


@contextmanager
def standing_still(data_dir: Path) -> Iterator[list[psutil.Process]]:
    """Every process of the embedded database, stopped; those that are left go on at the end."""
    postmaster = embedded_postgres(data_dir)
    processes = [postmaster, *postmaster.children(recursive=True)]
    for process in processes:
        process.suspend()
    try:
        yield processes
    finally:
        for process in processes:
            if process.is_running():
                process.resume()


async def in_progress(server: Serving) -> None:
    """A call that is under way, and whose client then goes without a word."""
    async with in_call(await open_call(server.url, **CALL)) as candidate:
        await candidate.hears(ms=100)


async def test_a_database_that_hangs(postgres: OwnPostgres, server_folder: Path) -> None:
    """Given a database elsewhere that hangs under a call, SIGTERM ends the server with 0, in its
    time."""
    async with serving(server_folder, DATABASE_URL=postgres.dsn, VIVA_DRAIN_S=DRAIN_S) as server:
        family = server.family
        async with in_call(await open_call(server.url, **CALL)) as candidate:
            await candidate.hears(ms=100)
            async with postgres.hung():
                await asyncio.sleep(0.5)  # its tasks are in the middle of something
                began = monotonic()
                server.process.send_signal(signal.SIGTERM)
                code, errors = await server.stopped(TOTAL_S + 5)
                took_s = monotonic() - began
                assert candidate.of("go_away")
    assert code == 0, errors
    assert took_s < TOTAL_S
    assert "stop_overdue" not in errors
    assert await gone(family) == []


async def test_an_embedded_database_that_hangs(server_folder: Path) -> None:
    """Given an embedded database that stands still, the server ends with 0 and leaves nothing of it
    behind."""
    async with serving(server_folder, VIVA_DRAIN_S=DRAIN_S) as server:
        family = server.family
        await in_progress(server)
        with standing_still(server_folder) as database:
            began = monotonic()
            server.process.send_signal(signal.SIGTERM)
            code, errors = await server.stopped(TOTAL_S + 5)
            took_s = monotonic() - began
            assert await gone([*family, *database]) == []
    assert code == 0, errors
    assert took_s < TOTAL_S
    assert "stop_overdue" not in errors


@pytest.mark.parametrize("after_s", [0.3, 4.0], ids=["while calls are handed over", "while everything is closed"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal(server_folder: Path, after_s: float, number: signal.Signals) -> None:
    """Given a stop that a database holds up, a second signal ends server and database at once, and
    the code says so."""
    async with serving(server_folder, VIVA_DRAIN_S=DRAIN_S) as server:
        family = server.family
        await in_progress(server)
        with standing_still(server_folder) as database:
            server.process.send_signal(signal.SIGTERM)
            await asyncio.sleep(after_s)
            assert server.process.returncode is None
            began = monotonic()
            server.process.send_signal(number)
            code, _ = await server.stopped(AT_ONCE_S)
            assert monotonic() - began < AT_ONCE_S
            assert await gone([*family, *database]) == []
    assert code == 128 + number


async def test_a_signal_while_it_starts(server_folder: Path) -> None:
    """Given SIGTERM while the embedded database starts, the server ends with 0 and the database
    with it."""
    process = await start(server_folder, "serve", "--port", "0")
    try:
        async with asyncio.timeout(60):
            while not pid_files(server_folder):  # noqa: ASYNC110  (nothing announces it)
                await asyncio.sleep(0.02)
        process.terminate()
        _, errors = await asyncio.wait_for(process.communicate(), TOTAL_S + 10)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, errors
    assert not pid_files(server_folder)
