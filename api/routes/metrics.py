"""`GET /metrics`: what this process counts and measures, for Prometheus. Nothing in it says who
said what.

Everything is read when it is asked for; the calls themselves only add to plain numbers
(`adapters.telemetry`).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from typing import Any, NamedTuple

from litestar import Request, Response, get
from litestar.di import NamedDependency
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from adapters.postgres.views import Views
from adapters.telemetry.loop_lag import BOUNDS_S, Lateness
from adapters.voice.turn_detector import SmartTurnDetector
from api.connections.admission import AdmissionGate
from api.live.counts import Counts
from api.services import Services
from domain.errors import StoreUnavailableError
from domain.states import State

_PROJECTIONS = "SELECT name, lag_notifications, lag_seconds FROM viva_projections"
_DATABASE_ANSWERS_S = 1.0


class Lagging(NamedTuple):
    """How far a projection is behind the log."""

    name: str
    notifications: int
    seconds: float


@get("/metrics", include_in_schema=False)
async def metrics(request: Request[Any, Any, Any], services: NamedDependency[Services]) -> Response[bytes]:
    """In the text format of Prometheus, or OpenMetrics where that is asked for."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(_Snapshot(services, await _lagging(services)))
    encode, content_type = choose_encoder(request.headers.get("accept", ""))
    return Response(encode(registry), media_type=content_type)


async def _lagging(services: Services) -> list[Lagging]:
    """Empty while the database is away; the other metrics do not need it."""
    try:
        rows = await Views(services.store.pool, _DATABASE_ANSWERS_S).fetch(_PROJECTIONS)
    except StoreUnavailableError:
        return []
    return [Lagging(row["name"], int(row["lag_notifications"]), float(row["lag_seconds"])) for row in rows]


class _Snapshot(Collector):
    """The metrics at one moment."""

    def __init__(self, services: Services, lagging: list[Lagging]) -> None:
        self._services = services
        self._lagging = lagging

    def collect(self) -> Iterable[Metric]:
        services = self._services
        yield _gauge("viva_build", "Always 1; the version that runs.", {version("viva"): 1}, "version")
        yield from _calls(services)
        yield from _counted(services.counts)
        yield from _connections(services.gate)
        yield from _towards_gemini(services)
        yield from _log(services)
        yield from _turn_detection(services.turn_detector)
        lag = services.loop_lag
        yield _late("viva_loop_lag_seconds", "How much later than it should the event loop came to a task.", lag.lag)
        yield _late("viva_loop_stall_seconds", "The same, without what the machine withheld of a core.", lag.stall)
        yield from _projections(services, self._lagging)


def _calls(services: Services) -> Iterator[Metric]:
    registry = services.registry
    states = Counter({state.value: 0 for state in State})
    states.update(live.call.state.value for live in registry.calls)
    yield _gauge("viva_calls", "Calls that have not settled, by state.", states, "state")
    waiting = [live.client_link.waiting for live in registry.calls]
    yield _gauge("viva_send_queue_messages", "Messages waiting to go to clients, all calls.", sum(waiting))
    yield _gauge("viva_send_queue_longest", "The most that wait for one client.", max(waiting, default=0))
    yield _gauge("viva_calls_limit", "The most calls that this process holds.", services.settings.max_calls)
    yield _gauge("viva_draining", "1 while the process stops and takes no more calls.", int(registry.draining))


def _counted(counts: Counts) -> Iterator[Metric]:
    yield _counter("viva_calls_opened", "Calls opened in this process.", counts.calls_opened)
    yield _counter("viva_calls_closed", "Calls closed, by reason.", counts.calls_closed, "reason")
    yield _counter(
        "viva_calls_taken_over",
        "Calls taken over: handed over by their owner, or lost by it.",
        counts.calls_taken_over,
        "how",
    )
    yield _counter("viva_takeovers_failed", "Takeovers that failed by a fault of ours.", counts.takeovers_failed)
    yield _counter("viva_calls_handed_over", "Calls handed over in good order.", counts.calls_handed_over, "reason")
    yield _counter(
        "viva_client_connections", "Hellos taken, first ones and resumes.", counts.client_connections, "kind"
    )
    yield _counter("viva_client_losses", "Connections lost without a hangup.", counts.client_losses)
    yield _counter(
        "viva_client_violations", "Calls ended by their client's mistake.", counts.protocol_violations, "code"
    )
    yield _counter("viva_model_dials", "Gemini sessions dialled.", counts.model_dials)
    yield _counter("viva_model_connections", "Gemini sessions set up.", counts.model_connections, "kind")
    yield _counter(
        "viva_model_losses", "Gemini sessions lost and dials failed, by close code.", counts.model_losses, "code"
    )
    yield _counter("viva_model_redials", "Gemini sessions left for another one, and why.", counts.model_redials, "why")
    yield _counter("viva_queue_overflows", "Calls ended by a full queue.", counts.queue_overflows, "queue")
    yield _counter(
        "viva_client_messages_dropped",
        "Messages dropped for a slow client, by type.",
        counts.client_messages_dropped,
        "type",
    )
    yield _counter(
        "viva_receive_queue_full", "Connections left unread for a while: too much waited.", counts.receive_queue_full
    )
    yield _counter("viva_read_back_samples", "Candidate audio read back from the log.", counts.read_back_samples)
    yield _counter("viva_http_refusals", "Requests answered with an error, by code.", counts.http_refusals, "code")
    yield _counter("viva_hello_refusals", "Connections refused before ready, by code.", counts.hello_refusals, "code")


def _connections(gate: AdmissionGate) -> Iterator[Metric]:
    waiting = {"http": 0, "websocket": 0} | gate.waiting
    yield _gauge("viva_connections_waiting", "Connections that are not a call's.", waiting, "kind")
    yield _counter("viva_connections_evicted", "Of these, closed because there were too many.", gate.evicted, "kind")
    yield _counter("viva_connections_timed_out", "Of these, closed because they took too long.", gate.timed_out, "kind")


def _towards_gemini(services: Services) -> Iterator[Metric]:
    links = [live.model.link for live in services.registry.calls]
    longest_ms = max((link.measured().longest_wait_ms for link in links), default=0)
    yield _gauge(
        "viva_uplink_waiting", "Messages waiting to go to Gemini, all calls.", sum(link.waiting for link in links)
    )
    yield _gauge(
        "viva_uplink_longest_wait_seconds", "The longest any audio of the calls open now waited.", longest_ms / 1000
    )


def _log(services: Services) -> Iterator[Metric]:
    writer = services.store.writer
    stats = writer.stats
    yield _gauge("viva_log_queue_events", "Events waiting to be written.", writer.queued)
    yield _gauge("viva_log_queue_bytes", "Their size, with their audio.", writer.queued_bytes)
    yield _gauge("viva_log_behind_seconds", "How long the oldest of them has been waiting.", writer.behind_s)
    yield _gauge(
        "viva_lease_unrenewed_seconds", "Since this process last showed that it lives.", services.leases.unrenewed_s
    )
    yield _gauge("viva_log_last_commit_seconds", "How long the newest commit took.", stats.last_commit_ms / 1000)
    yield _counter("viva_log_events", "Events written.", stats.committed)
    yield _counter("viva_log_commits", "Transactions committed.", stats.batches)
    yield _counter("viva_log_retries", "Transactions that failed and were tried again.", stats.retries)
    yield _counter("viva_log_conflicts", "Appends kept out by another owner's.", stats.conflicts)
    yield _counter("viva_log_refused", "Appends not taken at once, as the queue was full.", stats.refused)
    yield _counter("viva_log_lost", "Appends not known to be written.", stats.lost)


def _turn_detection(turn_detector: SmartTurnDetector | None) -> Iterator[Metric]:
    if turn_detector is not None:
        yield _counter("viva_turn_detector_asked", "Pauses given to the turn detector.", turn_detector.asked)
        yield _counter("viva_turn_detector_refused", "Pauses not predicted: its queue was full.", turn_detector.refused)
        yield _counter("viva_turn_detector_failed", "Pauses that the turn detector failed at.", turn_detector.failed)


def _late(name: str, text: str, lateness: Lateness) -> Metric:
    total, buckets = 0, []
    for bound, count in zip((*map(str, BOUNDS_S), "+Inf"), lateness.counts, strict=True):
        total += count
        buckets.append((bound, total))
    return HistogramMetricFamily(name, text, buckets, lateness.sum_s)


def _projections(services: Services, lagging: list[Lagging]) -> Iterator[Metric]:
    failures = {runner.status.name: runner.status.failures for runner in services.runners}
    yield _gauge("viva_projection_failures", "Failures since a batch last worked.", failures, "projection")
    events = {each.name: each.notifications for each in lagging}
    yield _gauge("viva_projection_lag_events", "Events not projected yet, at most.", events, "projection")
    seconds = {each.name: each.seconds for each in lagging}
    yield _gauge("viva_projection_lag_seconds", "Age of the oldest of them.", seconds, "projection")


def _gauge(name: str, text: str, value: float | Mapping[str, float], label: str = "") -> Metric:
    return _filled(GaugeMetricFamily(name, text, labels=[label] if label else []), value)


def _counter(name: str, text: str, value: int | Mapping[str, int], label: str = "") -> Metric:
    return _filled(CounterMetricFamily(name, text, labels=[label] if label else []), value)


def _filled(family: GaugeMetricFamily | CounterMetricFamily, value: float | Mapping[str, float]) -> Metric:
    if isinstance(value, Mapping):
        for label, part in value.items():
            family.add_metric([label], part)
    else:
        family.add_metric([], value)
    return family
