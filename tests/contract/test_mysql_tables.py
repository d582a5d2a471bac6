"""Tables that MariaDB and MySQL take in a way of their own, or refuse before any exists."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Column, Index, String, Text, column, inspect, text
from sqlalchemy.dialects.mysql import match

from agentorm import Database, Field, StringType, UnsupportedFeature, col, repository
from tests.contract.models import Contract

pytestmark = pytest.mark.engines("mariadb", "mysql")


class Percent(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    path: str = Field(unique=True, sa_column_kwargs={"name": "pa%th"})
    share: int = Field(default=0, sa_column_kwargs={"name": "100%s"})


class Permitted(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)


class FullText(Contract, table=True):
    __table_args__ = (
        Index("ft_body", "body", mysql_prefix="FULLTEXT", mariadb_prefix="FULLTEXT"),
        Index("ft_title", "title", mysql_prefix="FULLTEXT", mariadb_prefix="FULLTEXT"),
    )
    id: int | None = Field(default=None, primary_key=True)
    body: str = Field(sa_column=Column(Text))
    title: str = ""


class Beginning(Contract, table=True):
    __table_args__ = (
        Index("px_body", "body", mysql_length=50, mariadb_length=50),
        Index(
            "px_both",
            "body",
            "title",
            mysql_length={"body": 7, "title": 9},
            mariadb_length={"body": 7, "title": 9},
        ),
    )
    id: int | None = Field(default=None, primary_key=True)
    body: str = Field(sa_column=Column(Text))
    title: str = ""


class Filled(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    s: str = Field(default="", sa_column_kwargs={"server_default": "x"})


class FilledShort(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    n: int = 0
    s: str = Field(default="", max_length=20, sa_column_kwargs={"server_default": "x"})
    made: str = Field(default="", sa_column_kwargs={"server_default": text("('y')")})


class Parent(Contract, table=True):
    code: str = Field(sa_column=Column(String(20), primary_key=True))


class Child(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    parent: str = Field(foreign_key="parent.code")


class Told(Contract, table=True):
    """Both ends are of one type, which the field of the second names."""

    code: str = Field(sa_column=Column(StringType(20), primary_key=True))


class Telling(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    told: str = Field(foreign_key="told.code", max_length=20)


def refused(db: Database, expected: str, *models: type[Any]) -> None:
    with pytest.raises(UnsupportedFeature, match=expected):
        db.create_all(*models)
    assert inspect(db.engine).get_table_names() == []


def kinds(db: Database, table: str) -> dict[str, tuple[str, list[int | None]]]:
    """Of each index its kind, and of how much of each column it is."""
    found: dict[str, tuple[str, list[int | None]]] = {}
    with db.engine.connect() as connection:
        for row in connection.execute(text(f"SHOW INDEX FROM `{table}`")).mappings():
            of_index = found.setdefault(row["Key_name"], (row["Index_type"], []))
            of_index[1].append(row["Sub_part"])
    return found


@pytest.mark.engines("mariadb", "mysql")
def test_columns_with_a_percent_sign_are_not_upserted(db: Database) -> None:
    db.create_all(Percent)
    rows = repository(Percent, db)
    with pytest.raises(UnsupportedFeature, match=r"an upsert of the column .*%.*; name the column"):
        rows.upsert([Percent(path="a", share=1)], on=Percent.path)
    assert rows.count() == 0


@pytest.mark.engines("sqlite", "postgresql")
def test_columns_with_a_percent_sign_are_upserted_in_batches(db: Database) -> None:
    db.create_all(Percent)
    rows = repository(Percent, db)
    rows.add_all([Percent(path="a", share=1), Percent(path="b%", share=2)])
    given = [Percent(path=p, share=n) for n, p in enumerate(["c", "b%", "%s", "%(a)s", "%%"], 10)]
    made = rows.upsert(given, on=Percent.path)
    assert [(row.path, row.share) for row in made] == [
        ("c", 10),
        ("b%", 11),
        ("%s", 12),
        ("%(a)s", 13),
        ("%%", 14),
    ]
    assert [row.id is not None for row in made] == [True] * 5
    again = rows.upsert(
        [Percent(path="a", share=20), Percent(path="%%", share=21)], on="path", update=[]
    )
    assert [(row.path, row.share) for row in again] == [("a", 1), ("%%", 14)]
    assert rows.update_where(Percent.path == "%s", share=col(Percent.share) % 5) == 1
    assert sorted((row.path, row.share) for row in rows.all()) == [
        ("%%", 14),
        ("%(a)s", 13),
        ("%s", 2),
        ("a", 1),
        ("b%", 11),
        ("c", 10),
    ]


def test_full_text_indexes_are_created(db: Database) -> None:
    db.create_all(FullText)
    assert kinds(db, "fulltext") == {
        "PRIMARY": ("BTREE", [None]),
        "ft_body": ("FULLTEXT", [None]),
        "ft_title": ("FULLTEXT", [None]),
    }
    rows = repository(FullText, db)
    rows.add_all([FullText(body="red roses", title="t" * 1000), FullText(body="blue violets")])
    found = rows.where(match(column("body"), against="roses")).all()
    assert [(row.body, len(row.title)) for row in found] == [("red roses", 1000)]


def test_indexes_of_beginnings_are_created(db: Database) -> None:
    db.create_all(Beginning)
    assert kinds(db, "beginning") == {
        "PRIMARY": ("BTREE", [None]),
        "px_body": ("BTREE", [50]),
        "px_both": ("BTREE", [7, 9]),
    }
    rows = repository(Beginning, db)
    rows.add(Beginning(body="b" * 5000, title="t" * 5000))
    assert [len(row.title) for row in rows.where(Beginning.body == "b" * 5000).all()] == [5000]


@pytest.mark.engines("mysql")
def test_a_plain_default_of_unbounded_text_is_refused(db: Database) -> None:
    expected = (
        "mysql does not support a plain default of the unbounded filled.s; declare max_length, "
        r"or server_default=text\(\"\('...'\)\"\)"
    )
    refused(db, expected, Permitted, Filled)


@pytest.mark.engines("mariadb")
def test_a_plain_default_of_unbounded_text_is_taken(db: Database) -> None:
    db.create_all(Permitted, Filled)
    with db.engine.begin() as connection:
        connection.execute(text("INSERT INTO filled () VALUES ()"))
    assert [row.s for row in repository(Filled, db).all()] == ["x"]


def test_the_defaults_that_the_message_names_are_taken(db: Database) -> None:
    db.create_all(FilledShort)
    with db.engine.begin() as connection:
        connection.execute(text("INSERT INTO filledshort (n) VALUES (1)"))
    assert [(row.s, row.made) for row in repository(FilledShort, db).all()] == [("x", "y")]


def test_a_reference_to_text_of_another_collation_is_refused(
    db: Database, engine_name: str
) -> None:
    expected = (
        f"{engine_name} does not support child.parent referring to parent.code, text of another "
        r"collation; declare both with the same sa_type, as agentorm.StringType\(255\)"
    )
    refused(db, expected, Permitted, Parent, Child)


def test_a_reference_to_text_of_the_same_type_is_kept(db: Database) -> None:
    db.create_all(Told, Telling)
    repository(Told, db).add(Told(code="a"))
    repository(Telling, db).add(Telling(told="a"))
    assert [row.told for row in repository(Telling, db).all()] == ["a"]
