"""`viva demo`: the whole product without a browser, a microphone or a key, in simulated time."""

import asyncio
import json
import re
from pathlib import Path

import pytest

from adapters.rehearsal.config import RehearsalConfig
from api.agents import SHIPPED
from api.cli.demo import show
from projections.catalogue import READ_MODELS
from tests.api.cli.process import viva_here
from tests.fixtures.server import RECORDINGS, running_desk

pytestmark = pytest.mark.simulated


async def test_the_demo_shows_what_it_promises_and_can_be_replayed(
    dsn: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Given nothing at all: an interruption cuts, an "uh-huh" does not, and the core decides the
    same from the log."""
    rehearsal = RehearsalConfig(recordings=(RECORDINGS,))
    async with running_desk(dsn, tmp_path, rehearsal=rehearsal, agents=SHIPPED, read_models=READ_MODELS) as desk:
        await show(desk.url, desk.services)
    out = capsys.readouterr().out
    for line in ("hold", "release", "flush", "completed:"):
        assert line in out
    assert re.search(r"barge-ins, in ms", out, re.IGNORECASE)
    (call_id,) = re.findall(r"replay ([0-9a-f-]{36})$", out, re.MULTILINE)
    code, out, errors = await asyncio.to_thread(viva_here, tmp_path, "replay", call_id, "--json", DATABASE_URL=dsn)
    assert code == 0, errors
    report = json.loads(out)
    assert (report["state"], report["close_reason"], report["differences"]) == ("closed", "completed", [])
    topics = [event["topic"] for event in report["events"]]
    assert topics.count("call.reply_cut.v1") == 1
    assert topics.count("call.barge_in_dismissed.v1") == 1
    assert topics.count("call.history_corrected.v1") == 1
    assert topics.count("call.candidate_stopped.v1") == 4  # the question that was cut is asked again
