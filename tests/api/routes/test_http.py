"""The HTTP API as a caller sees it: opening calls, health, the documentation, and the body of every
error."""

import asyncio
import json
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.fixtures.server import GOOD, Desk, running_desk

pytestmark = [pytest.mark.simulated, pytest.mark.asyncio(loop_scope="module")]


def changed(path: str, value: Any) -> str:
    """The good body with one field changed, as JSON."""
    body: dict[str, Any] = json.loads(json.dumps(GOOD))
    *groups, name = path.split(".")
    place = body
    for group in groups:
        place = place[group]
    place[name] = value
    return json.dumps(body)


BAD: dict[str, tuple[str | bytes, int, str]] = {
    "no JSON": ("{", 400, ""),
    "no text": (json.dumps(GOOD).replace("Ada", "\xff").encode("latin-1"), 400, "JSON"),
    "endless nesting": ("[" * 100_000, 400, "JSON"),
    "endless nesting in a field": (changed("agent", "[]").replace('"[]"', "[" * 9_000 + "]" * 9_000), 400, "JSON"),
    "nothing": ("", 400, ""),
    "no object": ("[]", 400, ""),
    "an unknown field": (changed("colour", "red"), 400, "colour"),
    "an unknown field of the candidate": (changed("candidate.age", 30), 400, "age"),
    "no name": (changed("candidate", {}), 400, "name"),
    "an empty name": (changed("candidate.name", ""), 400, "name"),
    "a blank name": (changed("candidate.name", " "), 400, "name"),
    "a long name": (changed("candidate.name", "n" * 201), 400, "name"),
    "no questions": (changed("context.questions", []), 400, "questions"),
    "too many questions": (changed("context.questions", ["Why?"] * 51), 400, "questions"),
    "a long question": (changed("context.questions", ["w" * 1_001]), 400, "questions"),
    "a blank question": (changed("context.questions", ["\n"]), 400, "questions"),
    "an empty question": (changed("context.questions", [""]), 400, "questions"),
    "questions that are no list": (changed("context.questions", "Why?"), 400, "questions"),
    "a strange language": (changed("context.language", "English"), 400, "language"),
    "no time": (changed("context.duration_minutes", 0), 400, "duration_minutes"),
    "too much time": (changed("context.duration_minutes", 181), 400, "duration_minutes"),
    "half a minute": (changed("context.duration_minutes", 0.5), 400, "duration_minutes"),
    "an agent that is nobody": (changed("agent", "nobody"), 404, "interviewer"),
    "too long a body": (changed("candidate.reference", "r" * 300_000), 413, ""),
}


@pytest.mark.parametrize("name", list(BAD))
async def test_a_body_that_does_not_fit(desk: Desk, name: str) -> None:
    """Given a wrong body, the answer has a code and a sentence that names the field; no call is
    opened."""
    content, status, named = BAD[name]
    before = desk.services.registry.count
    async with desk.http() as http:
        answer = await http.post("/calls", content=content, headers={"content-type": "application/json"})
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"code", "message"}
    assert named in answer.json()["message"]
    assert len(answer.json()["message"]) > 10
    assert desk.services.registry.count == before


async def test_opening_a_call(desk: Desk) -> None:
    """Given a good body, the answer has all that a client needs."""
    async with desk.http() as http:
        answer = await http.post("/calls", json=GOOD)
        assert answer.status_code == 201
        assert set(answer.json()) == {"call_id", "token", "token_expires_at", "url", "subprotocol"}
        assert (answer.json()["url"], answer.json()["subprotocol"]) == (desk.socket_url, "viva.v1")
        agents = (await http.get("/agents")).json()["agents"]
    assert "interviewer" in [agent["id"] for agent in agents]
    assert len(await desk.log(answer.json()["call_id"])) == 1


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/web/../wire/tokens.py", 404, "not_found"),
        ("GET", "/web/%2e%2e/wire/tokens.py", 404, "not_found"),
        ("DELETE", "/agents", 405, "method_not_allowed"),
        ("GET", "/calls/not-an-id", 404, "not_found"),
        ("GET", "/calls?limit=none", 400, "invalid_parameter"),
    ],
)
async def test_errors_have_one_body(desk: Desk, method: str, path: str, status: int, code: str) -> None:
    """Given a path or a method that is not served, the body is the same as that of every error."""
    async with desk.http() as http:
        answer = await http.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["message"]


async def test_the_documentation(desk: Desk) -> None:
    """Given the schema, every endpoint is in it, and the page that shows it is served."""
    async with desk.http() as http:
        schema = (await http.get("/schema/openapi.json")).json()
        page = await http.get("/schema")
    assert page.status_code == 200
    wanted = {"/calls", "/calls/{call_id}", "/calls/{call_id}/transcript", "/agents", "/health/live", "/health/ready"}
    assert wanted <= set(schema["paths"])
    assert {"201", "400", "404", "503"} <= set(schema["paths"]["/calls"]["post"]["responses"])


async def test_the_page(desk: Desk) -> None:
    """Given a browser, the page and its modules come with the policy that keeps strange scripts
    out."""
    async with desk.http() as http:
        page = await http.get("/")
        script = await http.get("/web/viva-client.js")
    assert "script" in page.text
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert "javascript" in script.headers["content-type"]


async def test_health(desk: Desk) -> None:
    """Given a server in order, it lives and is ready."""
    async with desk.http() as http:
        assert (await http.get("/health/live")).json() == {"status": "alive"}
        ready = await http.get("/health/ready")
    assert ready.status_code == 200
    body = ready.json()
    assert (body["status"], body["rehearsing"], body["problems"]) == ("ready", False, [])
    assert body["waiting_s"] < 5


async def test_a_database_that_is_away(desk: Desk, dsn: str, postgres_server: str, tmp_path: Path) -> None:
    """Given a database that takes no connections: not ready, no calls; and all is well once it is
    back."""
    name = str(psycopg.conninfo.conninfo_to_dict(dsn)["dbname"])
    async with running_desk(dsn, tmp_path) as other, other.http() as http:
        await asyncio.to_thread(_allow, postgres_server, name, False)
        ready = await http.get("/health/ready")
        assert ready.status_code == 503
        assert "database" in ready.json()["problems"][0]
        assert (await http.get("/health/live")).status_code == 200
        answer = await http.post("/calls", json=GOOD, timeout=10)
        assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
        assert answer.headers["retry-after"] == "2"
        await asyncio.to_thread(_allow, postgres_server, name, True)
        async with asyncio.timeout(20):
            while (await http.get("/health/ready")).status_code != 200:  # noqa: ASYNC110  (nothing announces it)
                await asyncio.sleep(0.1)
        assert (await http.post("/calls", json=GOOD, timeout=10)).status_code == 201


def _allow(server: str, name: str, allowed: bool) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        statement = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
        connection.execute(statement.format(sql.Identifier(name), sql.Literal(allowed)))
        if not allowed:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])


async def test_a_server_that_is_full(dsn: str, tmp_path: Path) -> None:
    """Given room for two calls and three who ask at once, one is refused, and may come when another
    has ended."""
    async with running_desk(dsn, tmp_path, max_calls=2) as other, other.http() as http:
        answers = await asyncio.gather(*(http.post("/calls", json=GOOD) for _ in range(3)))
        assert sorted(answer.status_code for answer in answers) == [201, 201, 503]
        refused = next(answer for answer in answers if answer.status_code == 503)
        assert (refused.json()["code"], refused.headers["retry-after"]) == ("server_full", "5")
        await other.services.registry.drain(0)
        again = await http.post("/calls", json=GOOD)
        assert (again.status_code, again.json()["code"], again.headers["retry-after"]) == (503, "server_full", "5")
        assert (await http.get("/health/ready")).status_code == 503
