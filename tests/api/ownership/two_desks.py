"""Two servers on one database, and a call that goes from one to the other."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from api.client import OpenedCall
from domain.event import Event
from domain.ports import Side
from domain.recovery.replay import differences, fold_all
from tests.api.candidate import Candidate
from tests.fixtures.server import Desk, running_desk


@asynccontextmanager
async def two_desks(dsn: str, folder: Path) -> AsyncIterator[tuple[Desk, Desk]]:
    async with running_desk(dsn, folder) as first, running_desk(dsn, folder, beside=first) as second:
        yield first, second


def points_to(candidate: Candidate, desk: Desk) -> None:
    """From its next connection on, the client lands on this server."""
    candidate.client.opened = replace(candidate.client.opened, url=desk.socket_url)


async def settled_log(desk: Desk, opened: OpenedCall) -> list[Event]:
    """The call's log, once its last event is in it."""
    async with asyncio.timeout(10):
        while not fold_all(events := await desk.log(opened.call_id)).record.settled:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return events


async def explained(desk: Desk, opened: OpenedCall) -> list[Event]:
    """The log of a call that is over: it re-runs to the same decisions, over all its owners."""
    events = await settled_log(desk, opened)
    audio = [segment for side in Side for segment in await desk.audio(opened.call_id, side)]
    assert list(differences(events, audio)) == []
    assert [event.originator_version for event in events] == list(range(1, len(events) + 1))
    return events


async def ready_again(candidate: Candidate, count: int = 2) -> None:
    await candidate.until(lambda: len(candidate.of("ready")) >= count)
