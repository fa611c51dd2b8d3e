"""The ports of a live call, without a database, a network or a model."""

from typing import Any

from adapters.postgres.log.mapper import EventMapper
from adapters.voice.echo import LearningEchoGauge
from adapters.voice.factory import make_detector
from adapters.voice.resample import SoxrResampler
from api.live.call_ports import CallPorts
from tests.fakes.clock import ManualClock
from tests.fakes.model_link import FakeModelLink
from tests.fakes.store import InMemoryStore


def fake_ports(store: InMemoryStore, **others: Any) -> CallPorts:
    """Over the in-memory store; what listens is the product's own. Each may be replaced by
    `others`."""
    ports: dict[str, Any] = {
        "writer": store,
        "reader": store,
        "audio": store,
        "codec": EventMapper(),
        "clock": ManualClock(),
        "make_link": FakeModelLink,
        "make_detector": make_detector,
        "make_echo_gauge": LearningEchoGauge,
        "make_resampler": SoxrResampler,
    }
    return CallPorts(**(ports | others))
