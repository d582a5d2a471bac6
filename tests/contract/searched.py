"""Rows under an index, and how far it is told to look among them."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import event, insert, text
from sqlmodel import Session

from agentorm import HNSW, Database, Field, IVFFlat, SyncQuery, Vector, repository, vector_field
from tests.contract.models import Contract
from tests.engines import NAMES

SIZE, COUNT = 8, 1000
QUERY = [0.5, -0.25, 1, 0, 0.125, -1, 0.75, 2]
on_every_engine = pytest.mark.engines(*NAMES)
builds_graphs = pytest.mark.engines("postgresql", "mariadb")
on_postgresql = pytest.mark.engines("postgresql")


class SearchedGraph(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    topic: int
    embedding: Vector = vector_field(SIZE, metric="l2", index=HNSW(m=6, ef_construction=24))


class SearchedLists(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    topic: int
    embedding: Vector = vector_field(SIZE, metric="l2", index=IVFFlat(lists=30))


def matrix() -> NDArray[np.float32]:
    """Reproducible rows; each comes twice, so that distances tie."""
    rows = np.random.default_rng(5).standard_normal((COUNT // 2, SIZE), dtype=np.float32)
    return np.repeat(rows, 2, axis=0)


def truth(where: Callable[[int], bool] = lambda _: True) -> list[tuple[float, int]]:
    """(distance, key) of the rows whose key passes, nearest first."""
    found = np.linalg.norm(matrix().astype(np.float64) - np.array(QUERY), axis=1)
    return sorted((float(d), n) for n, d in enumerate(found, 1) if where(n))


def fill(db: Database, model: type[Any] = SearchedGraph) -> None:
    """A row of every 200 is in topic 0; topic 999 has none."""
    db.create_all(model)
    values = [
        {"id": n, "topic": n % 200, "embedding": Vector(v)} for n, v in enumerate(matrix(), 1)
    ]
    with db.engine.begin() as connection:
        connection.execute(insert(model), values)
        if db.engine.dialect.name == "postgresql":
            connection.execute(text(f"REINDEX TABLE {model.__tablename__}"))
            connection.execute(text(f"ANALYZE {model.__tablename__}"))


@contextmanager
def indexed(db: Database) -> Generator[Session]:
    """A session in which PostgreSQL takes the index wherever it can."""
    with db.session() as session:
        if db.engine.dialect.name == "postgresql":
            session.connection().execute(text("SET LOCAL enable_seqscan = off"))
            session.connection().execute(text("SET LOCAL enable_sort = off"))
        yield session


def nearest(where: Database | Session, model: type[Any] = SearchedGraph) -> SyncQuery[Any]:
    return repository(model).similar_to(QUERY).on(where)


SETTINGS = {
    "postgresql": "SELECT concat_ws(',', current_setting('hnsw.ef_search'),"
    " current_setting('hnsw.iterative_scan'), current_setting('hnsw.max_scan_tuples'),"
    " current_setting('hnsw.scan_mem_multiplier'), current_setting('ivfflat.probes'),"
    " current_setting('ivfflat.iterative_scan'), current_setting('ivfflat.max_probes'))",
    "mariadb": "SELECT @@mhnsw_ef_search",
}
USUAL = {"postgresql": "40,off,20000,1,1,off,32768", "mariadb": 100}
EF = {"postgresql": "SELECT current_setting('hnsw.ef_search')", "mariadb": SETTINGS["mariadb"]}


def settings(session: Session) -> Any:
    connection = session.connection()
    return connection.execute(text(SETTINGS[connection.dialect.name])).scalar_one()


@contextmanager
def seen_while_ranking(db: Database, statement: str) -> Generator[list[Any]]:
    """What a statement answers on the connection of each ranking, just before it."""
    seen: list[Any] = []

    def ask(conn: Any, cursor: Any, sent: str, *rest: Any) -> None:
        if "ORDER BY" in sent and "embedding" in sent:
            cursor.execute(statement)
            seen.append(cursor.fetchone()[0])

    event.listen(db.engine, "before_cursor_execute", ask)
    yield seen
    event.remove(db.engine, "before_cursor_execute", ask)
