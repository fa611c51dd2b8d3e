"""The database goes away in the middle of a call: nobody waits for it, and nothing is lost."""

import asyncio
from pathlib import Path
from time import monotonic

import pytest

from adapters.postgres.log.append_queue import QueueLimits
from domain.events import CallClosed
from domain.inputs import QueueOverflowed
from tests.api.candidate import in_call, recording
from tests.fixtures.outage import away
from tests.fixtures.server import agents_file, running_desk

pytestmark = pytest.mark.simulated


async def test_a_call_without_the_database(dsn: str, postgres_server: str, tmp_path: Path) -> None:
    """Given a call that goes on and ends while the log is away: `durable` is false; later all of it
    is stored."""
    async with running_desk(dsn, tmp_path) as desk:
        opened = await desk.open("Why?", "How?")
        async with in_call(opened) as candidate:
            await candidate.asked(1)
            async with away(postgres_server, dsn):
                await candidate.say(recording("answer_3", 1.5))
                await candidate.hears(generation=2)
                candidate.client.hangup("enough")
                await candidate.until(lambda: bool(candidate.of("closed")))
                assert candidate.of("closed")[0]["durable"] is False
        await desk.check()


async def test_stopping_without_the_database(dsn: str, postgres_server: str, tmp_path: Path) -> None:
    """Given a call under way and no database, the server stops within its time all the same."""
    agents = agents_file(tmp_path, impatient={"links": {"resume_wait_ms": 300}})
    async with running_desk(dsn, tmp_path, agents=agents, drain_s=1.0) as desk:
        opened = await desk.open("Why?", agent="impatient")
        async with in_call(opened) as candidate, away(postgres_server, dsn):
            await candidate.hears()
            began = monotonic()
            await desk.services.registry.drain(1.0)
            await candidate.until(lambda: bool(candidate.of("go_away")))
            async with asyncio.timeout(5):
                while desk.services.registry.count:  # noqa: ASYNC110  (nothing announces it)
                    await asyncio.sleep(0.02)
            assert monotonic() - began < 3


async def test_a_log_that_is_full_ends_the_call(dsn: str, postgres_server: str, tmp_path: Path) -> None:
    """Given an outage that outlasts the queue: the call ends, says that this is not stored, and
    later it is."""
    async with running_desk(dsn, tmp_path) as desk:
        opened = await desk.open("Why?")
        async with in_call(opened) as candidate:
            await candidate.asked(1)
            async with away(postgres_server, dsn):
                desk.services.store.writer._queue._limits = QueueLimits(max_events=20)
                await candidate.say(recording("answer_1"))
                await candidate.until(lambda: bool(candidate.of("closed")))
            closed = candidate.of("closed")[0]
            assert (closed["reason"], closed["durable"]) == ("log_unavailable", False)
            assert closed["detail"].endswith("please try again in a few minutes, or tell whoever invited you.")
        await desk.settled(opened)
        log = await desk.log(opened.call_id)
        assert [event.reason for event in log if isinstance(event, CallClosed)] == ["log_unavailable"]
        (failure,) = (event for event in log if isinstance(event, QueueOverflowed))
        assert "events wait for Postgres" in failure.reason
        await desk.check()


async def test_an_opening_that_comes_too_late(dsn: str, postgres_server: str, tmp_path: Path) -> None:
    """Given a `POST /calls` that was refused in an outage, the call that is recorded later says why
    it ended."""
    async with running_desk(dsn, tmp_path) as desk:
        async with away(postgres_server, dsn), desk.http() as http:
            body = {
                "agent": "interviewer",
                "candidate": {"name": "Ada"},
                "context": {"role": "R", "questions": ["Why?"]},
            }
            assert (await http.post("/calls", json=body, timeout=10)).status_code == 503
        closed: list[CallClosed] = []
        async with asyncio.timeout(15):
            while not closed:
                await asyncio.sleep(0.05)
                stored = await desk.services.store.reader.select_notifications(None, 100)
                events = [desk.services.store.mapper.to_event(each) for each in stored]
                closed = [event for event in events if isinstance(event, CallClosed)]
        assert closed[0].reason == "hangup_by_server"
        assert "recorded too late" in closed[0].detail
        assert "shutting down" not in closed[0].detail
