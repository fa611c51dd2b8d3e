"""What the readiness says about the log and the lease, from stand-ins for both."""

from types import SimpleNamespace
from typing import Any

import pytest

from api.routes.health import log_problems


def problems(*, running: bool = True, behind_s: float = 0.0, healthy: bool = True) -> list[str]:
    """The sentences."""
    writer = SimpleNamespace(running=running, behind_s=behind_s, queued=120)
    leases = SimpleNamespace(healthy=healthy, unrenewed_s=6.2)
    services: Any = SimpleNamespace(store=SimpleNamespace(writer=writer), leases=leases)
    return list(log_problems(services))


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({}, []),
        ({"behind_s": 4.9}, []),
        ({"behind_s": 7.4}, ["The log is behind: 120 events wait, the oldest for 7 s."]),
        ({"running": False, "behind_s": 7.4}, ["Nothing is written any more: restart the server."]),
        (
            {"healthy": False},
            ["This process has not shown for 6 s that it lives: others will take its calls over."],
        ),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(state: dict[str, Any], said: list[str]) -> None:
    """A short wait is none of them."""
    assert problems(**state) == said
