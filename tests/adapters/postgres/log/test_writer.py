"""The writer at work: batches, conflicts in them, data that cannot be stored, audio."""

import asyncio
import threading
from dataclasses import replace
from uuid import UUID

from adapters.postgres.log.append_queue import QueueLimits
from adapters.postgres.store import open_store
from domain.ports import KeyRing, Outcome, Side
from tests.contracts.calls import Outcomes, append, new_call, segment

DURABLE, CONFLICT, LOST = Outcome.DURABLE, Outcome.CONFLICT, Outcome.LOST


class ThreadNotingKeys(KeyRing):
    """Seals by turning every bit over, and notes the threads in which that happened."""

    def __init__(self) -> None:
        self.threads: list[int] = []

    def seal(self, call_id: UUID, plain: bytes) -> bytes:
        self.threads.append(threading.get_ident())
        return bytes(255 - byte for byte in plain)

    def open(self, call_id: UUID, sealed: bytes) -> bytes:
        return self.seal(call_id, sealed)


async def test_everything_that_waits_goes_into_one_transaction(dsn: str) -> None:
    """A hundred calls that append while one commit runs share the next one."""
    async with open_store(dsn) as store:
        outcomes = Outcomes(store.writer)
        calls = [new_call() for _ in range(100)]
        assert await outcomes.of(*(append(call, 1) for call in calls)) == [DURABLE] * 100
        assert store.writer.stats.batches <= 2
        assert store.writer.stats.committed == 100
        assert store.writer.queued == store.writer.queued_bytes == 0
        assert store.writer.stats.last_commit_ms > 0


async def test_a_transaction_is_bounded(dsn: str) -> None:
    """A long queue is cut into batches, in events and in bytes; an append larger than both still
    goes through."""
    limits = QueueLimits(batch_events=10, batch_bytes=40_000)
    async with open_store(dsn, limits=limits) as store:
        outcomes = Outcomes(store.writer)
        small = [append(new_call(), 1) for _ in range(30)]
        call = new_call()
        large = [append(call, 1, 25), append(call, 26, audio=[segment(call), segment(call, 16_000)])]
        assert await outcomes.of(*small, *large) == [DURABLE] * 32
        assert store.writer.stats.batches >= 5


async def test_data_that_postgres_refuses_does_not_stop_the_others(dsn: str) -> None:
    """A tenant with a NUL cannot be stored: that append is LOST and logged, its batch is recorded
    without it."""
    async with open_store(dsn) as store:
        outcomes = Outcomes(store.writer)
        bad = replace(append(new_call(), 1), tenant="a\x00b")
        batch = [append(new_call(), 1), bad, append(new_call(), 1)]
        assert await outcomes.of(*batch) == [DURABLE, LOST, DURABLE]
        negative = segment(bad.call_id, first_sample=-1)
        assert await outcomes.of(append(bad.call_id, 1, audio=[negative])) == [LOST]
        assert store.writer.stats.lost == 2
        assert await outcomes.of(append(new_call(), 1)) == [DURABLE]


async def test_what_rests_on_an_append_that_cannot_be_stored_is_lost_with_it(dsn: str) -> None:
    """Its call stops there; what came before it in the same batch is recorded."""
    call = new_call()
    bad = replace(append(call, 2), tenant="a\x00b")
    async with open_store(dsn) as store:
        outcomes = await Outcomes(store.writer).of(append(call, 1), bad, append(call, 3), append(new_call(), 1))
        assert outcomes == [DURABLE, LOST, LOST, DURABLE]
        assert len(await store.reader.select_events(call)) == 1


async def test_what_waits_in_the_queue_behind_a_conflict_conflicts_too(dsn: str) -> None:
    """Also where it would have gone into another transaction, and its number would fit on the
    another writer's events."""
    call, limits = new_call(), QueueLimits(batch_events=1)
    async with open_store(dsn, limits=limits) as ours, open_store(dsn) as theirs:
        await Outcomes(theirs.writer).of(append(call, 1, 2, "theirs"))
        stale = append(call, 2, note="stale"), append(call, 3, note="on the same footing")
        assert await Outcomes(ours.writer).of(*stale, append(new_call(), 1)) == [CONFLICT, CONFLICT, DURABLE]


async def test_audio_that_cannot_be_encoded_is_lost_and_holds_nobody_up(dsn: str) -> None:
    """FLAC has no rate of 0 Hz: the append with it is LOST, the others of its batch are recorded."""
    call = new_call()
    bad = append(call, 1, audio=[replace(segment(call), rate_hz=0)])
    async with open_store(dsn) as store:
        outcomes = await Outcomes(store.writer).of(bad, append(call, 2), append(new_call(), 1))
        assert outcomes == [LOST, LOST, DURABLE]


async def test_what_is_submitted_before_the_owner_hears_of_the_conflict_conflicts_too(dsn: str) -> None:
    """The other writer's version 2 is no base for our version 3, though its number would fit."""
    call, known = new_call(), append(new_call(), 1)
    async with open_store(dsn) as ours, open_store(dsn) as theirs:
        await Outcomes(theirs.writer).of(append(call, 1, 2, "theirs"), known)
        outcomes = Outcomes(ours.writer)
        # `known` is recorded already, so its callback is the last thing to run before the owner is
        # told.
        ours.writer.submit(known, lambda _: outcomes.submit(append(call, 3, note="on the same footing")))
        outcomes.submit(append(call, 2, note="stale"))
        await ours.writer.flush()
        await ours.writer.flush()
        assert [outcome for _, outcome in outcomes.seen] == [CONFLICT, CONFLICT]
        assert await outcomes.of(append(call, 3, note="after taking over")) == [DURABLE]


async def test_a_failing_callback_does_not_stop_the_writer(dsn: str) -> None:
    """What a caller's callback raises goes to the loop's exception handler, not into the writer."""
    reported: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))

    def fail(_: Outcome) -> None:
        raise ZeroDivisionError

    async with open_store(dsn) as store:
        store.writer.submit(append(new_call(), 1), fail)
        assert await Outcomes(store.writer).of(append(new_call(), 1)) == [DURABLE]
    assert [type(context["exception"]) for context in reported] == [ZeroDivisionError]


async def test_audio_is_encoded_and_sealed_outside_the_event_loop(dsn: str) -> None:
    """Both take milliseconds of processor time; reading back does as well."""
    call, keys = new_call(), ThreadNotingKeys()
    async with open_store(dsn, keys=keys) as store:
        assert await Outcomes(store.writer).of(append(call, 1, audio=[segment(call)])) == [DURABLE]
        assert list(await store.audio.select_audio(call, Side.CANDIDATE)) == [segment(call)]
        row = await store.pool.fetchrow("SELECT sealed, data, arrivals FROM call_audio")
    assert len(keys.threads) == 4
    assert threading.get_ident() not in keys.threads
    assert row["sealed"]
    assert row["data"][:4] != b"fLaC"
    assert row["arrivals"] != b"arrivals"


async def test_audio_written_before_there_were_keys_is_still_read(dsn: str) -> None:
    """Each row knows whether it is sealed: keys can be introduced without a migration."""
    call = new_call()
    async with open_store(dsn) as store:
        await Outcomes(store.writer).of(append(call, 1, audio=[segment(call)]))
    async with open_store(dsn, keys=ThreadNotingKeys()) as store:
        assert list(await store.audio.select_audio(call, Side.CANDIDATE)) == [segment(call)]
