"""The read endpoints, through Litestar, on a real database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from litestar.openapi.config import OpenAPIConfig
from litestar.testing import AsyncTestClient

from adapters.postgres.store import PostgresStore, open_store
from api.routes.read_calls import ReadingController
from tests.projections.conftest import catch_up
from tests.projections.story import Story, interview

pytestmark = pytest.mark.simulated

Client = AsyncTestClient[Litestar]


@pytest.fixture
async def store(dsn: str) -> AsyncIterator[PostgresStore]:
    """The real store."""
    async with open_store(dsn) as opened:
        yield opened


@pytest.fixture
async def client(dsn: str) -> AsyncIterator[Client]:
    """An app with nothing but the read endpoints. It opens a pool of its own: the client runs it on
    its own loop."""

    @asynccontextmanager
    async def pooled(app: Litestar) -> AsyncIterator[None]:
        async with asyncpg.create_pool(dsn, min_size=1, max_size=2) as app.state.pool:
            yield

    def pool(state: State) -> Any:
        return state.pool

    app = Litestar(
        route_handlers=[ReadingController],
        dependencies={"pool": Provide(pool, sync_to_thread=False)},
        lifespan=[pooled],
        openapi_config=OpenAPIConfig(title="Viva", version="1"),
    )
    async with AsyncTestClient(app) as opened:
        yield opened


async def body(client: Client, path: str, status: int = 200) -> Any:
    """The JSON at `path`."""
    answer = await client.get(path)
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_calls_are_paged_newest_first(client: Client, store: PostgresStore) -> None:
    """Given seven calls, two of them opened at the same moment, pages of three show each once,
    newest first."""
    stories = [Story(opened_at=f"2026-11-22T09:0{minute}:00Z").opened() for minute in (0, 1, 2, 3, 3, 4, 5)]
    for story in stories:
        await story.record(store)
    await catch_up(store)
    seen, path, pages = [], "/calls?limit=3", 0
    while True:
        page = await body(client, path)
        seen += page["calls"]
        pages += 1
        if page["next_before"] is None:
            break
        path = f"/calls?limit=3&before={page['next_before']}"
    assert pages == 3
    assert {each["call_id"] for each in seen} == {str(story.call_id) for story in stories}
    assert len(seen) == len(stories)
    assert [each["opened_at"] for each in seen] == sorted((each["opened_at"] for each in seen), reverse=True)


async def test_a_page_that_is_just_full_is_the_last(client: Client, store: PostgresStore) -> None:
    """Given as many calls as the limit, there is nothing older to ask for."""
    await interview().record(store)
    await catch_up(store)
    assert (await body(client, "/calls?limit=1"))["next_before"] is None


async def test_one_call(client: Client, store: PostgresStore) -> None:
    """Given an interview, its call is given with ids, times and counts as JSON."""
    story = await interview().record(store)
    await catch_up(store)
    call = await body(client, f"/calls/{story.call_id}")
    assert call["call_id"] == str(story.call_id)
    assert (call["state"], call["turns"], call["duration_ms"]) == ("closed", 2, 10_500)
    assert call["opened_at"] in ("2026-11-22T09:00:00Z", "2026-11-22T09:00:00+00:00")
    assert call["tokens"] == {"prompt": {"AUDIO": 200, "TEXT": 40}, "response": {"AUDIO": 80}}


async def test_the_transcript(client: Client, store: PostgresStore) -> None:
    """Given an interview, its lines come in the order of the conversation."""
    story = await interview().record(store)
    await catch_up(store)
    found = await body(client, f"/calls/{story.call_id}/transcript")
    assert [line["said"] for line in found["lines"]] == [
        "Hello Grace, why?", "Because of the moth.", "I see. And", "Nothing.", "Goodbye."
    ]  # fmt: skip
    assert found["lines"][2]["interrupted"]


async def test_the_latencies(client: Client, store: PostgresStore) -> None:
    """Given an interview, its replies and barge-ins are given with their measures."""
    story = await interview().record(store)
    await catch_up(store)
    found = await body(client, f"/calls/{story.call_id}/latency")
    assert [reply["response_latency_ms"] for reply in found["replies"]] == [None, 1_260, 1_600]
    assert [(each["outcome"], each["held_time_ms"]) for each in found["barge_ins"]] == [
        ("dismissed", 360), ("confirmed", None)
    ]  # fmt: skip


async def test_an_unknown_call_is_a_typed_404(client: Client) -> None:
    """Given an id that no call has, every path says so, and what to do; a page before it is not the
    first page."""
    missing = uuid4()
    for path in (f"/{missing}", f"/{missing}/transcript", f"/{missing}/latency", f"?before={missing}"):
        error = await body(client, f"/calls{path}", 404)
        assert error["code"] == "call_not_found"
        assert str(missing) in error["message"]


async def test_a_bad_parameter_is_a_typed_400(client: Client) -> None:
    """Given a parameter that cannot be taken, the answer names it."""
    for query in ("limit=0", "limit=201", "limit=many", "before=yesterday"):
        error = await body(client, f"/calls?{query}", 400)
        assert error["code"] == "invalid_parameter"
        assert query.split("=", maxsplit=1)[0] in error["message"]


async def test_the_documentation_shows_fields_and_errors(client: Client) -> None:
    """Given the OpenAPI page, fields have descriptions and 404 has its body."""
    schema = await body(client, "/schema/openapi.json")
    fields = schema["components"]["schemas"]["BargeInView"]["properties"]
    assert "Onset to confirmation" in str(fields["yield_latency_ms"])
    responses = schema["paths"]["/calls/{call_id}"]["get"]["responses"]
    assert "ErrorBody" in str(responses["404"])
