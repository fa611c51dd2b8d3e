"""Faults while it runs, and what it writes down: a rehearsal driven from another process."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from google.genai import errors
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, InvalidStatus

from adapters.rehearsal import RehearsalServer
from adapters.rehearsal.remote import ControlError, RemoteControl
from tests.adapters.rehearsal.dialogue import dial, quick, recording

pytestmark = pytest.mark.simulated

RESUMABLE: dict[str, Any] = {"session_resumption": {}}


async def test_faults_are_set_and_cleared_on_request() -> None:
    """Given a fault that is made while it runs, then it strikes the session that lives, until it is
    cleared."""
    async with RehearsalServer(quick(control=True)) as server, RemoteControl.at(server.ws_url) as rehearsal:
        async with dial(server) as dialogue:
            await rehearsal.faults("drop at=turn_complete times=0 code=1011")
            await dialogue.session.send_realtime_input(text="Please begin.")
            assert (await dialogue.until_closed()).code == 1011
        await rehearsal.clear()
        async with dial(server) as dialogue:
            await dialogue.begin()


async def test_a_fault_strikes_now_and_whom_it_is_meant_for() -> None:
    """Given two sessions, when one of them is struck, then the other goes on."""
    async with (
        RehearsalServer(quick(control=True)) as server,
        RemoteControl.at(server.ws_url) as rehearsal,
        dial(server) as one,
        dial(server) as other,
    ):
        first, second = await rehearsal.sessions()
        assert await rehearsal.strike("drop abort=true", [first["id"]]) == [first["id"]]
        assert (await one.until_closed()).code == 1006
        await other.begin()
        assert await rehearsal.strike("go_away time_left_ms=100") == [second["id"]]
        await other.until_closed()
        assert await rehearsal.strike("drop") == []


async def test_handles_expire_to_order() -> None:
    """Given a good handle, when all expire, then it is refused; a fault at `resume` does the same
    to the next one."""
    async with RehearsalServer(quick(control=True)) as server, RemoteControl.at(server.ws_url) as rehearsal:
        async with dial(server, **RESUMABLE) as dialogue:
            await dialogue.begin()
            handle = await dialogue.until(lambda it: it.handles[-1])
        await rehearsal.faults("drop at=resume code=1008")
        for honoured in (False, True, False):
            if not honoured and len(server.sessions) > 2:
                assert await rehearsal.expire() >= 1
            resumption = dial(server, session_resumption={"handle": handle})
            if honoured:
                async with resumption:
                    assert server.sessions[-1].lineage == server.sessions[0].id
            else:
                with pytest.raises(errors.APIError) as refusal:
                    await resumption.__aenter__()
                assert refusal.value.code == 1008


async def test_the_door_is_shut_for_a_while() -> None:
    """Given `refuse` at the dial for some time, then handshakes are answered with its status, and
    later let in."""
    async with RehearsalServer(quick(control=True)) as server, RemoteControl.at(server.ws_url) as rehearsal:
        await rehearsal.faults("refuse at=dial status=503 times=0 for_ms=300")
        with pytest.raises(InvalidStatus) as refusal:
            await dial(server).__aenter__()
        assert refusal.value.response.status_code == 503
        await asyncio.sleep(0.3)
        async with dial(server) as dialogue:
            await dialogue.begin()


@pytest.mark.parametrize(
    ("command", "help"),
    [
        ({"do": "dance"}, "clear, expire, faults"),
        ({"do": "faults", "faults": ["explode at=reply"]}, "Correct the fault"),
        ({"do": "faults", "faults": ["drop at=reply after_ms=1", "refuse at=reply"]}, "refuse must be at dial"),
        ({"do": "strike", "fault": "omit"}, "at once there can be"),
        ({"do": "strike", "fault": "delay ms=3"}, "at once there can be"),
        ({"do": "faults"}, "faults"),
        ([], "object"),
    ],
)
async def test_a_command_that_cannot_be_done_says_why(command: Any, help: str) -> None:
    """And the next one is done all the same."""
    async with RehearsalServer(quick(control=True)) as server, connect(server.ws_url + "/control") as socket:
        await socket.send(json.dumps(command))
        answer = json.loads(await socket.recv())
        assert not answer["ok"]
        assert help in answer["error"]
        await socket.send('{"do": "expire"}')
        assert json.loads(await socket.recv()) == {"ok": True, "expired": 0}


async def test_nobody_controls_a_rehearsal_that_does_not_want_it() -> None:
    """Given no `control`, then there is nothing at its address."""
    async with RehearsalServer(quick()) as server:
        with pytest.raises(InvalidStatus):
            await connect(server.ws_url + "/control")


async def test_an_error_reaches_the_one_who_asked() -> None:
    """The client in Python raises what the rehearsal answers."""
    async with RehearsalServer(quick(control=True)) as server, RemoteControl.at(server.ws_url) as rehearsal:
        with pytest.raises(ControlError, match="Correct the fault"):
            await rehearsal.faults("explode at=reply")


def read(journal: Path) -> list[list[dict[str, Any]]]:
    """The lines of each session, in the order in which they dialled."""
    return [[json.loads(line) for line in file.read_text().splitlines()] for file in sorted(journal.glob("*.jsonl"))]


def pcm_of(journal: Path, session: str) -> bytes:
    """All that one session received."""
    return next(journal.glob(f"*{session}.pcm")).read_bytes()


async def test_a_session_is_written_down(tmp_path: Path) -> None:
    """Given a journal, then it has what was received and sent, each window's bytes, and who
    followed whom."""
    answer = recording("answer_1")
    async with RehearsalServer(quick(session_logs=tmp_path)) as server:
        async with dial(server, **RESUMABLE) as first:
            await first.begin()
            await first.window(answer)
            await first.until_turns(2)
            handle = await first.until(lambda it: it.handles[-1])
        async with dial(server, session_resumption={"handle": handle}) as second:
            await second.begin()
        for session in server.sessions:
            await session.closed.wait()
    one, other = read(tmp_path)
    begun = [next(line for line in lines if line["kind"] == "begun") for lines in (one, other)]
    assert (begun[1]["follows"], begun[1]["lineage"]) == (begun[0]["session"], begun[0]["session"])
    opened, closed = (next(line for line in one if line["kind"] == f"window_{end}") for end in ("opened", "closed"))
    assert pcm_of(tmp_path, begun[0]["session"])[opened["at_byte"] : closed["at_byte"]] == answer
    received = [name for line in one if line["kind"] == "received" for name in line["message"]]
    assert received == ["setup", "realtimeInput", "realtimeInput", "realtimeInput"]  # the text, and the two marks
    said = [line["text"] for line in one if line["kind"] == "said"]
    assert said[0] == "Hello, and welcome. Who are you?"
    sent = [line["message"] for line in one if line["kind"] == "sent"]
    assert "setupComplete" in sent[0]
    assert sent[-1]["sessionResumptionUpdate"]["newHandle"] == handle
    assert one[-1]["kind"] == "closed"
    assert [line["at_ms"] for line in one] == sorted(line["at_ms"] for line in one)


async def test_a_refusal_and_a_strike_are_written_down(tmp_path: Path) -> None:
    """Given a refused handle and a dropped session, then the journal says so."""
    async with RehearsalServer(quick(session_logs=tmp_path, control=True)) as server:
        with pytest.raises(errors.APIError):
            await dial(server, session_resumption={"handle": "gone"}).__aenter__()
        async with RemoteControl.at(server.ws_url) as rehearsal, dial(server) as dialogue:
            await rehearsal.strike("garbage what=empty")
            await rehearsal.strike("drop code=1011")
            await dialogue.until_closed()
    refused, dropped = read(tmp_path)
    assert next(line["code"] for line in refused if line["kind"] == "refused") == 1008
    struck = [line["fault"] for line in dropped if line["kind"] == "struck"]
    assert struck == ["garbage at=setup_complete what=empty", "drop at=setup_complete"]
    assert dropped[-1] | {"at_ms": 0} == {"at_ms": 0, "kind": "closed", "code": 1011}


async def test_a_server_that_stops_reading_is_found_full(tmp_path: Path) -> None:
    """Given `stall`, when the client goes on sending, then nothing is received until it is over,
    and all of it then."""
    async with (
        RehearsalServer(quick(control=True)) as server,
        RemoteControl.at(server.ws_url) as rehearsal,
        dial(server) as dialogue,
    ):
        await rehearsal.strike("stall ms=2000")
        await dialogue.window(recording("answer_1"))
        await asyncio.sleep(0.1)
        assert server.sessions[-1].received.total_bytes == 0
        await dialogue.until_turns(1)
        assert server.sessions[-1].received.total_bytes == len(recording("answer_1"))


async def test_a_connection_without_an_answer_can_be_cut_at_the_dial() -> None:
    """Given `drop` at the dial, then the handshake breaks off without a word."""
    async with RehearsalServer(quick(control=True)) as server, RemoteControl.at(server.ws_url) as rehearsal:
        await rehearsal.faults("drop at=dial")
        with pytest.raises((EOFError, OSError, InvalidHandshake)):
            await dial(server).__aenter__()
