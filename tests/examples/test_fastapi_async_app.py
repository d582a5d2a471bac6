"""`examples/fastapi_async_app.py` in one event loop, and served to clients that hang up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from sqlalchemy import make_url

from agentorm import AsyncDatabase, Database, repository
from agentorm.testing import rolled_back
from examples.fastapi_async_app import Note, app
from tests.examples.notes import SERVERS, found, notes, question, serving

pytestmark = pytest.mark.filterwarnings("ignore:mysql does not compute:agentorm.SlowPath")
Scenario = Callable[[httpx.AsyncClient], Awaitable[None]]


@pytest.fixture
def awaited_url(url: str) -> str:
    plain = make_url(url)
    return plain.set(drivername=plain.get_backend_name()).render_as_string(hide_password=False)


@pytest.fixture
def run(awaited_url: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[Scenario], None]:
    """Runs a scenario with a client of the app, started and ended as a server does."""
    monkeypatch.setenv("AGENTORM_URL", awaited_url)

    async def within(scenario: Scenario) -> None:
        async with app.router.lifespan_context(app), client() as api:
            await scenario(api)

    return lambda scenario: asyncio.run(within(scenario))


@asynccontextmanager
async def client() -> AsyncGenerator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://notes") as api:
        yield api


async def created(api: httpx.AsyncClient, **note: Any) -> int:
    """The status of the first answer that is no conflict: MariaDB's index knows deadlocks."""
    status = 503
    while status == 503:
        status = (await api.post("/notes", json=note)).status_code
    return status


def test_a_note_is_stored_read_and_deleted(run: Callable[[Scenario], None]) -> None:
    async def scenario(api: httpx.AsyncClient) -> None:
        made = await api.post("/notes", json=notes()["lighttpd"])
        assert (made.status_code, made.json()) == (201, {"id": 1, **notes()["lighttpd"]})
        assert (await api.get("/notes/1")).json() == made.json()
        assert (await api.delete("/notes/1")).status_code == 204
        for again in (await api.get("/notes/1"), await api.delete("/notes/1")):
            assert (again.status_code, again.json()) == (404, {"detail": "there is no note 1"})

    run(scenario)


def test_notes_are_found_by_meaning(run: Callable[[Scenario], None]) -> None:
    async def scenario(api: httpx.AsyncClient) -> None:
        for name in SERVERS:
            assert await created(api, **notes()[name]) == 201
        wanted = {"vector": question("web server with low memory use")}
        best = await api.post("/notes/search", json=wanted | {"limit": 2})
        assert found(best) == ["lighttpd", "webfs"]
        assert best.json()[0]["score"] == pytest.approx(0.72105, abs=1e-5)
        admin = await api.post("/notes/search", json=wanted | {"topic": "admin"})
        assert found(admin) == ["nohang"]
        good = await api.post("/notes/search", json=wanted | {"min_score": 0.5})
        assert found(good) == ["lighttpd", "webfs"]
        whole = wanted | {"limit": 1, "with_embeddings": True}
        hit = (await api.post("/notes/search", json=whole)).json()[0]
        assert hit["note"] == {"id": 1, **notes()["lighttpd"]}

    run(scenario)


def test_what_cannot_be_is_refused(run: Callable[[Scenario], None]) -> None:
    async def scenario(api: httpx.AsyncClient) -> None:
        note = notes()["afio"]
        short = await api.post("/notes", json=note | {"embedding": [1.0, 2.0]})
        assert short.status_code == 422
        assert "expected a vector of 384 dimensions, got 2" in short.text
        zero = await api.post("/notes/search", json={"vector": [0.0] * 384})
        assert zero.status_code == 422
        assert "a zero vector has no direction" in zero.text
        assert await created(api, **note) == 201
        again = await api.post("/notes", json=notes()["knights"] | {"title": "afio"})
        assert (again.status_code, again.json()) == (409, {"detail": "Conflict"})
        stored = (await api.get("/notes/1")).json()
        assert stored["body"] == "archive file manipulation program"

    run(scenario)


def test_twenty_requests_at_once(run: Callable[[Scenario], None]) -> None:
    async def scenario(api: httpx.AsyncClient) -> None:
        many = [created(api, **notes()["afio"] | {"title": f"afio {n}"}) for n in range(20)]
        assert await asyncio.gather(*many) == [201] * 20
        wanted = {"vector": notes()["afio"]["embedding"], "limit": 20, "min_score": 0.99}
        asked = [api.post("/notes/search", json=wanted) for _ in range(20)]
        titles = {f"afio {n}" for n in range(20)}
        assert [set(found(answer)) for answer in await asyncio.gather(*asked)] == [titles] * 20
        read = await asyncio.gather(*(api.get("/notes") for _ in range(20)))
        assert [answer.text.count("\n") for answer in read] == [20] * 20

    run(scenario)


def test_every_note_is_streamed_after_the_handler(run: Callable[[Scenario], None]) -> None:
    async def scenario(api: httpx.AsyncClient) -> None:
        assert (await api.get("/notes")).text == ""
        for name in SERVERS:
            assert await created(api, **notes()[name]) == 201
        answer = await api.get("/notes")
        assert answer.headers["content-type"] == "application/x-ndjson"
        lines = [json.loads(line) for line in answer.text.splitlines()]
        expected = [{"id": key, **notes()[name]} for key, name in enumerate(SERVERS, start=1)]
        assert [line | {"id": expected[n]["id"]} for n, line in enumerate(lines)] == expected
        assert [line["id"] for line in lines] == sorted(line["id"] for line in lines)

    run(scenario)


def test_what_an_app_commits_can_be_rolled_back(run: Callable[[Scenario], None]) -> None:
    async def scenario(api: httpx.AsyncClient) -> None:
        database: AsyncDatabase = app.state.db
        async with rolled_back(database) as app.state.db:
            assert (await api.post("/notes", json=notes()["afio"])).status_code == 201
            again = await api.post("/notes", json=notes()["afio"])
            assert (again.status_code, again.json()) == (409, {"detail": "Conflict"})
            wanted = {"vector": notes()["afio"]["embedding"]}
            assert found(await api.post("/notes/search", json=wanted)) == ["afio"]
            assert (await api.get("/notes")).text.count("\n") == 1
            assert await repository(Note, app.state.db).count() == 1
        assert await repository(Note, database).count() == 0

    run(scenario)


def test_clients_that_hang_up_leave_no_connection_in_use(url: str, awaited_url: str) -> None:
    """More of them than the pool has connections: fifteen."""
    with Database(url) as database:
        database.create_all(Note)
        given = notes()["afio"]
        many = [Note.model_validate(given | {"title": f"afio {n}"}) for n in range(600)]
        repository(Note, database).add_all(many)
    with serving(awaited_url, "fastapi_async_app") as api:
        for _ in range(20):
            with api.stream("GET", "/notes") as answer:
                assert next(answer.iter_lines()).startswith('{"id":')
        assert api.get("/notes").text.count("\n") == 600
        assert api.post("/notes", json=notes()["knights"]).status_code == 201
