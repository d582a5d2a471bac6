"""What an agent remembers: sources, their documents, and the documents' chunks."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, ClassVar, cast

from sqlalchemy import Connection, Table, UniqueConstraint, event
from sqlalchemy.orm import registry
from sqlmodel import Relationship

from agentorm.entity import Entity
from agentorm.fields import Field, json_field, vector_field
from agentorm.indexes import HNSW
from agentorm.memory.dimensions import MOST_INDEXED, check_recorded, dimensions, recording
from agentorm.memory.tables import PREFIX, metadata, setting
from agentorm.scalars import KEY_LENGTH
from agentorm.vectors import Vector

_HEX_OF_SHA256 = 64


def text_hash(text: str) -> str:
    """The SHA-256 of a text in UTF-8, in hexadecimal: equal texts, equal hashes.

    Example:
        ``text_hash("")[:8]`` is ``"e3b0c442"``.
    """
    return sha256(text.encode()).hexdigest()


def _now() -> datetime:
    return datetime.now(UTC)


class MemoryEntity(Entity, registry=registry(metadata=metadata)):
    """The base of these tables, whose registry and MetaData are their own.

    Classes and tables of the same names in a user's project are others to SQLAlchemy.
    """

    @classmethod
    def __first_use__(cls, connection: Connection) -> None:
        """See that the database was made for vectors of the same dimension.

        Raises:
            SchemaMismatch: it was not.
        """
        check_recorded(connection)


class Source(MemoryEntity, table=True):
    """Where documents come from: a folder, a site, a mailbox, a conversation.

    Attributes:
        id: the key, given by the database.
        uri: what names it, unique, of up to 255 characters.
        title: its name for people.
        meta: whatever else is known of it.
        created_at: when it was first seen, in UTC.
        documents: what was read from it; they go with it.

    Example:
        ``Source(uri="https://example.org/docs", title="The handbook")``
    """

    __tablename__: ClassVar[Any] = f"{PREFIX}source"

    id: int | None = Field(default=None, primary_key=True)
    uri: str = Field(max_length=KEY_LENGTH, unique=True)
    title: str | None = None
    meta: dict[str, Any] = json_field()
    created_at: datetime = Field(default_factory=_now)
    documents: list[Document] = Relationship(
        back_populates="source", cascade_delete=True, passive_deletes=True
    )


class Document(MemoryEntity, table=True):
    """One text of a source: a file, a page, a message.

    Attributes:
        id: the key, given by the database.
        source_id: the source it was read from; `source` gives it too.
        uri: what names it within its source, unique there, of up to 255 characters.
        title: its name for people.
        hash: the hash of its content when it was last read, to see whether it has changed.
        meta: whatever else is known of it.
        created_at: when it was first read, in UTC.
        updated_at: when its row was last written, in UTC.
        source: the source; loaded when asked for.
        chunks: its parts in their order; loaded when asked for, and they go with it.

    Example:
        ``Document(source=source, uri="install.md", hash=text_hash(text))``
    """

    __tablename__: ClassVar[Any] = f"{PREFIX}document"
    __table_args__ = (UniqueConstraint("source_id", "uri"),)

    id: int | None = Field(default=None, primary_key=True)
    source_id: int = Field(
        default=None, foreign_key=f"{PREFIX}source.id", ondelete="CASCADE", nullable=False
    )
    uri: str = Field(max_length=KEY_LENGTH)
    title: str | None = None
    hash: str | None = Field(default=None, max_length=_HEX_OF_SHA256)
    meta: dict[str, Any] = json_field()
    created_at: datetime = Field(default_factory=_now)
    updated_at: datetime = Field(default_factory=_now, sa_column_kwargs={"onupdate": _now})
    source: Source = Relationship(back_populates="documents")
    chunks: list[Chunk] = Relationship(
        back_populates="document",
        cascade_delete=True,
        passive_deletes=True,
        sa_relationship_kwargs={"order_by": "Chunk.position"},
    )


class Chunk(MemoryEntity, table=True):
    """A part of a document that is found by its vector.

    Attributes:
        id: the key, given by the database.
        document_id: the document it is part of; `document` gives it too.
        position: its place in the document, unique there, from 0 on.
        hash: the hash of its text, to embed no text twice.
        text: the text.
        meta: whatever else is known of it, as its page or heading.
        embedding: the vector of the text, of as many components as `dimensions` says; indexed
            up to 2000 of them, ranked exactly beyond.
        document: the document; loaded when asked for.

    Example:
        ``repository(Chunk, session).similar_to(vector).limit(5).hits()``, on PostgreSQL
        ``ORDER BY embedding <=> %(vector)s LIMIT 5``, by an HNSW index.
    """

    __tablename__: ClassVar[Any] = f"{PREFIX}chunk"
    __table_args__ = (UniqueConstraint("document_id", "position"),)

    id: int | None = Field(default=None, primary_key=True)
    document_id: int = Field(
        default=None, foreign_key=f"{PREFIX}document.id", ondelete="CASCADE", nullable=False
    )
    position: int = Field(ge=0)
    hash: str = Field(max_length=_HEX_OF_SHA256, index=True)
    text: str
    meta: dict[str, Any] = json_field()
    embedding: Vector = vector_field(
        dimensions(),
        index=HNSW(m=16, ef_construction=64) if dimensions() <= MOST_INDEXED else None,
    )
    document: Document = Relationship(back_populates="chunks")


_chunks = cast(Table, Chunk.__table__)  # type: ignore[attr-defined]
_chunks.add_is_dependent_on(setting)


@event.listens_for(_chunks, "before_create")
def _record_dimensions(target: object, connection: Connection, **_: Any) -> None:
    """`create_all` says what it makes the vectors for, as the migrations do."""
    setting.create(connection, checkfirst=True)
    for statement in recording():
        connection.execute(statement)
