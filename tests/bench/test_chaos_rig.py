"""The laboratory's own tools: what is scheduled comes again, proxies stall, delay and cut, times are
read right."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from time import monotonic

import pytest

from bench.chaos.evidence.evidence import ClientEvidence, GeminiSession, Played, ReceivedMessage, Window
from bench.chaos.report.recovery import audible_gap_s, audio_flowing_s, client_resumed_s, model_restored_s
from bench.chaos.rig.proxy import Proxy, to_port
from bench.chaos.run import planned
from bench.chaos.scenarios import SCENARIOS, Scenario, chosen
from bench.chaos.schedule import Kind


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_seed_is_a_schedule(scenario: Scenario) -> None:
    """The same seed gives the same faults, another gives others; they come in order, as many as
    were asked for."""
    strikes = planned(scenario, 11)
    assert strikes == planned(scenario, 11)
    assert strikes != planned(scenario, 12)
    assert len(strikes) == scenario.faults
    assert [strike.at_s for strike in strikes] == sorted(strike.at_s for strike in strikes)
    assert {strike.kind for strike in strikes} <= set(scenario.mix)


def test_servers_are_struck_one_at_a_time() -> None:
    """A server is given time to come back before the next one goes."""
    (mixed,) = chosen("mixed")
    strikes = [each for each in planned(mixed, 1) if each.kind in (Kind.KILL, Kind.DRAIN)]
    assert len(strikes) > 10
    for before, after in pairwise(strikes):
        assert after.at_s - before.at_s >= before.for_s + mixed.mix[before.kind].rest_s - 1e-6


@asynccontextmanager
async def _echo() -> AsyncIterator[int]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_a_proxy_lets_through_stalls_delays_and_cuts() -> None:
    """What passes is unchanged and in order; a cut is seen by the other side; the next connection
    is a new one."""
    async with _echo() as port, Proxy(to_port("echo", port)) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"first")
        assert await reader.readexactly(5) == b"first"
        proxy.stall(0.3)
        began = monotonic()
        writer.write(b"second")
        assert await reader.readexactly(6) == b"second"
        assert monotonic() - began >= 0.25
        proxy.jitter(5.0, 0.05)
        for number in range(20):
            writer.write(bytes([number]) * 50)
            await asyncio.sleep(0)
        assert await reader.readexactly(1_000) == b"".join(bytes([number]) * 50 for number in range(20))
        proxy.cut()
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        echoed, again = await asyncio.open_connection("127.0.0.1", proxy.port)
        again.write(b"x")
        assert await echoed.readexactly(1) == b"x"
        assert [passage.backend for passage in proxy.passages] == ["echo", "echo"]
        assert len(proxy.live) == 1
        again.close()
        writer.close()


async def test_what_was_said_before_an_end_arrives() -> None:
    """A server that says its last word and hangs up is heard to the end."""

    async def farewell(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"x" * 200_000)
        writer.close()

    server = await asyncio.start_server(farewell, "127.0.0.1", 0)
    async with server, Proxy(to_port("farewell", server.sockets[0].getsockname()[1])) as proxy:
        proxy.jitter(5.0, 0.05)
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        assert len(await reader.read(-1)) == 200_000
        writer.close()


def _message(at_s: float, kind: str, state: str, *missing: str) -> ReceivedMessage:
    return ReceivedMessage(at_s, "a1", 1, {"type": kind, "state": state, "missing": list(missing)})


def test_a_client_is_back_when_the_call_goes_on() -> None:
    """Not at `ready`, where Gemini is still missing; and never where the call is over."""
    messages = [
        _message(1.0, "state", "listening"),
        _message(5.0, "ready", "resuming", "model"),
        _message(5.4, "state", "candidate_speaking"),
    ]
    assert client_resumed_s(ClientEvidence(messages=messages), 4.0) == 5.4
    assert client_resumed_s(ClientEvidence(messages=messages[:2]), 4.0) is None
    assert client_resumed_s(ClientEvidence(messages=[*messages[:2], _message(6.0, "state", "closed")]), 4.0) is None


def test_a_model_is_back_when_the_call_that_missed_it_goes_on() -> None:
    """A call that never missed it has not felt the fault."""
    messages = [_message(2.0, "state", "resuming", "model"), _message(2.7, "state", "listening")]
    assert model_restored_s(ClientEvidence(messages=messages), 1.9) == 2.7
    assert model_restored_s(ClientEvidence(messages=messages), 2.1) is None


def test_audio_flows_again_when_the_next_session_is_given_the_answer() -> None:
    """Where a session broke off in the middle of one."""
    broken = GeminiSession("1", 1.0, ended_s=4.0, windows=[Window(b"..", closed=False)])
    after = GeminiSession("2", 4.3, openings_s=[4.5])
    assert audio_flowing_s([broken, after], 3.99) == 4.5
    whole = replace(broken, windows=[Window(b"..", closed=True)])
    assert audio_flowing_s([whole, after], 3.99) is None


def test_a_gap_is_heard_inside_a_reply() -> None:
    """Between two replies there is silence of course; while playback is held as well."""
    played = [
        Played(10.0, 1, 0, 240),
        Played(10.3, 1, 240, 480),
        Played(11.3, 2, 480, 720),
    ]
    client = ClientEvidence(played=played)
    assert audible_gap_s(client, 10.1) == pytest.approx(0.29)
    held = ClientEvidence(played=played, messages=[_message(10.1, "hold", "")])
    assert audible_gap_s(held, 10.1) == 0.0
