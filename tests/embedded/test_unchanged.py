"""Filters whose rows are listed once: never the rows of another moment."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import func, text
from sqlalchemy.orm import registry

from agentorm import HNSW, Database, Entity, Field, Repository, Vector, repository, vector_field
from agentorm.rank import inside
from agentorm.switch import indexes_switched

CHANCE = np.random.default_rng(5)


class ParcelBase(Entity, registry=registry()):
    """What the table derives from."""


class Parcel(ParcelBase, table=True):
    id: int | None = Field(default=None, primary_key=True)
    town: str = Field(index=True)
    weight: int | None = None
    embedding: Vector = vector_field(8, metric="l2", index=HNSW())


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "parcels.db"


@pytest.fixture
def parcels(place: Path) -> Iterator[Database]:
    db = Database(f"sqlite:///{place}")
    db.create_all(Parcel)
    rows = [
        Parcel(town=f"t{n % 100}", embedding=Vector(CHANCE.normal(size=8))) for n in range(4000)
    ]
    with db.transaction() as session:
        repository(Parcel, session).add_all(rows)
    with indexes_switched("always"):
        yield db
    db.dispose()


def ids_in(rows: Repository[Parcel], town: str) -> list[int]:
    """The nearest of a town, which its few rows make exact."""
    query = rows.similar_to([0.0] * 8).where(Parcel.town == town).limit(45)
    found = query.hits()
    assert found.ranker == "embedded"
    return sorted(hit.entity.id or 0 for hit in found)


@pytest.fixture
def listings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was listed."""
    seen: list[str] = []
    real = inside.Search.list_passing

    def watched(search: inside.Search) -> object:
        seen.append(str(search.query.filters[0]))
        return real(search)

    monkeypatch.setattr(inside.Search, "list_passing", watched)
    return seen


def test_rows_are_listed_once_while_nothing_changes(parcels: Database, listings: list[str]) -> None:
    for _ in range(3):
        with parcels.session() as session:
            assert ids_in(repository(Parcel, session), "t7") == [*range(8, 4001, 100)]
    assert len(listings) == 1
    with parcels.session() as session:
        assert ids_in(repository(Parcel, session), "t8") == [*range(9, 4001, 100)]
    assert len(listings) == 2


def test_what_others_commit_counts(parcels: Database, place: Path) -> None:
    with parcels.session() as session:
        assert len(ids_in(repository(Parcel, session), "t7")) == 40
    with closing(sqlite3.connect(place)) as other:
        other.execute("UPDATE parcel SET town = 't7' WHERE id IN (1, 2)")
        other.commit()
    with parcels.session() as session:
        assert ids_in(repository(Parcel, session), "t7") == [1, 2, *range(8, 4001, 100)]


def test_what_is_rolled_back_does_not_count(parcels: Database) -> None:
    with parcels.session() as session:
        rows = repository(Parcel, session)
        assert len(ids_in(rows, "t7")) == 40
        session.connection().execute(text("UPDATE parcel SET town = 't9' WHERE town = 't7'"))
        assert ids_in(rows, "t7") == []
        session.rollback()
        assert len(ids_in(rows, "t7")) == 40
        session.connection().execute(text("UPDATE parcel SET town = 't7' WHERE id = 1"))
        assert ids_in(rows, "t7")[0] == 1
        session.commit()
        assert ids_in(rows, "t7")[0] == 1


def test_what_a_savepoint_takes_back_does_not_count(parcels: Database) -> None:
    with parcels.transaction() as session:
        rows = repository(Parcel, session)
        assert len(ids_in(rows, "t7")) == 40
        savepoint = session.begin_nested()
        session.connection().execute(text("UPDATE parcel SET town = 't9' WHERE town = 't7'"))
        assert ids_in(rows, "t7") == []
        savepoint.rollback()
        assert len(ids_in(rows, "t7")) == 40


def test_an_older_snapshot_stays_as_it_was(parcels: Database, place: Path) -> None:
    with parcels.session() as session:
        rows = repository(Parcel, session)
        assert len(ids_in(rows, "t7")) == 40
        with closing(sqlite3.connect(place)) as other:
            other.execute("DELETE FROM parcel WHERE town = 't7'")
            other.commit()
        hits = rows.similar_to([0.0] * 8).where(Parcel.town == "t7").limit(45).hits()
        assert len(hits) == 40
        session.rollback()
        hits = rows.similar_to([0.0] * 8).where(Parcel.town == "t7").limit(45).hits()
        assert len(hits) == 0


def test_conditions_that_ask_more_than_the_table_are_listed_each_time(
    parcels: Database, listings: list[str]
) -> None:
    with parcels.session() as session:
        rows = repository(Parcel, session)
        for _ in range(2):
            query = rows.similar_to([0.0] * 8).where(func.length(Parcel.town) == 2)
            assert len(query.limit(45).hits()) == 45
    assert len(listings) == 2


def test_an_example_is_left_out_of_its_own_search_alone(parcels: Database) -> None:
    with parcels.session() as session:
        rows = repository(Parcel, session)
        for id_ in (8, 108):
            (example,) = rows.get_many([id_])
            query = rows.similar_to(example).where(Parcel.town == "t7").limit(45)
            assert sorted(hit.entity.id or 0 for hit in query.hits()) == [
                n for n in range(8, 4001, 100) if n != id_
            ]
