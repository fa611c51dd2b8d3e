"""Whether this process lives, and whether it can take calls."""

import asyncio

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency

from adapters.postgres.failures import UNAVAILABLE
from api.services import Services

_DATABASE_ANSWERS_S = 2


class Live(msgspec.Struct, frozen=True):
    status: str


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """`status` is ready or unready; what is wrong has a sentence in `problems`."""

    status: str
    calls: int
    rehearsing: bool
    problems: list[str]


@get("/health/live", summary="Is the process alive?", tags=["health"])
async def live() -> Live:
    """Answers as long as the event loop turns."""
    return Live("alive")


@get("/health/ready", summary="Can it take calls?", tags=["health"])
async def ready(services: NamedDependency[Services]) -> Response[Ready]:
    """503 while the database is away, a projection fails, or the server is stopping."""
    problems = []
    try:
        async with asyncio.timeout(_DATABASE_ANSWERS_S):
            await services.store.pool.fetchval("SELECT 1")
    except UNAVAILABLE as error:
        problems.append(f"The database does not answer: {type(error).__name__}.")
    if services.rehearsal is not None and services.rehearsal.returncode is not None:
        problems.append("The rehearsal interviewer has ended: restart the server.")
    if services.switchboard.draining:
        problems.append("The server is stopping.")
    problems += [
        f"Projection {runner.status.name} fails: {runner.status.last_error}"
        for runner in services.runners
        if runner.status.failures
    ]
    body = Ready(
        status="unready" if problems else "ready",
        calls=services.switchboard.count,
        rehearsing=services.rehearsing,
        problems=problems,
    )
    return Response(body, status_code=503 if problems else 200)
