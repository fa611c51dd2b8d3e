"""The loop with sockets: time jumps while nobody is at work for it, and stands still while somebody is."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import asyncpg
import pytest

from tests.fakes.networked_loop import wall_s

pytestmark = pytest.mark.simulated


async def test_a_conversation_over_sockets_takes_no_time() -> None:
    """Given a server that thinks for a minute before each answer, ten of them are there at once, by
    the wall; by the loop's clock, and by `monotonic`, ten minutes have passed."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            await asyncio.sleep(60)
            writer.write(line)
        writer.close()

    loop, began_s, began_wall_s, began_monotonic_s = asyncio.get_running_loop(), 0.0, wall_s(), time.monotonic()
    began_s = loop.time()
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        for number in range(10):
            writer.write(b"%d\n" % number)
            assert await reader.readline() == b"%d\n" % number
        writer.close()
        await writer.wait_closed()
    assert loop.time() - began_s == pytest.approx(600, abs=0.1)
    assert time.monotonic() - began_monotonic_s == pytest.approx(600, abs=0.1)
    assert wall_s() - began_wall_s < 10


async def test_the_clock_stands_still_while_a_thread_works() -> None:
    """Given a thread that takes a fifth of a second, a timeout of a tenth does not end it."""
    async with asyncio.timeout(0.1):
        await asyncio.to_thread(time.sleep, 0.2)


async def test_computing_takes_a_set_time() -> None:
    """Given a worker for computing, its result is there a tenth of a second later, however slow the
    machine is."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    with ThreadPoolExecutor(1) as worker:
        assert await loop.run_in_executor(worker, lambda: 6 * 7) == 42
        with pytest.raises(ZeroDivisionError):
            await loop.run_in_executor(worker, lambda: 1 // 0)
    assert loop.time() - began_s == pytest.approx(0.2, abs=0.001)


async def test_the_clock_stands_still_while_postgres_works(empty_dsn: str) -> None:
    """Given a query that takes a fifth of a second, a timeout of a tenth does not end it."""
    connection = await asyncpg.connect(empty_dsn)
    async with asyncio.timeout(0.1):
        assert await connection.fetchval("SELECT $1::int FROM pg_sleep(0.2)", 7) == 7
        with pytest.raises(asyncpg.PostgresError):
            await connection.fetchval("SELECT no_such_column")
        async with connection.transaction():
            await connection.execute("SELECT pg_sleep(0.2)")
    await connection.close()


async def test_who_waits_for_something_that_is_due_gets_it() -> None:
    """Given a thread that waits for a timer of the loop, time passes as on the wall, and both go on."""
    due = threading.Event()
    asyncio.get_running_loop().call_later(0.2, due.set)
    assert await asyncio.to_thread(due.wait, 20)
