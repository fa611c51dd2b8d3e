"""The garbage collector leaves a running server alone."""

import gc

from tests.fixtures.server import Desk


async def test_a_running_server_is_out_of_the_collectors_way(server: Desk) -> None:
    """Given a server that takes calls, what it was started with is not walked through again."""
    assert server.services is not None
    assert gc.get_freeze_count() > 50_000
