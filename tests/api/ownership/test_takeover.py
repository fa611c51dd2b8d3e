"""Two servers on one database: a call goes from one to the other, and its candidate goes on
talking."""

import asyncio
from pathlib import Path
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from adapters.voice.factory import DETECTOR_VERSION
from domain import events as ev
from domain import inputs as inp
from domain.ports import Side
from domain.recovery.replay import fold_all
from domain.states import State
from tests.api.candidate import in_call, recording
from tests.api.ownership.two_desks import explained, points_to, ready_again, settled_log, two_desks
from tests.fixtures.server import running_desk

pytestmark = pytest.mark.simulated


async def test_the_log_says_what_ran(dsn: str, tmp_path: Path) -> None:
    """Given two builds that hold a call one after the other, the events with which each begins say
    its build, core, detectors, networks and service; and so does each session of Gemini's its
    service."""
    async with (
        running_desk(dsn, tmp_path, build="first") as first,
        running_desk(dsn, tmp_path, beside=first, build="second") as second,
    ):
        opened = await first.open("Why?", "How?")
        async with in_call(opened) as candidate:
            await candidate.asked(1)
            points_to(candidate, second)
            await candidate.client.drop()
            await ready_again(candidate)
        events = await settled_log(second, opened)
    opening = next(event for event in events if isinstance(event, ev.CallOpened))
    takeover = next(event for event in events if isinstance(event, inp.CallTakenOver))
    owners: list[tuple[ev.CallOpened | inp.CallTakenOver, str]] = [(opening, "first"), (takeover, "second")]
    for event, build in owners:
        assert event.runtime.build.endswith(f"+{build}")
        assert event.runtime.networks.keys() == {"silero", "smart_turn"}
        assert (event.runtime.detector_version, event.decision_version) == (DETECTOR_VERSION, ev.DECISION_VERSION)
        assert event.service == "rehearsal"
    connected = [event for event in events if isinstance(event, inp.ModelConnected)]
    assert {(event.service, event.decision_version) for event in connected} == {("rehearsal", ev.DECISION_VERSION)}


async def test_a_client_that_lands_on_another_server_is_served_there(dsn: str, tmp_path: Path) -> None:
    """Given an answer under way, when its connection breaks and lands elsewhere, no sample of it is
    lost or doubled."""
    spoken = recording("answer_3", 3.0)
    async with two_desks(dsn, tmp_path) as (first, second):
        opened = await first.open("Why?", "How?")
        async with in_call(opened) as candidate:
            await candidate.asked(1)
            candidate.client.microphone.say(spoken)
            await candidate.state("candidate_speaking")
            await asyncio.sleep(0.5)
            points_to(candidate, second)
            await candidate.client.drop()
            await ready_again(candidate)
            assert candidate.of("ready")[1]["resumed"]
            await candidate.hears(generation=2)
            sent = candidate.client.microphone.next_seq
        assert first.services.registry.count == 0
        events = await explained(second, opened)
        taken = next(event for event in events if isinstance(event, inp.CallTakenOver))
        assert (taken.epoch, taken.process) == (2, str(second.services.leases.process))
        assert events[taken.originator_version - 2].__class__ is ev.CallHandedOver
        closed = next(event for event in events if isinstance(event, ev.CallClosed))
        assert closed.reason == "hangup_by_candidate"
        stored = await second.pcm(opened.call_id, Side.CANDIDATE)
        assert spoken[6_400:-6_400] in stored
        assert stored.count(spoken[6_400:12_800]) == 1
        assert sent
        windows = [window.pcm for window in second.rehearsal.sessions[-1].windows]
        assert any(spoken[16_000:-6_400] in window for window in windows)
        first.calls.clear()


async def test_of_two_owners_the_older_one_releases_the_call(dsn: str, tmp_path: Path) -> None:
    """Given a server that was taken for dead, its next append conflicts, and its client moves to
    the new owner."""
    async with two_desks(dsn, tmp_path) as (first, second):
        opened = await first.open("Why?", "How?")
        async with in_call(opened) as candidate:
            await candidate.asked(1)
            points_to(candidate, second)
            lost = first.calls[0]
            live = None
            while live is None:
                live = await second.services.registry.takeovers.try_once(UUID(opened.call_id))
            second.services.registry.take_on(live)
            with capture_logs() as logs:
                await ready_again(candidate)
                await lost.gone.wait()
            lines = [(line["event"], line.get("reason")) for line in logs]
            assert lines.count(("call_lost_to_another_owner", None)) == 1
            assert ("call_left", "lost to another owner") in lines
            await candidate.say(recording("answer_3", 1.5))
            await candidate.hears(generation=2)
        events = await explained(second, opened)
        assert sum(isinstance(event, inp.CallTakenOver) for event in events) == 1
        first.calls.clear()


async def test_a_server_that_stops_hands_its_calls_over(dsn: str, tmp_path: Path) -> None:
    """Given two calls on a server that stops, one speaking and one silent, both go on at the other
    server."""
    async with two_desks(dsn, tmp_path) as (first, second):
        opened = [await first.open("Why?", "How?", name=name) for name in ("Ada", "Bob")]
        async with in_call(opened[0]) as ada, in_call(opened[1]) as bob:
            await asyncio.gather(ada.asked(1), bob.asked(1))
            ada.client.microphone.say(recording("answer_3", 2.5))
            await ada.state("candidate_speaking")
            points_to(ada, second)
            points_to(bob, second)
            await first.services.registry.drain(3.0)
            assert first.services.registry.count == 0
            await asyncio.gather(ready_again(ada), ready_again(bob))
            assert ada.of("go_away")[0]["reason"] == "moving"
            await ada.hears(generation=2)
        for each in opened:
            events = await explained(second, each)
            handed = next(event for event in events if isinstance(event, ev.CallHandedOver))
            assert handed.reason == "drain"
        first.calls.clear()


async def test_calls_that_nobody_owns_are_found_by_a_server_that_starts(dsn: str, tmp_path: Path) -> None:
    """Given a call whose server has stopped, a server that starts takes it over before its client
    comes."""
    async with running_desk(dsn, tmp_path) as first:
        opened = await first.open("Why?", "How?")
        async with in_call(opened) as candidate:
            await candidate.asked(1)
            await first.services.registry.drain(2.0)
            first.calls.clear()
            async with running_desk(dsn, tmp_path, beside=first) as second:
                async with asyncio.timeout(5):
                    while not second.services.registry.count:  # noqa: ASYNC110  (nothing announces it)
                        await asyncio.sleep(0.02)
                points_to(candidate, second)
                await ready_again(candidate)
                await candidate.state("listening", count=2)
                candidate.client.hangup()
                await candidate.until(lambda: bool(candidate.of("closed")))
                await explained(second, opened)


@pytest.mark.parametrize("what", ["unknown", "settled"])
async def test_a_call_that_is_not_open_is_nobodys(dsn: str, tmp_path: Path, what: str) -> None:
    async with two_desks(dsn, tmp_path) as (first, second):
        opened = await first.open("Why?")
        async with in_call(opened) as candidate:
            await candidate.hears()
        await first.settled(opened)
        await first.log(opened.call_id)
        call_id = UUID(opened.call_id) if what == "settled" else UUID(int=7)
        with pytest.raises(Exception, match="no such open call"):
            await second.services.registry.reach(call_id)
        assert fold_all(await second.log(opened.call_id)).state is State.CLOSED
