"""One table of documents in the shapes that migrations lead it through."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import CheckConstraint, Column, Connection, ForeignKey, Index, MetaData, Table, text

from agentorm import IntegerType, JSONType, Metric, StringType, VectorIndex, VectorType
from agentorm.indexes import vector_index

TITLES = [(1, "one", 10, {"a": [1]}), (2, "two", None, None)]


def shaped(
    dimension: int | None = None,
    *,
    nullable: bool = False,
    index: VectorIndex | None = None,
    metric: str = "cosine",
    title: int = 50,
    extra: Sequence[Column[Any]] = (),
) -> MetaData:
    """The metadata of the table, with a vector of so many dimensions if any."""
    metadata = MetaData()
    Table("m_place", metadata, Column("id", IntegerType(), primary_key=True, autoincrement=False))
    docs = Table(
        "m_doc",
        metadata,
        Column("id", IntegerType(), primary_key=True),
        Column("title", StringType(title), nullable=False),
        Column("place_id", IntegerType(), ForeignKey("m_place.id", name="fk_m_doc_place")),
        Column("meta", JSONType()),
        CheckConstraint("title <> 'bad'", name="ck_m_doc_title"),
        Index("ix_m_doc_title", "title"),
        *extra,
    )
    if dimension is not None:
        column: Column[Any] = Column("embedding", VectorType(dimension), nullable=nullable)
        docs.append_column(column)
        if index is not None:
            vector_index(column, index, Metric(metric))
    return metadata


def fill(connection: Connection, metadata: MetaData) -> None:
    """Two documents, with a vector each where there is such a column."""
    docs = metadata.tables["m_doc"]
    dimension = getattr(docs.c.embedding.type, "dimension", 3) if "embedding" in docs.c else 0
    connection.execute(metadata.tables["m_place"].insert(), [{"id": 10}])
    for id_, title, place, meta in TITLES:
        row: dict[str, Any] = {"id": id_, "title": title, "place_id": place, "meta": meta}
        if "embedding" in docs.c:
            row["embedding"] = [float(id_)] * dimension
        connection.execute(docs.insert(), [row])
    connection.commit()


def kept(connection: Connection, metadata: MetaData) -> list[tuple[Any, ...]]:
    """The rows, but for their vectors."""
    c = metadata.tables["m_doc"].c
    found = connection.execute(c.id.table.select().order_by(c.id)).mappings()
    return [(row["id"], row["title"], row["place_id"], row["meta"]) for row in found]


def vectors(connection: Connection, metadata: MetaData) -> list[list[float] | None]:
    """The vectors, in the order of the rows."""
    docs = metadata.tables["m_doc"]
    found = connection.execute(docs.select().order_by(docs.c.id)).mappings()
    return [None if row["embedding"] is None else list(row["embedding"]) for row in found]


def refuses_bad_titles(connection: Connection) -> bool:
    """Whether the unnamed CHECK is still there."""
    try:
        connection.execute(text("INSERT INTO m_doc (id, title) VALUES (99, 'bad')"))
    except Exception:  # noqa: BLE001  # every driver has its own
        return True
    finally:
        connection.rollback()
    return False
