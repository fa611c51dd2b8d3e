"""Turn-taking handed to Gemini by policy, and each local detector used alone by configuration."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from domain.events import BargeInConfirmed, CandidateStopped, DetectorReset
from tests.api.candidate import in_call, recording
from tests.fixtures.server import Desk, agents_file, running_desk

pytestmark = [pytest.mark.simulated, pytest.mark.asyncio(loop_scope="module")]

LONG = "Could you please tell me, in as much detail as you like, about the very first project that you worked on?"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(module_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    folder: Path = tmp_path_factory.mktemp("detection")
    agents = agents_file(
        folder,
        gemini={"endpoint": {"turns": "gemini", "silence_ms": 500}},
        silero={"voice": {"detector": "silero"}},
        webrtc={"voice": {"detector": "webrtc"}},
    )
    async with running_desk(module_dsn, folder, agents=agents) as desk:
        yield desk


async def test_where_gemini_decides_an_answer_is_answered_and_an_interruption_cuts(desk: Desk) -> None:
    """No activity signals: the candidate's audio streams, and Gemini's own detection takes and
    gives the floor."""
    opened = await desk.open(LONG, "How?", agent="gemini")
    async with in_call(opened) as candidate:
        await candidate.hears(ms=800)
        await candidate.say(recording("interruption"))
        await candidate.hears(generation=2)
        assert candidate.of("flush")
        assert not candidate.of("hold")
    events = await desk.log((await desk.settled(opened)).call.id)
    assert [event.reason for event in events if isinstance(event, BargeInConfirmed)][:1] == ["model"]


@pytest.mark.parametrize("agent", ["silero", "webrtc"])
async def test_each_detector_works_alone(desk: Desk, agent: str) -> None:
    """One detector without the other still finds an answer's start and end."""
    opened = await desk.open("Why?", "How?", agent=agent)
    async with in_call(opened) as candidate:
        await candidate.asked(1)
        await candidate.say(recording("answer_3", 3.0))
        await candidate.hears(generation=2)
    events = await desk.log((await desk.settled(opened)).call.id)
    assert any(isinstance(event, CandidateStopped) for event in events)
    assert any(isinstance(event, DetectorReset) for event in events) is (agent == "silero")
