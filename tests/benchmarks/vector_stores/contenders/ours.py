"""The library itself, through its public interface."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import cache
from typing import Any
from unittest.mock import patch

import numpy as np
from sqlalchemy.orm import Session, registry

from agentorm import HNSW, Database, Entity, Field, Vector, param, repository, vector_field
from agentorm.embedded.measures import kept
from agentorm.embedded.searching import Asked
from agentorm.embedded.source import rows_of
from agentorm.rank.held import Held, held_by
from tests.benchmarks.vector_stores.contenders.base import Hand, Kept, Way
from tests.benchmarks.vector_stores.given import DIMENSION, Ask, Row, Source

OWN = OURS, WITH_FAISS = "agentorm", "agentorm with faiss-cpu"
PREPARED, ALONE, RANKING = "prepared", "a session for each", "ranking only"
_MOST_THREADS = 20
_NONE = np.empty(0, np.int64)


class VectorStoreBase(Entity, registry=registry()):
    """What the table derives from."""


class VectorStoreText(VectorStoreBase, table=True):
    """A row with an index in the process."""

    id: int = Field(primary_key=True)
    title: str
    topic: str
    bucket: int = Field(index=True)
    embedding: Vector = vector_field(DIMENSION, index=HNSW(m=16, ef_construction=64))


class Ours(Kept):
    """Rows in SQLite, an index in the process by numpy alone, also where faiss-cpu is installed."""

    name = OURS
    setting = "recall 0.99, numpy alone"
    folders = (OURS,)

    def write(self, source: Source) -> bool:
        with self._database(source) as db:
            db.create_all(VectorStoreText)
            for rows in source.chunks():
                with db.transaction() as session:
                    made = [VectorStoreText(**row._asdict()) for row in rows]
                    repository(VectorStoreText, session).add_all(made)
        return True

    @contextmanager
    def opened(self, source: Source) -> Generator[OursOpened]:
        """The first search builds, or reads what was built, and decides who counts bits."""
        with self._database(source) as db, ExitStack() as stack:
            opened = OursOpened(db, stack)
            with self.counting():
                opened.ask_once(source)
            yield opened

    built = opened

    def counting(self) -> AbstractContextManager[object]:
        """While an index is made: without faiss."""
        return patch("agentorm.embedded.contents.faiss", return_value=None)

    def _database(self, source: Source) -> Database:
        options = {"pool_size": _MOST_THREADS, "max_overflow": _MOST_THREADS}
        url = f"sqlite:///{(source.place(self.name) / 'texts.db').as_posix()}"
        return Database(url, engine_options=options)


class OursWithFaiss(Ours):
    """The same with faiss-cpu, which counts differing bits."""

    name = WITH_FAISS
    setting = "recall 0.99"
    packages = ("faiss",)
    folders = (WITH_FAISS,)

    def counting(self) -> AbstractContextManager[object]:
        return nullcontext()


class OursOpened:
    """A database that is open; each hand has a session."""

    def __init__(self, db: Database, stack: ExitStack) -> None:
        self._db, self._stack = db, stack

    def ask_once(self, source: Source) -> None:
        """The first search, which builds."""
        with self._db.session() as session:
            _built(session)(Ask(source.vectors[0], 10))

    def hand(self, *, writing: bool = False) -> Hand:
        session = self._stack.enter_context(self._db.session())
        indexes = held_by(session.connection())
        session.rollback()

        def after() -> None:
            session.rollback()
            session.expunge_all()

        def insert(row: Row) -> None:
            with self._db.transaction() as transaction:
                repository(VectorStoreText, transaction).add(VectorStoreText(**row._asdict()))

        def alone(ask: Ask) -> Any:
            return _asked(repository(VectorStoreText, self._db), ask).hits()

        return Hand(
            {
                "": Way(_built(session), _ids, session.connection, after),
                PREPARED: Way(_prepared(session), _ids, session.connection, after),
                ALONE: Way(alone, _ids),
                RANKING: Way(
                    _ranking(session, indexes), list[int], gives_rows=False, takes_filters=False
                ),
            },
            insert,
        )


def _asked(rows: Any, ask: Ask) -> Any:
    query = rows.similar_to(ask.query)
    if ask.buckets is not None:
        query = query.where(VectorStoreText.bucket < ask.buckets)
    return query.limit(ask.k)


def _built(session: Session) -> Any:
    rows = repository(VectorStoreText, session)

    def search(ask: Ask) -> Any:
        return _asked(rows, ask).hits()

    return search


@cache
def _finder(k: int, *, filtered: bool) -> Any:
    query = repository(VectorStoreText).similar_to(param("vector"))
    if filtered:
        most: Any = VectorStoreText.bucket < param("most")
        query = query.where(most)
    return query.limit(k).prepared()


def _prepared(session: Session) -> Any:
    def search(ask: Ask) -> Any:
        if ask.buckets is None:
            return _finder(ask.k, filtered=False).hits(session, vector=ask.query)
        found = _finder(ask.k, filtered=True)
        return found.hits(session, vector=ask.query, most=ask.buckets)

    return search


def _ranking(session: Session, indexes: Mapping[Any, Held]) -> Any:
    """What the index does, without the reading of the rows that are returned."""

    def search(ask: Ask) -> list[int]:
        (held,) = indexes.values()
        version, declared = held.index.version, held.index.declared
        assert version is not None
        (vector,), _ = kept(ask.query[None, :], declared.metric)

        def read(numbers: Any) -> Any:
            given = {"numbers": json.dumps(numbers.tolist())}
            connection = session.connection()
            found = connection.exec_driver_sql(declared.statements.read, given).all()
            rows = rows_of(found, declared.dimension)
            return rows.numbers, rows.vectors

        nearest = version.nearest(Asked(vector, ask.k, None, _NONE), read)
        found: list[int] = nearest.numbers[: ask.k].tolist()
        return found

    return search


def _ids(hits: Any) -> list[int]:
    return [hit.entity.id for hit in hits]
