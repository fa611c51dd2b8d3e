"""`viva demo`, as `make demo` runs it: the whole product without a browser, a microphone or a key."""

import json
import re
from pathlib import Path

import pytest

from tests.api.cli.process import viva

DEMO_S = 90

pytestmark = pytest.mark.timeout(2 * DEMO_S)


async def test_the_demo_shows_what_it_promises_and_can_be_replayed(server_folder: Path) -> None:
    """Given nothing at all: an interruption cuts, an "uh-huh" does not, and the core decides the
    same from the log."""
    code, out, errors = await viva(server_folder, "demo", timeout_s=DEMO_S)
    assert code == 0, out + errors
    assert errors == ""
    for line in ("hold", "release", "flush", "completed:"):
        assert line in out
    assert re.search(r"barge-ins, in ms", out, re.IGNORECASE)
    (call_id,) = re.findall(r"replay ([0-9a-f-]{36})$", out, re.MULTILINE)
    code, out, errors = await viva(server_folder, "replay", call_id, "--json")
    assert code == 0, errors
    report = json.loads(out)
    assert (report["state"], report["close_reason"], report["differences"]) == ("closed", "completed", [])
    topics = [event["topic"] for event in report["events"]]
    assert topics.count("call.reply_cut.v1") == 1
    assert topics.count("call.barge_in_dismissed.v1") == 1
    assert topics.count("call.history_corrected.v1") == 1
    assert topics.count("call.candidate_stopped.v1") == 4  # the question that was cut is asked again
