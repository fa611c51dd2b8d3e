"""A server that is killed in mid-answer and started again: the call goes on, and nothing that was
said is lost."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from adapters.postgres.store import open_store
from adapters.rehearsal.server import RehearsalServer
from api.client import VivaClient, open_call
from api.database import open_database
from api.settings import Settings
from domain import events as ev
from domain import inputs as inp
from domain.event import Event
from domain.ports import Side
from domain.recovery.replay import differences, fold_all
from tests.api.candidate import Candidate, recording
from tests.api.cli.process import serving
from tests.fixtures.server import SECRET, quick_rehearsal

pytestmark = pytest.mark.timeout(150)

CALL: dict[str, Any] = {
    "agent": "interviewer",
    "candidate": {"name": "Ada"},
    "context": {"role": "R", "questions": ["Why?", "How?"]},
}


async def test_an_answer_survives_the_server_it_was_given_to(server_folder: Path) -> None:
    """Given SIGKILL while the candidate speaks on, the restarted server has every sample once, and
    so has Gemini."""
    spoken = recording("answer_3", 4.0)
    async with RehearsalServer(quick_rehearsal()) as interviewer:
        gemini: dict[str, Any] = {"GEMINI_BASE_URL": interviewer.wss_url, "GEMINI_CA_FILE": str(interviewer.ca_file)}
        settings = gemini | {"GEMINI_API_KEY": "any", "VIVA_SECRET": SECRET}
        async with serving(server_folder, **settings) as first:
            opened = await open_call(first.url, **CALL)
            client = VivaClient(opened)
            await client.__aenter__()
            candidate = Candidate(client)
            following = asyncio.create_task(candidate.follow())
            await candidate.asked(1)
            client.microphone.say(spoken)
            await candidate.state("candidate_speaking")
            await asyncio.sleep(1.2)
            first.process.kill()
            await first.process.wait()
        async with serving(server_folder, port=int(first.url.rsplit(":", 1)[1]), **settings):
            await candidate.until(lambda: len(candidate.of("ready")) == 2)
            assert candidate.of("ready")[1]["resumed"]
            await candidate.hears(generation=2)
            client.hangup()
            await client.ended()
            await client.__aexit__(None, None, None)
            await following
        window = interviewer.sessions[-1].windows[-1].pcm
    assert client.closed is not None
    assert (client.closed["reason"], client.closed["durable"]) == ("hangup_by_candidate", True)
    assert client.microphone.unacknowledged == 0
    events, pcm = await _log(server_folder, opened.call_id)
    assert sum(isinstance(event, inp.CallTakenOver) for event in events) == 1
    assert isinstance(events[-1], ev.CallSettled)
    assert pcm.count(spoken[6_400:]) == 1
    assert spoken[6_400:-6_400] in window


async def _log(data_dir: Path, call_id: str) -> tuple[list[Event], bytes]:
    """The call's events, which re-run to the same decisions, and the candidate's voice in it."""
    async with open_database(Settings(data_dir=data_dir)) as dsn, open_store(dsn) as store:
        events = [store.mapper.to_event(event) for event in await store.reader.select_events(UUID(call_id))]
        audio = {side: await store.audio.select_audio(UUID(call_id), side) for side in Side}
    assert list(differences(events, [segment for side in Side for segment in audio[side]])) == []
    assert fold_all(events).record.settled
    return events, b"".join(segment.pcm for segment in audio[Side.CANDIDATE])
