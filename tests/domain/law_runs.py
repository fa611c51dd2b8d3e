"""Runs of a call through random inputs, and the policies under which its laws hold."""

from collections.abc import Iterator

from hypothesis import HealthCheck, settings

from domain import effects as fx
from domain import inputs as inp
from domain.event import Event
from domain.policy import EagerPolicy, EndpointPolicy, Policy
from domain.states import Link
from tests.domain.calls import Driver

POLICIES = [Policy(), Policy(endpoint=EndpointPolicy(turns="gemini")), Policy(eager=EagerPolicy(enabled=True))]
Run = list[tuple[list[inp.Input], int]]


def decisions(driver: Driver, run: Run) -> Iterator[tuple[tuple[Event, ...], tuple[fx.Effect, ...]]]:
    """Drive the call; a muted microphone sends nothing, and now and then the links that are missing
    come back."""
    for index, (inputs, after_us) in enumerate(run):
        for happened in inputs:
            if not (driver.call.record.muted and isinstance(happened, inp.CandidateFrame)):
                yield driver.happens(happened, after_us)
        if index % 3 == 2:
            yield from mended(driver)


def mended(driver: Driver) -> Iterator[tuple[tuple[Event, ...], tuple[fx.Effect, ...]]]:
    if Link.CLIENT in driver.call.record.missing:
        yield driver.happens(inp.ClientConnected(rate_hz=48_000, resumed=True))
    if Link.MODEL in driver.call.record.missing:
        yield driver.happens(inp.ModelConnected(model="first", resumed=False, setup_ms=90))


relaxed = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
