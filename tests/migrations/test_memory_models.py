"""Sources, documents and chunks: apart from a user's classes of those names, and usable."""

from __future__ import annotations

from datetime import UTC
from typing import Any, ClassVar

import pytest
from sqlalchemy import Table, select, text
from sqlalchemy.orm import selectinload
from sqlmodel import SQLModel

from agentorm import (
    ConstraintViolation,
    Database,
    DimensionMismatch,
    Entity,
    Field,
    InvalidValue,
    MissingValue,
    Relationship,
    SchemaMismatch,
    Vector,
    memory,
    repository,
)
from agentorm.memory.dimensions import check_recorded, dimensions
from agentorm.memory.tables import metadata, setting

VECTOR = [1.0] + [0.0] * 383


class Source(Entity, table=True):
    __tablename__: ClassVar[Any] = "memory_user_source"
    id: int | None = Field(default=None, primary_key=True)
    documents: list["Document"] = Relationship(back_populates="source")  # noqa: UP037


class Document(Entity, table=True):
    __tablename__: ClassVar[Any] = "document"
    id: int | None = Field(default=None, primary_key=True)
    source_id: int = Field(default=None, foreign_key="memory_user_source.id")
    source: Source = Relationship(back_populates="documents")
    chunks: list["Chunk"] = Relationship(  # noqa: UP037
        back_populates="document", sa_relationship_kwargs={"order_by": "Chunk.rank"}
    )


class Chunk(Entity, table=True):
    __tablename__: ClassVar[Any] = "memory_user_chunk"
    id: int | None = Field(default=None, primary_key=True)
    rank: int
    document_id: int = Field(default=None, foreign_key="document.id")
    document: Document = Relationship(back_populates="chunks")


@pytest.fixture
def made(db: Database) -> Database:
    db.create_all(memory.Source, memory.Document, memory.Chunk)
    return db


def chunk(position: int, words: str = "words", **more: Any) -> memory.Chunk:
    given: dict[str, Any] = {
        "hash": memory.text_hash(words),
        "text": words,
        "embedding": VECTOR,
        **more,
    }
    return memory.Chunk(position=position, **given | more)


def remembered(**more: Any) -> memory.Source:
    pages = memory.Document(uri="install.md", title="Install", chunks=[chunk(1), chunk(0)])
    return memory.Source(uri="https://example.org", documents=[pages], **more)


def test_the_tables_are_in_a_metadata_of_their_own() -> None:
    assert set(metadata.tables) == {
        "agentorm_chunk",
        "agentorm_document",
        "agentorm_setting",
        "agentorm_source",
    }
    assert not set(metadata.tables) & set(SQLModel.metadata.tables)
    assert memory.Source.metadata is metadata


def test_a_user_has_classes_of_the_same_names(made: Database) -> None:
    made.create_all(Source, Document, Chunk)
    with made.transaction() as session:
        session.add(Source(documents=[Document(chunks=[Chunk(rank=2), Chunk(rank=1)])]))
        session.add(remembered())
    with made.transaction() as session:
        ours = repository(memory.Source, session).options(
            selectinload(memory.Source.documents).selectinload(memory.Document.chunks)  # type: ignore[arg-type]
        )
        theirs = repository(Source, session).options(
            selectinload(Source.documents).selectinload(Document.chunks)  # type: ignore[arg-type]
        )
        [mine], [others] = ours.all(), theirs.all()
    assert [type(one) for one in (mine.documents[0], others.documents[0])] == [
        memory.Document,
        Document,
    ]
    assert [one.position for one in mine.documents[0].chunks] == [0, 1]
    assert [one.rank for one in others.documents[0].chunks] == [1, 2]


@pytest.mark.filterwarnings("ignore::agentorm.SlowPath")
def test_a_chunk_is_found_by_its_vector_and_knows_its_document(made: Database) -> None:
    with made.transaction() as session:
        session.add(remembered())
    found = repository(memory.Chunk, made).similar_to(VECTOR).limit(1)
    [hit] = found.options(selectinload(memory.Chunk.document)).hits()  # type: ignore[arg-type]
    assert (hit.entity.document.uri, round(hit.score, 5)) == ("install.md", 1.0)
    assert hit.entity.embedding == Vector(VECTOR)


def test_what_is_not_given_is_filled_in(made: Database) -> None:
    with made.transaction() as session:
        session.add(remembered())
    source, document = (
        repository(memory.Source, made).one(),
        repository(memory.Document, made).one(),
    )
    assert (source.title, source.meta, document.hash, document.meta) == (None, {}, None, {})
    assert source.created_at.tzinfo is UTC
    assert document.created_at <= document.updated_at


def test_a_change_of_a_document_renews_its_time(made: Database) -> None:
    with made.transaction() as session:
        session.add(remembered())
    with made.transaction() as session:
        document = repository(memory.Document, session).one()
        before, document.title = document.updated_at, "Installing"
    assert repository(memory.Document, made).one().updated_at > before


def test_documents_and_chunks_go_with_their_source(made: Database) -> None:
    with made.transaction() as session:
        session.add(remembered())
    with made.transaction() as session:
        session.delete(repository(memory.Source, session).one())
    for model in (memory.Source, memory.Document, memory.Chunk):
        assert repository(model, made).count() == 0


def test_they_go_with_it_when_sql_deletes_it(made: Database) -> None:
    with made.transaction() as session:
        session.add(remembered())
    with made.transaction() as session:
        session.connection().execute(text("DELETE FROM agentorm_source"))
        assert repository(memory.Chunk, session).count() == 0


@pytest.mark.parametrize(
    "twice",
    [
        lambda: [remembered(), memory.Source(uri="https://example.org")],
        lambda: [memory.Source(uri="a", documents=[memory.Document(uri="x") for _ in range(2)])],
        lambda: [
            memory.Source(
                uri="a", documents=[memory.Document(uri="x", chunks=[chunk(0), chunk(0)])]
            )
        ],
    ],
    ids=["uri of a source", "uri in a source", "position in a document"],
)
def test_what_must_be_unique(made: Database, twice: Any) -> None:
    with pytest.raises(ConstraintViolation), made.transaction() as session:
        session.add_all(twice())


def test_two_sources_may_name_a_document_alike(made: Database) -> None:
    with made.transaction() as session:
        for uri in ("a", "b"):
            session.add(memory.Source(uri=uri, documents=[memory.Document(uri="readme")]))
    assert repository(memory.Document, made).count() == 2


def test_values_are_checked_when_they_are_given() -> None:
    with pytest.raises(InvalidValue, match=r"Source\.uri"):
        memory.Source(uri="x" * 256)
    with pytest.raises(InvalidValue, match=r"Chunk\.position"):
        chunk(-1)
    with pytest.raises(DimensionMismatch, match="expected a vector of 384 dimensions, got 3"):
        chunk(0, embedding=[1, 2, 3])


def test_a_chunk_of_no_document_is_refused_at_the_write(made: Database) -> None:
    with pytest.raises(MissingValue, match=r"Chunk\.document_id"), made.transaction() as session:
        session.add(chunk(0))


def test_the_hash_of_a_text_is_the_same_everywhere() -> None:
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert memory.text_hash("abc") == known


def test_the_names_are_short_enough_for_every_engine() -> None:
    tables: list[Table] = list(metadata.tables.values())
    names = [
        str(part.name)
        for table in tables
        for part in (table, *table.columns, *table.constraints, *table.indexes)
    ]
    assert max(map(len, names)) <= 60
    assert "fk_agentorm_chunk_document_id" in names
    assert "ix_agentorm_chunk_embedding_hnsw" in names


@pytest.mark.parametrize(("given", "dimension"), [(None, 384), ("", 384), ("768", 768), (" 3 ", 3)])
def test_the_dimension_comes_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, given: str | None, dimension: int
) -> None:
    monkeypatch.delenv("AGENTORM_DIMENSIONS", raising=False)
    if given is not None:
        monkeypatch.setenv("AGENTORM_DIMENSIONS", given)
    assert read_anew() == dimension


@pytest.mark.parametrize("given", ["0", "-1", "3.5", "many", "²", "1e3"])
def test_a_dimension_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("AGENTORM_DIMENSIONS", given)
    with pytest.raises(InvalidValue, match=f"AGENTORM_DIMENSIONS: .* got '{given}'; set a number"):
        read_anew()


def read_anew() -> int:
    dimensions.cache_clear()
    try:
        return dimensions()
    finally:
        dimensions.cache_clear()


def test_create_all_records_the_dimension(made: Database) -> None:
    with made.engine.connect() as connection:
        assert connection.execute(select(setting)).all() == [("dimensions", "384")]
        memory.Chunk.__first_use__(connection)


def test_create_all_of_everything_records_it_too(db: Database) -> None:
    db.prepare_for_vectors()
    for _ in range(2):
        with db.engine.begin() as connection:
            metadata.create_all(connection)
    with db.engine.connect() as connection:
        assert connection.execute(select(setting)).all() == [("dimensions", "384")]


def test_tables_that_are_made_again_record_it_again(made: Database) -> None:
    record(made, "768")
    made.drop_all(memory.Source, memory.Document, memory.Chunk)
    made.create_all(memory.Source, memory.Document, memory.Chunk)
    with made.engine.connect() as connection:
        check_recorded(connection)


@pytest.mark.engines("sqlite")
def test_the_first_use_leaves_the_session_free_to_write_first(made: Database) -> None:
    with made.session() as session, made.trace() as trace:
        repository(memory.Source, session).add(memory.Source(uri="a"))
        session.commit()
    said = [statement.sql.split(" agentorm")[0] for statement in trace.statements]
    assert said == ["SELECT", "BEGIN IMMEDIATE", "INSERT INTO"]


def test_another_dimension_is_an_error_at_the_first_use(made: Database) -> None:
    record(made, "768")
    with (
        made.engine.connect() as connection,
        pytest.raises(SchemaMismatch, match=r"expected vectors of 384 .* made for 768; set AGENT"),
    ):
        memory.Source.__first_use__(connection)


def test_no_recorded_dimension_is_an_error_too(made: Database) -> None:
    with made.engine.begin() as connection:
        connection.execute(setting.delete())
        with pytest.raises(SchemaMismatch, match="agentorm_setting names none; complete"):
            memory.Source.__first_use__(connection)


def record(db: Database, value: str) -> None:
    with db.engine.begin() as connection:
        connection.execute(setting.update().values(value=value))
