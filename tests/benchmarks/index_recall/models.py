"""The tables of the benchmark: the same rows under each kind of index."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import registry

from agentorm import HNSW, Entity, Field, HalfVector, IVFFlat, Vector, vector_field

DIMENSION = 384
BUCKETS = 1000


class RecallBase(Entity, registry=registry()):
    """What the benchmark's tables derive from."""


class RecallText(RecallBase):
    """A text and its place among the buckets, which are evenly spread over 0 to 999."""

    id: int = Field(primary_key=True)
    bucket: int
    indexed_bucket: int = Field(index=True)
    title: str


class RecallPlain(RecallText, table=True):
    """Without a vector index: exact everywhere."""

    embedding: Vector = vector_field(DIMENSION)


class RecallGraph(RecallText, table=True):
    """With a graph of neighbours."""

    embedding: Vector = vector_field(DIMENSION, index=HNSW(m=16, ef_construction=64))


class RecallHalves(RecallText, table=True):
    """With a graph over float16."""

    embedding: HalfVector = vector_field(
        DIMENSION, kind="float16", index=HNSW(m=16, ef_construction=64)
    )


class RecallLists(RecallText, table=True):
    """With lists around centres."""

    embedding: Vector = vector_field(DIMENSION, index=IVFFlat(lists=100))


class RecallFilled(RecallBase, table=True):
    """What is known of a table that has been filled.

    - `rows`: how many were asked for;
    - `load_seconds`: to write them; `index_seconds`: to build the vector index afterwards, or None
      where it grew with the rows, or there is none;
    - `settings`: what the server was told for it.
    """

    name: str = Field(primary_key=True)
    rows: int
    load_seconds: float
    index_seconds: float | None = None
    settings: str = ""
    finished: datetime | None = None


TABLES = (RecallFilled, RecallPlain, RecallGraph, RecallHalves, RecallLists)
