"""Postgres is stopped, crashes or hangs under calls, and comes back: they go on, and nothing of
them is missing."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
import pytest_asyncio

from adapters.postgres.store import open_store
from adapters.telemetry.loop_lag import run_delay_s
from api.database import open_database
from api.routes import health
from api.settings import Settings
from domain.errors import StoreError
from projections.catalogue import READ_MODELS
from tests.api.candidate import in_call, recording
from tests.fixtures.own_postgres import OwnPostgres, own_postgres
from tests.fixtures.server import Desk, running_desk

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def postgres() -> AsyncIterator[OwnPostgres]:
    """The server that suffers."""
    async with own_postgres() as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(postgres: OwnPostgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    """A Viva on it."""
    async with running_desk(postgres.dsn, tmp_path_factory.mktemp("server"), read_models=READ_MODELS) as desk:
        yield desk


async def answer(desk: Desk, path: str) -> tuple[int, Any]:
    """Status and body."""
    async with desk.http() as http:
        got = await http.get(path, timeout=10)
    return got.status_code, got.json()


async def ready_again(desk: Desk) -> dict[str, Any]:
    """The body of the readiness, once it is good."""
    async with asyncio.timeout(15):
        while True:
            body: dict[str, Any]
            status, body = await answer(desk, "/health/ready")
            if status == 200:
                return body
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("how", ["stop", "crash"])
async def test_a_restart_under_calls(desk: Desk, postgres: OwnPostgres, how: str) -> None:
    """Given a restart while one candidate answers and another is connected: both calls go on and
    are stored whole."""
    opened, other = await desk.open("Why?", "How?"), await desk.open("Who?")
    async with in_call(opened) as candidate, in_call(other) as listener:
        await candidate.asked(1)
        await listener.asked(1)
        await (postgres.stop() if how == "stop" else postgres.crash())
        await candidate.say(recording("answer_3", 1.5))
        await candidate.hears(generation=2)
        assert candidate.client.microphone.unacknowledged, "nothing is acknowledged that is not stored"
        status, body = await answer(desk, "/health/ready")
        assert status == 503
        assert body["problems"][0].startswith("The database does not answer")
        assert body["events_waiting"] > 0
        assert body["waiting_s"] > 0
        status, body = await answer(desk, "/calls")
        assert (status, body["code"]) == (503, "store_unavailable")
        assert "try again" in body["message"]
        await postgres.start()
        await candidate.acknowledged()
        await listener.acknowledged()
        assert (await ready_again(desk))["problems"] == []
        assert desk.services.leases.healthy
        assert candidate.client.connections == listener.client.connections == 1
        await candidate.say(recording("answer_1", 1.0))
    await desk.check()
    for runner in desk.services.runners:
        await asyncio.wait_for(runner.reached(await desk.services.store.reader.max_notification_id() or 0), 10)
    status, body = await answer(desk, f"/calls/{opened.call_id}")
    assert (status, body["state"]) == (200, "closed")


async def test_a_database_that_hangs_holds_nobody_up(
    desk: Desk, postgres: OwnPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a Postgres that stands still with all its connections, the conversation goes on beside
    it."""
    monkeypatch.setattr(health, "_BEHIND_S", 0.5)
    opened = await desk.open("Why?", "How?")
    async with in_call(opened) as candidate:
        await candidate.asked(1)
        await ready_again(desk)  # on a connection that is open when Postgres stands still, and is not worth waiting for
        async with postgres.hung():
            stalls = asyncio.create_task(longest_stall_s(2.0))
            await candidate.say(recording("answer_3", 1.5))
            await candidate.hears(generation=2)
            status, body = await answer(desk, "/health/ready")
            assert status == 503
            assert any("events wait, the oldest for" in problem for problem in body["problems"])
            assert await stalls < 0.5
        await candidate.acknowledged()
        await ready_again(desk)
    await desk.check()


async def test_an_embedded_database_that_died_is_started_again(server_folder: Path) -> None:
    """Given `kill -9` of the database that Viva started for itself, it is there again soon, with
    what was in it."""
    async with open_database(Settings(data_dir=server_folder)) as dsn:
        pid_file = server_folder / "postgres" / "cluster" / "postmaster.pid"
        os.kill(int(pid_file.read_text().split()[0]), signal.SIGKILL)
        async with asyncio.timeout(20):
            while not await opens(dsn):  # noqa: ASYNC110  (nothing announces it)
                await asyncio.sleep(0.1)


async def opens(dsn: str) -> bool:
    """Whether there is a migrated database."""
    try:
        async with open_store(dsn):
            return True
    except StoreError:
        return False


async def longest_stall_s(seconds: float) -> float:
    """The longest time in which the event loop did not turn by its own doing, of so many seconds."""
    began = turned = monotonic()
    withheld, longest = run_delay_s(), 0.0
    while turned - began < seconds:
        await asyncio.sleep(0.005)
        longest = max(longest, monotonic() - turned - (run_delay_s() - withheld))
        turned, withheld = monotonic(), run_delay_s()
    return longest
