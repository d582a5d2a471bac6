"""Texts to search: works of two searched fields, and tables of other keys."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy.orm import registry

from agentorm import (
    Database,
    Entity,
    Field,
    Relationship,
    SyncQuery,
    Vector,
    repository,
    text_field,
    vector_field,
)

IN_INNODB = ("mariadb", "mysql")


class Matched(Entity, registry=registry()):
    """What all of them derive from."""


class MatchedWriter(Matched, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    works: list["MatchedWork"] = Relationship(back_populates="writer")


class MatchedWork(Matched, table=True):
    id: int | None = Field(default=None, primary_key=True)
    topic: str = "a"
    title: str = text_field(search="simple", default="")
    body: str | None = text_field(search="english", default=None)
    writer_id: int | None = Field(default=None, foreign_key="matchedwriter.id")
    embedding: Vector | None = vector_field(2, default=None)
    writer: MatchedWriter | None = Relationship(back_populates="works")


class MatchedPair(Matched, table=True):
    shelf: str = Field(primary_key=True)
    place: int = Field(primary_key=True)
    body: str = text_field(search="simple")


class MatchedText(Matched, table=True):
    body: str = text_field(search="english")
    id: int | None = Field(default=None, primary_key=True)


class MatchedMedium(Matched, table=True):
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "medium"}  # noqa: RUF012
    id: int | None = Field(default=None, primary_key=True)
    kind: str = "medium"
    title: str = text_field(search="simple")


class MatchedFilm(MatchedMedium, table=True):
    __mapper_args__ = {"polymorphic_identity": "film"}  # noqa: RUF012
    id: int | None = Field(default=None, primary_key=True, foreign_key="matchedmedium.id")
    plot: str = text_field(search="english", default="")


WORKS = [
    (1, "a", "Loire", "A river and a valley, and another river"),
    (2, "a", "Rhine", "One river between hills and towns"),
    (3, "b", "Alps", "A valley under high hills and mountains"),
    (4, "b", "River Plate", "Where some city lies by the wide sea"),
    (5, "b", "Nothing", "Words about quite different things"),
    (6, "b", "Empty", None),
]


def keys(rows: Iterable[MatchedWork]) -> list[int]:
    return [row.id or 0 for row in rows]


def add(db: Database, *bodies: str) -> None:
    rows = [MatchedText(id=n, body=body) for n, body in enumerate(bodies, 1)]
    repository(MatchedText, db).add_all(rows)


def add_row(db: Database, key: int, body: str) -> None:
    repository(MatchedText, db).add(MatchedText(id=key, body=body))


def found(db: Database, text: str = "", **more: Any) -> list[int]:
    query: SyncQuery[MatchedText] = repository(MatchedText, db).matching(text, **more)
    return [row.id or 0 for row in query.all()]
