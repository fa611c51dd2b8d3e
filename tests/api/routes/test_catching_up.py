"""A client gets a replay of what it missed, a rollback of what was lost with a server, and of two
clients one has the call."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from api.live.transcript import Transcript
from domain.inputs import CandidateTranscribed
from domain.record.client_messages import kept_version
from domain.record.record import Takeover
from domain.states import State
from tests.api.candidate import in_call, recording
from tests.api.connections.bare_socket import HELLO, BareSocket, bare
from tests.api.ownership.two_desks import points_to, ready_again, two_desks
from tests.fakes.call_ports import fake_ports
from tests.fakes.store import InMemoryStore
from tests.fixtures.server import Desk, agents_file, running_desk

pytestmark = pytest.mark.simulated


def kept(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What of these messages a client keeps."""
    known = (message for message in messages if message["type"] in ("transcript", "latency"))
    return [{**message, "again": None} for message in known if not message.get("interim")]


async def all_again(socket: BareSocket, count: int) -> list[dict[str, Any]]:
    while len(kept(socket.messages)) < count:
        await socket.until_any("transcript", "latency")
    return kept(socket.messages)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_page_that_is_loaded_again_gets_the_whole_replay(desk: Desk) -> None:
    """Given a call under way, a client without a past gets every message; one that has seen half,
    the other half."""
    opened = await desk.open("Why?", "How?")
    async with in_call(opened) as candidate:
        await candidate.asked(1)
        await candidate.say(recording("answer_3", 1.5))
        await candidate.asked(2)
        known = kept(candidate.messages)
        async with bare(desk) as fresh:
            ready = await fresh.hello(opened.token)
            assert (ready["epoch"], ready["kept_version"]) == (1, 0)
            again = await all_again(fresh, len(known))
            assert [each["again"] for each in fresh.messages if each["type"] == "transcript"] == [True] * sum(
                each["type"] == "transcript" for each in known
            )
        assert again == known
        half = known[len(known) // 2]["version"]
        async with bare(desk) as late:
            ready = await late.hello(opened.token, seen_version=half, seen_epoch=1)
            assert ready["kept_version"] == half
            assert await all_again(late, sum(each["version"] > half for each in known)) == [
                each for each in known if each["version"] > half
            ]


@pytest.mark.asyncio(loop_scope="module")
async def test_a_long_past_is_replayed_whole(desk: Desk) -> None:
    """Given more to tell again than may wait for a slow client, a fresh one gets all of it, and the
    call goes on."""
    opened = await desk.open()
    live = desk.calls[-1]
    texts = [f"word {number} " for number in range(800)]
    async with bare(desk) as first:
        await first.hello(opened.token)
        for text in texts:
            live.loop.feed(CandidateTranscribed(at_us=live.loop.now_us(), text=text))
            await asyncio.sleep(0)
        async with bare(desk) as fresh:
            await fresh.hello(opened.token)
            again: list[dict[str, Any]] = []
            while not again or again[-1]["text"] != texts[-1]:
                again.append(await fresh.until("transcript"))
            assert [message["text"] for message in again if message["who"] == "candidate"] == texts
            assert all(message["again"] for message in again)
            assert live.call.state is not State.CLOSED


async def test_two_that_miss_the_same_read_it_once(dsn: str, tmp_path: Path) -> None:
    """Given two hellos at a time for a past that is not in the buffer, nothing is held twice, nor
    out of order."""
    async with running_desk(dsn, tmp_path) as desk:
        opened = await desk.open("Why?", "How?")
        async with in_call(opened) as candidate:
            await candidate.asked(1)
            known = kept(candidate.messages)
            await desk.log(opened.call_id)
            store, call_id = desk.services.store, UUID(opened.call_id)
            ports = fake_ports(InMemoryStore(), reader=store.reader, codec=store.mapper)
            lacking = Transcript(call_id, ports, known_from=known[-1]["version"] + 1)
            await asyncio.gather(*(lacking.reach_back(0) for _ in range(2)))
            assert [message["version"] for message in lacking.after(0)] == [message["version"] for message in known]
        await desk.check()


async def test_messages_before_a_takeover_are_replayed_by_the_new_owner(dsn: str, tmp_path: Path) -> None:
    """Given a call whose buffer begins late, the new owner reads the earlier messages from the
    log."""
    async with two_desks(dsn, tmp_path) as (first, second):
        opened = await first.open("Why?", "How?")
        async with in_call(opened) as candidate:
            await candidate.asked(1)
            await candidate.say(recording("answer_3", 1.5))
            await candidate.asked(2)
            known = kept(candidate.messages)
            points_to(candidate, second)
            await candidate.client.drop()
            await ready_again(candidate)
            async with bare(second) as fresh:
                ready = await fresh.hello(opened.token)
                assert ready["epoch"] == 2
                assert (await all_again(fresh, len(known)))[: len(known)] == known
        first.calls.clear()


@pytest.mark.parametrize(
    ("seen", "epoch", "takeovers", "expected"),
    [
        (0, 0, [], 0),
        (50, 1, [], 50),
        (50, 1, [(2, 41)], 40),
        (30, 1, [(2, 41)], 30),
        (50, 2, [(2, 41)], 50),
        (90, 1, [(2, 41), (3, 60)], 40),
        (90, 2, [(2, 41), (3, 60)], 59),
    ],
)
def test_what_a_client_has_seen_holds_up_to_the_takeover_that_it_did_not_see(
    seen: int, epoch: int, takeovers: list[tuple[int, int]], expected: int
) -> None:
    assert kept_version(seen, epoch, [Takeover(*each) for each in takeovers]) == expected


@pytest.mark.asyncio(loop_scope="module")
async def test_a_second_client_takes_the_call(desk: Desk) -> None:
    """Given no other policy, the newer one has it, and the older one gets an error."""
    opened = await desk.open()
    async with bare(desk) as first, bare(desk) as second:
        await first.hello(opened.token, client_id="one")
        await second.hello(opened.token, client_id="two")
        assert await first.ending() == 4409
        assert first.errors[0]["code"] == "replaced"


async def test_a_second_client_is_refused_where_policy_says_so(dsn: str, tmp_path: Path) -> None:
    """Given `second_client: refuse`, another one is refused without harm; the same one may always
    come back."""
    agents = agents_file(tmp_path, single={"links": {"second_client": "refuse"}})
    async with running_desk(dsn, tmp_path, agents=agents) as desk:
        opened = await desk.open(agent="single")
        async with bare(desk) as first:
            await first.hello(opened.token, client_id="one")
            async with bare(desk) as second:
                await second.send(HELLO | {"token": opened.token, "client_id": "two"})
                assert await second.ending() == 4423
                assert second.errors[0]["code"] == "already_connected"
            async with bare(desk) as again:
                assert (await again.hello(opened.token, client_id="one"))["resumed"]
                assert await first.ending() == 4409
                await again.send({"type": "hangup"})
                assert (await again.until("closed"))["reason"] == "hangup_by_candidate"
        await desk.check()


async def test_a_second_client_elsewhere_is_refused_as_well(dsn: str, tmp_path: Path) -> None:
    """Given `second_client: refuse`, one that lands on another server does not move the first;
    later it may come."""
    agents = agents_file(tmp_path, single={"links": {"second_client": "refuse"}})
    async with (
        running_desk(dsn, tmp_path, agents=agents) as here,
        running_desk(dsn, tmp_path, beside=here, agents=agents) as there,
    ):
        opened = await here.open(agent="single")
        async with bare(here) as first:
            await first.hello(opened.token, client_id="one")
            async with bare(there) as second:
                await second.send(HELLO | {"token": opened.token, "client_id": "two"})
                assert await second.ending() == 1013
                assert second.errors[0]["code"] == "call_busy"
            await first.send({"type": "ping", "id": 7})
            assert (await first.until("pong"))["id"] == 7
            assert here.services.registry.count == 1
        async with bare(there) as late:
            assert (await late.hello(opened.token, client_id="two"))["epoch"] == 2
            await late.send({"type": "hangup"})
            await late.until("closed")
        here.calls.clear()


async def test_a_transcript_that_its_server_never_recorded_is_void(dsn: str, tmp_path: Path) -> None:
    """Given a server that was taken for dead and says more, its client gets a rollback, and
    what is true."""
    async with two_desks(dsn, tmp_path) as (first, second):
        opened = await first.open("Why?", "How?")
        live = first.calls[-1]
        async with in_call(opened) as candidate:
            await candidate.asked(1)
            points_to(candidate, second)
            new = None
            while new is None:
                new = await second.services.registry.takeovers.try_once(UUID(opened.call_id))
            begun = new.call.record.takeovers[-1].version
            live.loop.feed(CandidateTranscribed(at_us=live.loop.now_us(), text="never said"))
            await candidate.until(lambda: any(each["text"] == "never said" for each in candidate.of("transcript")))
            second.services.registry.take_on(new)
            await ready_again(candidate)
            (rollback,) = candidate.of("rollback")
            assert rollback["version"] < begun <= candidate.of("transcript")[-1]["version"]
            after = candidate.messages[candidate.messages.index(rollback) :]
            assert not any(message.get("text") == "never said" for message in after)
        first.calls.clear()
