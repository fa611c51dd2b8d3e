"""What the in-memory store can do beyond its contract: play a database that is away."""

import asyncio

from domain.ports import Outcome
from tests.contracts.calls import Outcomes, append, new_call
from tests.fakes.store import InMemoryStore


async def test_a_paused_store_acknowledges_nothing_until_it_is_resumed() -> None:
    """What is submitted meanwhile waits in order."""
    store, call = InMemoryStore(), new_call()
    outcomes = Outcomes(store)
    store.pause()
    outcomes.submit(append(call, 1), append(call, 2))
    assert await store.max_notification_id() is None
    store.resume()
    await store.flush()
    assert [outcome for _, outcome in outcomes.seen] == [Outcome.DURABLE] * 2
    assert await store.max_notification_id() == 2


async def test_closing_a_paused_store_loses_what_waits_and_says_so() -> None:
    """LOST is an outcome like the others."""
    store = InMemoryStore()
    outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    store.pause()
    store.submit(append(new_call(), 1), outcome.set_result)
    assert await store.aclose() == 1
    assert await outcome is Outcome.LOST
