"""Notes that are found by meaning, over HTTP.

``AGENTORM_URL=sqlite:///notes.db uvicorn examples.fastapi_app:app``, then see ``/docs``.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlmodel import Session

from agentorm import (
    HNSW,
    AgentORMError,
    ConnectionFailed,
    ConstraintViolation,
    Database,
    DatabaseError,
    Entity,
    Field,
    InvalidFilter,
    InvalidQuery,
    InvalidValue,
    NoResult,
    TransactionConflict,
    UnsupportedFeature,
    Vector,
    filter_schema,
    parse_filter,
    repository,
    vector_field,
)

DIMENSION = 384
FILTERED = ("title", "topic", "body")
"""The fields that a client may filter by."""

STATUS: dict[type[AgentORMError], int] = {
    InvalidValue: 422,
    InvalidQuery: 422,
    NoResult: 404,
    ConstraintViolation: 409,
    UnsupportedFeature: 501,
    ConnectionFailed: 503,
    TransactionConflict: 503,
}


class NoteIn(Entity):
    """What a client sends: the fields of a note, without a table."""

    title: str = Field(unique=True, min_length=1)
    topic: str = Field(index=True)
    body: str = ""
    embedding: Vector = vector_field(DIMENSION, metric="cosine", index=HNSW())


class Note(NoteIn, table=True):
    """What is stored: the same fields and a key."""

    id: int | None = Field(default=None, primary_key=True)


class NoteOut(BaseModel):
    """What a client gets."""

    id: int
    title: str
    topic: str
    body: str
    embedding: Vector | None = None


class Search(Entity):
    """Which notes are wanted: the nearest to this vector."""

    vector: Vector = vector_field(DIMENSION)
    topic: str | None = None
    limit: int = Field(default=10, ge=1, le=100)
    min_score: float | None = None
    where: dict[str, Any] | None = None
    with_embeddings: bool = False


class HitOut(BaseModel):
    """A note and how near it is."""

    score: float
    distance: float
    note: NoteOut


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
    """One database, with its pool of connections, for as long as the app runs."""
    with Database.from_env() as db:
        db.create_all(Note)
        app.state.db = db
        yield


def reading(request: Request) -> Iterator[Session]:
    """A session for the reads of one request."""
    with request.app.state.db.session() as session:
        yield session


def writing(request: Request) -> Iterator[Session]:
    """A transaction for one request: committed when it succeeds, undone when it raises."""
    with request.app.state.db.transaction() as session:
        yield session


Reading = Annotated[Session, Depends(reading)]
Writing = Annotated[Session, Depends(writing, scope="function")]
"""Committed before the answer is sent, so none tells of a note that could not be stored."""

app = FastAPI(title="Notes", lifespan=lifespan)


@app.exception_handler(AgentORMError)
def refused(request: Request, error: AgentORMError) -> JSONResponse:
    """The status of this kind of error; one that is not listed stays a 500, and is logged."""
    status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), None)
    if status is None:
        raise error
    is_internal = isinstance(error, DatabaseError)
    return JSONResponse(
        {"detail": HTTPStatus(status).phrase if is_internal else str(error)}, status
    )


@app.exception_handler(InvalidFilter)
def misfiltered(request: Request, error: InvalidFilter) -> JSONResponse:
    """What is wrong in a filter, and where in its document."""
    return JSONResponse({"detail": str(error), "path": error.path}, 422)


@app.exception_handler(RequestValidationError)
def malformed(request: Request, error: RequestValidationError) -> JSONResponse:
    """What is wrong and where, without the input: it may hold NaN, which JSON cannot say."""
    problems = [{"loc": problem["loc"], "msg": problem["msg"]} for problem in error.errors()]
    return JSONResponse({"detail": problems}, 422)


@app.post("/notes", status_code=201)
def create(given: NoteIn, session: Writing) -> NoteOut:
    """Store a note."""
    note = repository(Note, session).add(Note(**given.model_dump()))
    return published(note)


@app.get("/notes/filters")
def filters() -> dict[str, Any]:
    """The JSON Schema of what a search takes as `where`."""
    return filter_schema(Note, fields=FILTERED)


@app.get("/notes/{key}")
def read(key: int, session: Reading) -> NoteOut:
    """The note with this key."""
    return published(existing(key, session))


@app.delete("/notes/{key}", status_code=204)
def delete(key: int, session: Writing) -> None:
    """Remove the note with this key."""
    repository(Note, session).delete(existing(key, session))


@app.post("/notes/search", response_model_exclude_none=True)
def search(wanted: Search, session: Reading) -> list[HitOut]:
    """The nearest notes, nearest first."""
    query = repository(Note, session).similar_to(wanted.vector).limit(wanted.limit)
    if wanted.topic is not None:
        query = query.where(Note.topic == wanted.topic)
    if wanted.where is not None:
        query = query.where(parse_filter(Note, wanted.where, fields=FILTERED))
    if wanted.min_score is not None:
        query = query.min_score(wanted.min_score)
    return [
        HitOut(
            score=hit.score,
            distance=hit.distance,
            note=published(hit.entity, with_embedding=wanted.with_embeddings),
        )
        for hit in query.hits()
    ]


def existing(key: int, session: Session) -> Note:
    """The note with this key, or a 404."""
    note = repository(Note, session).get(key)
    if note is None:
        raise HTTPException(404, f"there is no note {key}")
    return note


def published(note: Note, *, with_embedding: bool = True) -> NoteOut:
    """A note as a client gets it."""
    left_out = None if with_embedding else {"embedding"}
    return NoteOut.model_validate(note.model_dump(exclude=left_out))
