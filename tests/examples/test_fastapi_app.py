"""`examples/fastapi_app.py` as its users run it: a server of its own, asked over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from sqlalchemy import make_url

from agentorm import Database
from tests.examples.notes import SERVERS, found, notes, question, serving

APP = "fastapi_app"


@pytest.fixture
def api(url: str) -> Iterator[httpx.Client]:
    with serving(url, APP) as client:
        yield client


def test_a_note_is_stored_read_and_deleted(api: httpx.Client) -> None:
    made = api.post("/notes", json=notes()["lighttpd"])
    assert made.status_code == 201
    assert made.json() == {"id": 1, **notes()["lighttpd"]}
    assert api.get("/notes/1").json() == made.json()
    assert api.delete("/notes/1").status_code == 204
    for again in (api.get("/notes/1"), api.delete("/notes/1")):
        assert again.status_code == 404
        assert again.json() == {"detail": "there is no note 1"}


def test_notes_are_found_by_meaning(api: httpx.Client) -> None:
    for name in SERVERS:
        assert api.post("/notes", json=notes()[name]).status_code == 201
    wanted = {"vector": question("web server with low memory use")}
    best = api.post("/notes/search", json=wanted | {"limit": 2})
    assert found(best) == ["lighttpd", "webfs"]
    assert best.json()[0]["score"] == pytest.approx(0.72105, abs=1e-5)
    assert best.json()[0]["distance"] == pytest.approx(0.27895, abs=1e-5)
    assert best.json()[0]["note"] == {
        "id": 1,
        "title": "lighttpd",
        "topic": "httpd",
        "body": "fast webserver with minimal memory footprint",
    }
    assert len(found(api.post("/notes/search", json=wanted))) == 5
    assert found(api.post("/notes/search", json=wanted | {"topic": "admin"})) == ["nohang"]
    assert found(api.post("/notes/search", json=wanted | {"topic": "'; --"})) == []
    good = api.post("/notes/search", json=wanted | {"min_score": 0.5})
    assert found(good) == ["lighttpd", "webfs"]
    whole = api.post("/notes/search", json=wanted | {"limit": 1, "with_embeddings": True})
    assert whole.json()[0]["note"] == {"id": 1, **notes()["lighttpd"]}


def test_notes_are_filtered_by_a_document(api: httpx.Client) -> None:
    for name in SERVERS:
        api.post("/notes", json=notes()[name])
    wanted = {"vector": question("web server with low memory use")}
    where = {"not": {"field": "topic", "op": "in", "value": ["httpd", "x"]}}
    assert "nohang" in found(api.post("/notes/search", json=wanted | {"where": where}))
    assert "lighttpd" not in found(api.post("/notes/search", json=wanted | {"where": where}))
    wrong = {"and": [where, {"field": "id", "op": "eq", "value": 1}]}
    refused = api.post("/notes/search", json=wanted | {"where": wrong})
    assert (refused.status_code, refused.json()) == (
        422,
        {
            "detail": "$.and[1].field: Note has no field 'id' to filter by; "
            "it has title, topic, body",
            "path": "$.and[1].field",
        },
    )
    assert api.get("/notes/filters").json()["title"] == "NoteFilter"


def test_what_cannot_be_a_note_is_a_422_and_nothing_is_stored(api: httpx.Client) -> None:
    note = notes()["lighttpd"]
    refused: list[tuple[dict[str, Any], str]] = [
        ({"embedding": [1.0, 2.0]}, "expected a vector of 384 dimensions, got 2"),
        ({"embedding": "near"}, "expected numbers, got str"),
        ({"embedding": None}, "embedding"),
        ({"embedding": [True] * 384}, "expected numbers, got bool as component 0"),
        ({"embedding": [1e39] * 384}, "component 0 is 1e+39, which is no finite float32"),
        ({"title": ""}, "String should have at least 1 character"),
        ({"title": "x" * 256}, "256 characters, at most 255 fit"),
        ({"title": "nul\0"}, "text holds NUL at 3"),
        ({"author": "me"}, "Extra inputs are not permitted"),
    ]
    for change, said in refused:
        answer = api.post("/notes", json=note | change)
        assert (answer.status_code, said in answer.text) == (422, True), answer.text
    nan = json.dumps(note | {"embedding": [float("nan")] * 384})
    answer = api.post("/notes", content=nan, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert "component 0 is nan, which is no finite float32" in answer.text
    assert found(api.post("/notes/search", json={"vector": note["embedding"]})) == []


def test_what_cannot_be_searched_is_a_422(api: httpx.Client) -> None:
    vector = question("encrypt a disk")
    for wanted, said in [
        ({"vector": [1.0, 2.0]}, "expected a vector of 384 dimensions, got 2"),
        ({"vector": [0.0] * 384}, "a zero vector has no direction"),
        ({"vector": vector, "min_score": 1.5}, "the score of cosine lies in [-1, 1], got 1.5"),
        ({"vector": vector, "limit": 0}, "greater than or equal to 1"),
        ({"limit": 1}, "Field required"),
    ]:
        answer = api.post("/notes/search", json=wanted)
        assert (answer.status_code, said in answer.text) == (422, True), answer.text
    assert api.get("/notes/9223372036854775808").status_code == 422


def test_a_title_that_is_taken_is_a_409_and_tells_nothing_of_the_database(
    api: httpx.Client,
) -> None:
    assert api.post("/notes", json=notes()["afio"]).status_code == 201
    again = api.post("/notes", json=notes()["knights"] | {"title": "afio"})
    assert (again.status_code, again.json()) == (409, {"detail": "Conflict"})
    assert api.get("/notes/1").json()["body"] == "archive file manipulation program"
    assert found(api.post("/notes/search", json={"vector": question("encrypt a disk")})) == ["afio"]


@pytest.mark.engines("sqlite", "postgresql", "mysql")
def test_many_clients_write_at_once(api: httpx.Client) -> None:
    def create(title: str) -> httpx.Response:
        return api.post("/notes", json=notes()["afio"] | {"title": title})

    with ThreadPoolExecutor(16) as clients:
        made = list(clients.map(create, map(str, range(100))))
    assert [answer.status_code for answer in made] == [201] * 100
    assert {answer.json()["id"] for answer in made} == set(range(1, 101))


@pytest.mark.engines("mariadb")
def test_many_clients_write_at_once_when_they_repeat_what_met_a_conflict(
    api: httpx.Client,
) -> None:
    """Transactions that change MariaDB's vector index at once can deadlock."""

    def create(title: str) -> set[int]:
        answers: set[int] = set()
        while 201 not in answers:
            note = notes()["afio"] | {"title": title}
            answers.add(api.post("/notes", json=note).status_code)
        return answers

    with ThreadPoolExecutor(16) as clients:
        answers = set[int]().union(*clients.map(create, map(str, range(100))))
    assert answers <= {201, 503}
    wanted = {"vector": notes()["afio"]["embedding"], "limit": 100}
    assert len(found(api.post("/notes/search", json=wanted))) == 100


@pytest.mark.engines("postgresql")
def test_a_conflict_of_transactions_is_a_503(url: str) -> None:
    import psycopg

    with (
        serving(f"{url}?options=-c%20lock_timeout%3D50ms", APP) as api,
        psycopg.connect(url) as other,
    ):
        other.execute("LOCK TABLE note")
        refused = api.post("/notes", json=notes()["afio"])
        assert (refused.status_code, refused.json()) == (503, {"detail": "Service Unavailable"})
        other.rollback()
        assert api.post("/notes", json=notes()["afio"]).status_code == 201


@pytest.mark.engines("mariadb", "mysql")
def test_a_lock_that_is_never_given_is_a_503(url: str) -> None:
    waits = "SET innodb_lock_wait_timeout=1, lock_wait_timeout=1"
    impatient = make_url(url).update_query_dict({"init_command": waits})
    with (
        serving(impatient.render_as_string(hide_password=False), APP) as api,
        Database(url) as db,
        db.engine.connect() as other,
    ):
        other.exec_driver_sql("LOCK TABLES note WRITE")
        refused = api.post("/notes", json=notes()["afio"])
        assert (refused.status_code, refused.json()) == (503, {"detail": "Service Unavailable"})
        other.exec_driver_sql("UNLOCK TABLES")
        assert api.post("/notes", json=notes()["afio"]).status_code == 201


def test_the_interface_describes_itself(api: httpx.Client) -> None:
    schemas = api.get("/openapi.json").json()["components"]["schemas"]
    assert schemas["NoteIn"]["properties"]["embedding"] == {
        "title": "Embedding",
        "type": "array",
        "items": {"type": "number"},
        "minItems": 384,
        "maxItems": 384,
    }
    assert schemas["NoteIn"]["required"] == ["title", "topic", "embedding"]
