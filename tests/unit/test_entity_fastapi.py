"""Entities as bodies and answers of FastAPI."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import StaticPool, create_engine
from sqlalchemy.orm import registry
from sqlmodel import Session, select

from agentorm.entity import Entity
from agentorm.fields import Field, json_field, vector_field
from agentorm.vectors import Vector


class Unit(Entity, registry=registry()):
    """What the table here derives from."""


class PageData(Unit):
    title: str = Field(max_length=5)
    stars: int = 0
    meta: dict[str, Any] = json_field()
    embedding: Vector = vector_field(3)


class Page(PageData, table=True):
    id: int | None = Field(default=None, primary_key=True)


class PagePublic(PageData):
    id: int


engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
app = FastAPI()


@app.post("/pages", response_model=PagePublic)
async def create(page: Page) -> Page:
    with Session(engine, expire_on_commit=False) as session:
        session.add(page)
        session.commit()
        return page


@app.get("/pages")
async def every() -> list[Page]:
    with Session(engine) as session:
        return list(session.exec(select(Page)).all())


def ask(method: str, path: str, body: str | None = None) -> httpx.Response:
    async def answer() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            headers = {"content-type": "application/json"}
            return await client.request(method, path, content=body, headers=headers)

    return asyncio.run(answer())


@pytest.fixture(autouse=True)
def empty() -> None:
    Unit.metadata.drop_all(engine)
    Unit.metadata.create_all(engine)


def test_a_body_becomes_a_row_and_an_answer() -> None:
    answer = ask("POST", "/pages", '{"title": "a", "meta": {"x": [1]}, "embedding": [1, 2, 3]}')
    row = {"id": 1, "title": "a", "stars": 0, "meta": {"x": [1]}, "embedding": [1.0, 2.0, 3.0]}
    assert (answer.status_code, answer.json()) == (200, row)
    assert ask("GET", "/pages").json() == [row]


BAD: dict[str, tuple[str, list[Any], str]] = {
    "constraint": (
        '{"title": "too long", "embedding": [1, 2, 3]}',
        ["body", "title"],
        "String should have at most 5 characters",
    ),
    "dimension": (
        '{"title": "a", "embedding": [1]}',
        ["body", "embedding"],
        "Value error, expected a vector of 3 dimensions, got 1",
    ),
    "not finite": (
        '{"title": "a", "embedding": [NaN, 2, 3]}',
        ["body", "embedding"],
        "Value error, component 0 is nan, which is no finite float32",
    ),
    "json not finite": (
        '{"title": "a", "embedding": [1, 2, 3], "meta": {"a": [1e999]}}',
        ["body", "meta"],
        'Value error, ["a"][0]: Infinity is not finite',
    ),
    "64 bits": (
        '{"title": "a", "embedding": [1, 2, 3], "stars": 99999999999999999999}',
        ["body", "stars"],
        "Value error, 99999999999999999999 does not fit into 64 bits",
    ),
    "nul": (
        '{"title": "\\u0000", "embedding": [1, 2, 3]}',
        ["body", "title"],
        "Value error, text holds NUL at 0, which engines refuse",
    ),
    "surrogate": (
        '{"title": "\\ud800", "embedding": [1, 2, 3]}',
        ["body", "title"],
        "Input should be a valid string, unable to parse raw data as a unicode string",
    ),
    "missing": ('{"title": "a"}', ["body", "embedding"], "Field required"),
    "unknown": (
        '{"title": "a", "embedding": [1, 2, 3], "titel": "b"}',
        ["body", "titel"],
        "Extra inputs are not permitted",
    ),
}


@pytest.mark.parametrize(("body", "place", "message"), BAD.values(), ids=BAD)
def test_a_bad_value_is_answered_with_422(body: str, place: list[Any], message: str) -> None:
    answer = ask("POST", "/pages", body)
    assert answer.status_code == 422
    (detail,) = answer.json()["detail"]
    assert (detail["loc"], detail["msg"]) == (place, message)
    assert ask("GET", "/pages").json() == []


def test_the_schema_describes_the_vector() -> None:
    schemas = ask("GET", "/openapi.json").json()["components"]["schemas"]
    assert schemas["Page"]["properties"]["embedding"] == {
        "type": "array",
        "items": {"type": "number"},
        "minItems": 3,
        "maxItems": 3,
        "title": "Embedding",
    }
    assert schemas["Page"]["required"] == ["title", "embedding"]
