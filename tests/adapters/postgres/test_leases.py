"""Two processes on one database know of each other: who lives, who died, who hangs, and who should
hand a call over."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import monotonic
from uuid import UUID, uuid4

import asyncpg
import pytest

from adapters.postgres.embedded.server import EmbeddedPostgres
from adapters.postgres.lease_watch import LeaseTimes
from adapters.postgres.leases import Leases, Owner
from adapters.postgres.migrate import upgrade
from domain.errors import StoreError, StoreUnavailableError

ROOT = Path(__file__).parents[3]
IN_USE = LeaseTimes(grace_s=0)
"""As without a word, but for the grace after a start of Postgres: the tests' server has just been
started."""
QUICK = LeaseTimes(lease_s=1.0, renew_s=0.1, look_s=0.05, apart_s=0.15, grace_s=0)
WITH_GRACE = replace(QUICK, grace_s=1.0)
OWNER_PROCESS = """
import asyncio, sys
from adapters.postgres.lease_watch import LeaseTimes
from adapters.postgres.leases import Leases
async def main():
    async with Leases(sys.argv[1], times=LeaseTimes(renew_s=0.1)) as leases:
        print(leases.process, flush=True)
        await asyncio.sleep(3600)
asyncio.run(main())
"""


@asynccontextmanager
async def another_process(dsn: str) -> AsyncIterator[tuple[UUID, int]]:
    """A real process that holds a lease: its id there, and its id here."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OWNER_PROCESS, dsn, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield UUID((await process.stdout.readline()).decode().strip()), process.pid
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
        await process.communicate()


async def open_call(dsn: str, process: UUID | None) -> UUID:
    """An open call of `process`, of which only its row is made."""
    call = uuid4()
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("INSERT INTO open_calls VALUES ($1, 't', $2, 4, now(), now())", call, process)
    finally:
        await connection.close()
    return call


async def until(condition: Callable[[], Awaitable[bool]], within_s: float = 10.0) -> float:
    """Seconds until `condition` holds."""
    began = monotonic()
    async with asyncio.timeout(within_s):
        while not await condition():  # noqa: ASYNC110  (nothing announces it)
            await asyncio.sleep(0.02)
    return monotonic() - began


async def test_the_owner_of_a_call_is_known_and_lives(dsn: str) -> None:
    """Given calls of this process, of another, of nobody, and none, each has its own answer; only
    nobody's is an orphan."""
    async with Leases(dsn, times=QUICK) as one, Leases(dsn, times=QUICK) as two:
        own, theirs, nobodys = [await open_call(dsn, each) for each in (one.process, two.process, None)]
        assert await one.owner(own) == Owner(one.process, 4, gone=False)
        assert await one.owner(theirs) == Owner(two.process, 4, gone=False)
        assert await one.owner(nobodys) == Owner(None, 4, gone=True)
        assert await one.owner(uuid4()) is None
        assert await one.orphans(10) == [nobodys]
        assert await one.orphans(0) == []
        assert one.healthy


async def test_a_call_that_its_owner_does_not_know_is_an_orphan_for_its_owner(dsn: str) -> None:
    """Given a takeover that was recorded after its process had stopped waiting, that process finds
    it, in time."""
    async with Leases(dsn, times=QUICK) as one, Leases(dsn, times=QUICK) as two:
        held, lost = [await open_call(dsn, one.process) for _ in range(2)]
        assert await one.orphans(10, held={held}) == []
        await until(partial(_is_orphan, one, lost, held))
        assert await two.orphans(10, held=()) == []
        assert await one.orphans(10) == []


async def _is_orphan(leases: Leases, lost: UUID, held: UUID) -> bool:
    return await leases.orphans(10, held={held}) == [lost]


async def test_a_killed_process_is_gone_within_a_second(dsn: str) -> None:
    """Given `kill -9` of the owner, its lock is free at once."""
    async with Leases(dsn, times=IN_USE) as leases, another_process(dsn) as (owner, pid):
        call = await open_call(dsn, owner)
        assert await leases.owner(call) == Owner(owner, 4, gone=False)
        os.kill(pid, signal.SIGKILL)
        assert await until(lambda: _gone(leases, call)) < 1.0
        assert await leases.orphans(10) == [call]
        assert await leases.orphans(10, gone_s=5, free_s=5) == []


async def test_a_death_is_seen_without_anybody_asking(dsn: str) -> None:
    """Given looks in the background alone, the first question is answered at once."""
    async with Leases(dsn, times=IN_USE) as leases, another_process(dsn) as (owner, pid):
        call = await open_call(dsn, owner)
        os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(1)
        assert await leases.owner(call) == Owner(owner, 4, gone=True)


async def test_a_process_that_hangs_loses_its_lease(dsn: str) -> None:
    """Given an owner that is stopped (SIGSTOP), it is gone after the lease, though its session
    holds the lock."""
    async with Leases(dsn, times=QUICK) as leases, another_process(dsn) as (owner, pid):
        call = await open_call(dsn, owner)
        os.kill(pid, signal.SIGSTOP)
        assert 0.7 < await until(lambda: _gone(leases, call)) < 5
        os.kill(pid, signal.SIGCONT)
        await until(lambda: _lives(leases, call))


async def test_a_process_that_stops_takes_its_leave(dsn: str) -> None:
    """Given a process that ends properly and leaves a call behind, nobody waits for its lease to
    run out."""
    async with Leases(dsn, times=replace(IN_USE, apart_s=60)) as leases:
        async with Leases(dsn) as other:
            call = await open_call(dsn, other.process)
            assert await _lives(leases, call)
        assert await until(lambda: _gone(leases, call)) < 5


async def test_a_lost_connection_is_no_death(dsn: str) -> None:
    """Given the owner's connection cut again and again, it is back before anybody takes it for
    dead."""
    async with Leases(dsn, times=replace(IN_USE, apart_s=1)) as leases, Leases(dsn) as other:
        call = await open_call(dsn, other.process)
        for cut in range(5):
            pid = other._connection.get_server_pid()
            await leases._fetch("SELECT pg_terminate_backend($1)", pid)
            for _ in range(5):
                assert await _lives(leases, call)
                await asyncio.sleep(0.03)
            await until(partial(_reconnected, other, cut + 1))
            assert await _lives(leases, call)
        assert other.healthy


async def test_a_restart_of_postgres_kills_nobody(server_folder: Path) -> None:
    """Given Postgres away for longer than a lease: unhealthy meanwhile, alive afterwards, and
    asking works again."""
    server = await asyncio.to_thread(EmbeddedPostgres.start, server_folder)
    await asyncio.to_thread(upgrade, server.dsn)
    asked: asyncio.Queue[UUID] = asyncio.Queue()
    async with (
        Leases(server.dsn, times=WITH_GRACE) as one,
        Leases(server.dsn, times=WITH_GRACE, on_asked=asked.put_nowait) as two,
        another_process(server.dsn) as (dying, pid),
    ):
        calls = [await open_call(server.dsn, process) for process in (two.process, dying)]
        await asyncio.to_thread(server.stop)
        with pytest.raises(StoreUnavailableError):
            await one.owner(calls[0])
        await asyncio.sleep(1.2)
        assert not one.healthy
        os.kill(pid, signal.SIGKILL)
        server = await asyncio.to_thread(EmbeddedPostgres.start, server_folder)
        began = monotonic()
        await until(lambda: _answers(one, calls[0]))
        while monotonic() - began < 0.8:
            assert await one.orphans(10) == [], "everybody may still be coming back"
            await asyncio.sleep(0.02)
        await until(lambda: _gone(one, calls[1]))
        assert await one.orphans(10) == [calls[1]]
        assert await _lives(one, calls[0])
        assert one.healthy
        await one.ask(calls[0], two.process)
        assert await asyncio.wait_for(asked.get(), 5) == calls[0]
    await asyncio.to_thread(server.stop)


async def test_the_owner_hears_that_it_is_asked(dsn: str) -> None:
    """Given a request for its call, only the process that is asked gets it; rubbish on its channel
    is passed over."""
    heard: dict[str, list[UUID]] = {"one": [], "two": []}
    asked = asyncio.Event()
    async with Leases(dsn, on_asked=heard["one"].append) as one, Leases(dsn, on_asked=heard["two"].append) as two:
        last = uuid4()

        def noted(call: UUID) -> None:
            heard["two"].append(call)
            if call == last:
                asked.set()

        two.on_asked = noted
        first = uuid4()
        await one._answer("SELECT pg_notify($1, $2)", f"viva_{two.process.hex}", "no call")
        await one.ask(first, two.process)
        await one.ask(last, two.process)
        await asyncio.wait_for(asked.wait(), 5)
    assert heard == {"one": [], "two": [first, last]}


async def test_rows_of_processes_long_gone_are_deleted(dsn: str) -> None:
    """Given old rows, only that of a process which a call still names is kept."""
    idle, owing = uuid4(), uuid4()
    call = await open_call(dsn, owing)
    connection = await asyncpg.connect(dsn)
    try:
        for each in (idle, owing):
            await connection.execute("INSERT INTO processes VALUES ($1, now(), now() - interval '1 hour')", each)
        async with Leases(dsn, times=QUICK) as leases:
            rows = await connection.fetch("SELECT process FROM processes")
            assert {row[0] for row in rows} == {owing, leases.process}
            assert await leases.orphans(10) == [call]
        assert await connection.fetchval("SELECT count(*) FROM processes") == 1
    finally:
        await connection.close()


async def test_what_postgres_refuses_for_a_while_does_not_cost_the_lock(dsn: str) -> None:
    """Given a database that cannot be written to, the lease is unhealthy and its session stays."""
    async with Leases(dsn, times=QUICK) as leases:
        await leases._fetch("SET default_transaction_read_only = on")
        await until(lambda: _is(not leases.healthy))
        await leases._fetch("SET default_transaction_read_only = off")
        await until(lambda: _is(leases.healthy))
        assert leases.reconnects == 0


async def test_a_lease_needs_postgres_and_its_tables(empty_dsn: str, tmp_path: Path) -> None:
    """Each is said in a sentence that names what to do."""
    with pytest.raises(StoreError, match="viva db upgrade"):
        async with Leases(empty_dsn):
            pass
    with pytest.raises(StoreUnavailableError, match="DATABASE_URL"):
        async with Leases(f"postgresql://nobody@/nothing?host={tmp_path}"):
            pass


async def _answers(leases: Leases, call: UUID) -> bool:
    try:
        return await leases.owner(call) is not None
    except StoreUnavailableError:
        return False


async def _gone(leases: Leases, call: UUID) -> bool:
    owner = await leases.owner(call)
    assert owner is not None
    return owner.gone


async def _lives(leases: Leases, call: UUID) -> bool:
    return not await _gone(leases, call)


async def _reconnected(leases: Leases, times: int) -> bool:
    return leases.reconnects == times


async def _is(holds: bool) -> bool:
    return holds
