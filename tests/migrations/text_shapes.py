"""A table of searched documents, as revisions make it, and what is found in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, Connection, MetaData, Table, text

from agentorm import IntegerType, StringType, dialects
from agentorm.dialects.built import BuiltText
from agentorm.text_indexes import text_index
from tests.migrations.harness import Project

SHADOWED = {"postgresql", "mariadb", "mysql"}
ENGLISH = {
    "sqlite": "porter unicode61 remove_diacritics 0 categories 'L* M* N*'",
    "postgresql": "english",
    "mariadb": "utf8mb4_uca1400_as_ci",
    "mysql": "utf8mb4_0900_as_ci",
}
GERMAN = ENGLISH | {
    "sqlite": "unicode61 remove_diacritics 0 categories 'L* M* N*'",
    "postgresql": "german",
}


def shaped(title: int = 20, extra: Sequence[Column[Any]] = (), **languages: str | None) -> MetaData:
    """A table of documents, the columns of which are searched in these languages."""
    metadata = MetaData()
    docs = Table(
        "mt_doc",
        metadata,
        Column("id", IntegerType(), primary_key=True),
        Column("title", StringType(title)),
        *(Column(name, StringType()) for name in languages),
        *extra,
    )
    for name, language in languages.items():
        if language is not None:
            text_index(docs.c[name], language)
    return metadata


def built(project: Project, table: str = "mt_doc") -> dict[str, BuiltText]:
    with project.rows() as connection:
        known = dialects.of(connection.dialect)
        return known.text_indexes(connection, table)


def body(engine_name: str, configurations: dict[str, str] = ENGLISH) -> dict[str, BuiltText]:
    shadow = "body_search" if engine_name in SHADOWED else None
    return {"ft_mt_doc_body": BuiltText("body", configurations[engine_name], shadow)}


def insert(project: Project, *rows: tuple[int, str]) -> None:
    with project.rows() as connection:
        for id_, body in rows:
            values = {"id": id_, "body": body}
            connection.execute(text("INSERT INTO mt_doc (id, body) VALUES (:id, :body)"), values)
        connection.commit()


def found(project: Project, word: str) -> list[int]:
    with project.rows() as connection:
        return ids(connection, word)


def ids(connection: Connection, word: str) -> list[int]:
    asked = {
        "sqlite": "SELECT rowid FROM ft_mt_doc_body WHERE ft_mt_doc_body MATCH :word ORDER BY 1",
        "postgresql": "SELECT id FROM mt_doc"
        " WHERE body_search @@ plainto_tsquery('english', :word) ORDER BY 1",
    }
    other = "SELECT id FROM mt_doc WHERE MATCH (body_search) AGAINST (:word) ORDER BY 1"
    query = text(asked.get(dialects.of(connection.dialect).name, other))
    return list(connection.execute(query, {"word": word}).scalars())


def left(project: Project) -> set[str]:
    """The tables of SQLite that belong to full text."""
    if project.dialect.name != "sqlite":
        return set()
    with project.rows() as connection:
        named = "SELECT name FROM sqlite_master WHERE name LIKE 'ft_mt%'"
        return set(connection.execute(text(named)).scalars())
