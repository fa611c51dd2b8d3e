"""What the process tells Prometheus: it moves with what happens, and says nothing about anybody."""

import asyncio
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from adapters.telemetry.loop_lag import BOUNDS_S, Lateness, LoopLag
from api.live.counts import Counts
from domain import events as ev
from domain import inputs as inp
from domain.states import Link
from projections.catalogue import READ_MODELS
from projections.read_model import ReadModel
from tests.api.candidate import in_call, recording
from tests.api.connections.bare_socket import HELLO, bare
from tests.fixtures.outage import away
from tests.fixtures.server import GOOD, Desk, running_desk

pytestmark = pytest.mark.asyncio(loop_scope="module")

OPERATIONS = Path(__file__).parents[3] / "docs" / "operations.md"


@pytest.fixture(scope="module")
def read_models() -> Mapping[str, ReadModel]:
    return READ_MODELS


Samples = dict[tuple[str, str], float]


async def scrape(desk: Desk) -> Samples:
    """Every sample by its name and its label's value, "" without one."""
    async with desk.http() as http:
        answer = await http.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, "".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def grown(before: Samples, after: Samples) -> Callable[..., float]:
    return lambda name, label="": after.get((name, label), 0) - before.get((name, label), 0)


async def test_a_call_is_seen_in_the_numbers(desk: Desk) -> None:
    """Given a call that is opened, lost, resumed and hung up, with a drop of Gemini's, each shows
    in its counter."""
    before = await scrape(desk)
    desk.faults("drop at=turn_complete nth=1 after_ms=100")
    opened = await desk.open("Why?", name="Hieronymus")
    async with in_call(opened) as candidate:
        await candidate.asked(1)
        during = await scrape(desk)
        await candidate.client.drop()
        await candidate.until(lambda: len(candidate.of("ready")) == 2)
        await candidate.say(recording("answer_3", 1.0))
    await desk.settled(opened)
    after = await scrape(desk)
    by = grown(before, after)
    assert by("viva_calls_opened_total") == 1
    assert by("viva_calls_closed_total", "hangup_by_candidate") == 1
    assert (by("viva_client_connections_total", "first"), by("viva_client_connections_total", "resumed")) == (1, 1)
    assert by("viva_client_losses_total") == 1
    assert by("viva_model_dials_total") == 2
    assert by("viva_model_redials_total", "lost") == 1
    assert sum(value for (name, _), value in after.items() if name == "viva_model_losses_total") >= 1
    assert by("viva_log_events_total") >= 20
    assert by("viva_log_commits_total") >= 1
    assert after["viva_log_last_commit_seconds", ""] > 0
    assert by("viva_loop_lag_seconds_count") > 0
    open_then = sum(value for (name, _), value in during.items() if name == "viva_calls")
    assert open_then == sum(value for (name, _), value in before.items() if name == "viva_calls") + 1
    assert after["viva_calls_limit", ""] == 50


def documented() -> set[str]:
    """The metrics that the operations page has, `viva_log_{events,commits}_total` as two."""
    names: set[str] = set()
    for name in re.findall(r"`(viva_[^`]+)`", OPERATIONS.read_text()):
        found = re.fullmatch(r"(\w+)(?:\{([\w,]+)\}(\w*))?", name)
        assert found is not None, name
        before, choices, after = found.groups("")
        names |= {f"{before}{choice}{after}" for choice in choices.split(",")} if after else {before}
    return names


async def test_every_metric_is_documented(desk: Desk) -> None:
    """Given every metric, the operations page names each."""
    async with desk.http() as http:
        answer = await http.get("/metrics")
    names = re.findall(r"^# TYPE (viva_\w+)", answer.text, re.MULTILINE)
    assert "viva_build" in names
    assert set(names) <= documented()


async def test_every_projection_says_how_far_it_is_behind(desk: Desk) -> None:
    """Given projections that follow, each has its lag."""
    samples = await scrape(desk)
    for projection in ("calls", "transcript", "latency"):
        assert samples["viva_projection_lag_events", projection] >= 0
        assert samples["viva_projection_failures", projection] == 0


async def test_refusals_are_counted_by_code(desk: Desk) -> None:
    """Given requests and hellos that are refused, each counts under its code."""
    before = await scrape(desk)
    async with desk.http() as http:
        await http.post("/calls", json=GOOD | {"agent": "nobody"})
        await http.get("/nowhere")
        await http.get("/calls?limit=none")
    async with bare(desk) as socket:
        await socket.send(HELLO | {"token": "none"})
        await socket.ending()
    by = grown(before, await scrape(desk))
    for code in ("agent_unknown", "not_found", "invalid_parameter"):
        assert by("viva_http_refusals_total", code) == 1
    assert by("viva_hello_refusals_total", "token_invalid") == 1


async def test_nobody_is_named(desk: Desk) -> None:
    """Given a call under way, no label holds its id, its token, a name or a word that was said."""
    opened = await desk.open("Why do you like zeppelins?", name="Hieronymus")
    async with in_call(opened) as candidate:
        await candidate.asked(1)
        async with desk.http() as http:
            text = (await http.get("/metrics")).text
            scraped = await http.get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
    assert "openmetrics" in scraped.headers["content-type"]
    for said in (opened.call_id, opened.token, "Hieronymus", "zeppelin", "Engineer"):
        assert said not in text
        assert said not in scraped.text


async def test_without_the_database_the_other_metrics_are_given(dsn: str, postgres_server: str, tmp_path: Path) -> None:
    """Given a database that is away, the numbers come all the same, without the projections' lag."""
    async with running_desk(dsn, tmp_path, read_models=READ_MODELS) as other, away(postgres_server, dsn):
        samples = await scrape(other)
    assert ("viva_log_queue_events", "") in samples
    assert ("viva_projection_failures", "calls") in samples
    assert not any(name == "viva_projection_lag_events" for name, _ in samples)


def a(kind: type[Any], **fields: Any) -> Any:
    return kind(originator_id=None, originator_version=1, at_us=0, seq=0, **fields)


async def test_what_is_counted_of_events() -> None:
    """Given events of each kind that counts, they add up under their labels; others count
    nothing."""
    counts = Counts()
    counts.count(
        [
            a(ev.LinkLost, link=Link.CLIENT, reason="gone"),
            a(ev.LinkLost, link=Link.MODEL, reason="session_ending"),
            a(ev.LinkLost, link=Link.MODEL, reason="Gemini said: whatever"),
            a(inp.ModelLost, code=1011, reason="free text", retryable=True),
            a(inp.ModelLost, code=0, reason="uplink_full", retryable=True),
            a(inp.QueueOverflowed, queue="log", reason="free text"),
            a(inp.ClientViolatedProtocol, code="audio_gap", message="free text"),
            a(inp.AudioReadBack, from_sample=0, to_sample=9, samples=7, took_ms=1),
            a(inp.CallTakenOver, epoch=2, process="p", taken_over_at="now"),
            a(ev.CallHandedOver, reason="drain"),
            a(inp.ClientMessagesDropped, messages={"transcript": 3, "state": 1}),
            a(inp.RoundTripMeasured, round_trip_us=1),
        ]
    )
    assert counts.client_losses == 1
    assert counts.model_redials == {"session_ending": 1, "lost": 1}
    assert (counts.model_losses, counts.queue_overflows) == ({"1011": 1, "uplink_full": 1}, {"log": 1})
    assert counts.protocol_violations == {"audio_gap": 1}
    assert counts.read_back_samples == 7
    assert (counts.calls_taken_over, counts.calls_handed_over) == ({"handed_over": 1}, {"drain": 1})
    assert counts.client_messages_dropped == {"transcript": 3, "state": 1}
    assert counts.calls_opened == 0


async def test_the_lag_of_the_loop_is_what_a_sleeper_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given known delays, each falls below its bound; and a running loop is sampled."""
    lag = Lateness()
    for late_s in (0.0, 0.001, 0.0011, 0.03, 5.0):
        lag.note(late_s)
    assert lag.counts == [2, 1, 0, 0, 0, 1, 0, 0, 0, 0, 1]
    assert lag.sum_s == pytest.approx(5.0321)
    monkeypatch.setattr("adapters.telemetry.loop_lag._EVERY_S", 0.001)
    sampled = LoopLag()
    sampling = asyncio.create_task(sampled.run())
    async with asyncio.timeout(5):
        while sum(sampled.stall.counts) < 3:  # noqa: ASYNC110  (it samples on a clock)
            await asyncio.sleep(0.001)
    sampling.cancel()
    assert len(sampled.lag.counts) == len(BOUNDS_S) + 1
    assert sampled.stall.sum_s <= sampled.lag.sum_s
