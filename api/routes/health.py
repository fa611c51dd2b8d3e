"""Whether this process lives, and whether it can take calls."""

from collections.abc import Iterator
from typing import Annotated

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from msgspec import Meta

from adapters.postgres.views import Views
from api.services import Services
from domain.errors import StoreUnavailableError

_DATABASE_ANSWERS_S = 1.0
_BEHIND_S = 5
"""The log is written many times a second: a wait of so long is an outage."""


class Live(msgspec.Struct, frozen=True):
    status: str


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """`status` is ready or unready; what is wrong has a sentence in `problems`."""

    status: str
    calls: int
    rehearsing: bool
    problems: list[str]
    events_waiting: Annotated[int, Meta(description="Events that are not in the log yet.")]
    waiting_s: Annotated[float, Meta(description="For how long the oldest of them has been waiting.")]


@get("/health/live", summary="Is the process alive?", tags=["health"])
async def live() -> Live:
    """Answers as long as the event loop turns."""
    return Live("alive")


@get("/health/ready", summary="Can it take calls?", tags=["health"])
async def ready(services: NamedDependency[Services]) -> Response[Ready]:
    """503 while the database is away or the log behind, a projection fails, or the server is
    stopping."""
    writer = services.store.writer
    problems = [*await _database_problems(services), *log_problems(services)]
    if services.rehearsal is not None and services.rehearsal.returncode is not None:
        problems.append("The rehearsal interviewer has ended: restart the server.")
    if services.registry.draining:
        problems.append("The server is stopping.")
    problems += [
        f"Projection {runner.status.name} fails: {runner.status.last_error}"
        for runner in services.runners
        if runner.status.failures
    ]
    body = Ready(
        status="unready" if problems else "ready",
        calls=services.registry.count,
        rehearsing=services.rehearsing,
        problems=problems,
        events_waiting=writer.queued,
        waiting_s=round(writer.behind_s, 3),
    )
    return Response(body, status_code=503 if problems else 200)


async def _database_problems(services: Services) -> list[str]:
    try:
        await Views(services.store.pool, _DATABASE_ANSWERS_S).fetch("SELECT 1")
    except StoreUnavailableError as error:
        return [f"The database does not answer: {type(error.__cause__).__name__}."]
    return []


def log_problems(services: Services) -> Iterator[str]:
    writer, leases = services.store.writer, services.leases
    if not writer.running:
        yield "Nothing is written any more: restart the server."
    elif writer.behind_s > _BEHIND_S:
        yield f"The log is behind: {writer.queued} events wait, the oldest for {writer.behind_s:.0f} s."
    if not leases.healthy:
        yield (
            f"This process has not shown for {leases.unrenewed_s:.0f} s that it lives: others will take its calls over."
        )
