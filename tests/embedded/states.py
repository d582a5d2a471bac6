"""A table that everything happens to, step by step; each search is compared with all rows.

A step that SQLite refuses because another transaction is in the way ends the transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from agentorm import Database, Repository, TransactionConflict, Vector, repository
from agentorm.embedded.index import EmbeddedIndex
from agentorm.rank.held import held_by
from tests.embedded.oracle import Question, searched
from tests.embedded.shelves import DIMENSION, Shelf, key_values, table_of

components = st.sampled_from([0.0, 1.0, -1.0, 0.5, 2.0, -3.0])
vectors = st.lists(components, min_size=DIMENSION, max_size=DIMENSION)
maybe_vectors = st.one_of(vectors, vectors, vectors, st.none())
numbers = st.one_of(
    st.integers(1, 12), st.sampled_from([0, -1, 70_000, 10**9, 2**63 - 1, -(2**63)])
)
places, tags, slots = st.integers(0, 99), st.integers(0, 3), st.integers(0, 1)
questions = st.builds(
    Question,
    vector=vectors.filter(any),
    size=st.integers(1, 6),
    skip=st.sampled_from([0, 0, 0, 1, 3]),
    below=st.sampled_from([None, None, 1, 2, 3]),
)


QUESTIONS = (
    Question([1.0, 0.5, -1.0, 0.0], size=3),
    Question([-3.0, 0.0, 0.0, 1.0], size=2, skip=1),
    Question([0.5, 0.5, 2.0, -1.0], size=4, below=2),
    Question([0.0, -1.0, 0.0, 0.0], size=20),
)
"""One after the other is asked between the steps."""


class States(RuleBasedStateMachine):
    """One session works on the table, and may have savepoints open.

    Attributes:
        rankers: who found the rows, in all runs.
    """

    rankers: ClassVar[Counter[str]] = Counter()

    def __init__(self, model: type[Shelf], url: str) -> None:
        super().__init__()
        self.model, self.url, self.table = model, url, table_of(model)
        self.db = Database(url)
        self.db.create_all(model)
        self.session: Session = self.db.session()
        self.savepoints: list[Any] = []
        self.steps = 0

    def teardown(self) -> None:
        self.session.close()
        self.db.dispose()

    def restart(self) -> None:
        """Another session, and what this one did is undone."""
        self.session.close()
        self.session, self.savepoints = self.db.session(), []

    def keys(self) -> list[dict[str, Any]]:
        """The keys of all rows."""
        rows = self.session.connection().execute(select(*self.table.primary_key))
        return [dict(row) for row in rows.mappings()]

    def row(self, place: int) -> Sequence[Any] | None:
        """The condition that one of the rows fulfils, if there is one."""
        keys = self.keys()
        return self.has(keys[place % len(keys)]) if keys else None

    def has(self, key: dict[str, Any]) -> Sequence[Any]:
        return [self.table.c[name] == value for name, value in key.items()]

    def entity(self, place: int) -> Any:
        condition = self.row(place)
        return None if condition is None else self.repository.where(*condition).one()

    @property
    def repository(self) -> Repository[Any]:
        return repository(self.model, self.session)

    def attempt(self, change: Callable[[], object]) -> None:
        try:
            change()
        except TransactionConflict:
            self.restart()

    def made(self, number: int, vector: Sequence[float] | None, n: int) -> Any:
        embedding = None if vector is None else Vector(vector)
        values = {**key_values(self.model, number), "n": n, "embedding": embedding}
        return self.model(**values)

    @initialize(rows=st.lists(vectors, max_size=9))
    def fill(self, rows: list[list[float]]) -> None:
        made = [self.made(i, vector, i % 4) for i, vector in enumerate(rows, start=1)]
        repository(self.model, self.db).add_all(made)

    @rule(number=numbers, vector=maybe_vectors, n=tags)
    def insert_one(self, number: int, vector: list[float] | None, n: int) -> None:
        if key_values(self.model, number) not in self.keys():
            self.attempt(lambda: self.repository.add(self.made(number, vector, n)))

    @rule(rows=st.dictionaries(numbers, maybe_vectors, min_size=2, max_size=9), n=tags)
    def insert_many(self, rows: dict[int, list[float] | None], n: int) -> None:
        there = self.keys()
        made = [
            self.made(number, vector, n)
            for number, vector in rows.items()
            if key_values(self.model, number) not in there
        ]
        self.attempt(lambda: self.repository.add_all(made))

    @rule(rows=st.dictionaries(numbers, vectors, min_size=1, max_size=4), n=tags)
    def upsert(self, rows: dict[int, list[float]], n: int) -> None:
        made = [self.made(number, vector, n) for number, vector in rows.items()]
        self.attempt(lambda: self.repository.upsert(made))

    @rule(place=places, vector=maybe_vectors)
    def update_vector(self, place: int, vector: list[float] | None) -> None:
        entity = self.entity(place)
        if entity is not None:
            embedding = None if vector is None else Vector(vector)
            self.attempt(lambda: self.repository.update(entity, embedding=embedding))

    @rule(place=places, n=tags)
    def update_another_column(self, place: int, n: int) -> None:
        entity = self.entity(place)
        if entity is not None:
            self.attempt(lambda: self.repository.update(entity, n=n))

    @rule(n=tags, vector=maybe_vectors)
    def update_many(self, n: int, vector: list[float] | None) -> None:
        self.execute(update(self.table).where(self.table.c.n == n).values(embedding=vector))

    @rule(place=places)
    def delete_one(self, place: int) -> None:
        entity = self.entity(place)
        if entity is not None:
            self.attempt(lambda: self.repository.delete(entity))

    @rule(n=tags)
    def delete_many(self, n: int) -> None:
        self.attempt(lambda: self.repository.delete_where(self.table.c.n == n))
        self.session.expunge_all()

    @rule(place=places, number=numbers)
    def change_a_key(self, place: int, number: int) -> None:
        condition, key = self.row(place), key_values(self.model, number)
        if condition is not None and key not in self.keys():
            self.execute(update(self.table).where(*condition).values(**key))

    @rule(number=numbers, vector=maybe_vectors, slot=slots)
    def replace(self, number: int, vector: list[float] | None, slot: int) -> None:
        """It deletes the row of that slot too."""
        made = insert(self.table).prefix_with("OR REPLACE")
        key = key_values(self.model, number)
        self.execute(made.values(**key, n=1, slot=slot, embedding=vector))

    def execute(self, statement: Any) -> None:
        """Through SQLAlchemy alone, whose session knows nothing of it."""
        try:
            self.session.connection().execute(statement)
        except OperationalError:
            self.restart()
        self.session.expunge_all()

    @rule()
    def begin_savepoint(self) -> None:
        self.savepoints.append(self.session.begin_nested())

    @precondition(lambda self: self.savepoints)
    @rule(keeps=st.booleans())
    def end_savepoint(self, *, keeps: bool) -> None:
        savepoint = self.savepoints.pop()
        self.attempt(savepoint.commit if keeps else savepoint.rollback)

    @rule(keeps=st.sampled_from([True, True, False]))
    def end_transaction(self, *, keeps: bool) -> None:
        self.savepoints = []
        self.attempt(self.session.commit if keeps else self.session.rollback)

    @rule(question=questions)
    def search(self, question: Question) -> None:
        searched(self.model, self.session, question)

    @invariant()
    def every_search_is_right(self) -> None:
        """In the sessions that have begun, and in a new one."""
        self.steps += 1
        if self.steps % 3 == 0:
            self.refresh()
        question = QUESTIONS[self.steps % len(QUESTIONS)]
        for session in self.begun():
            searched(self.model, session, question)
        with self.db.session() as session, suppress(TransactionConflict):
            self.rankers[searched(self.model, session, question).ranker] += 1

    def begun(self) -> Iterator[Session]:
        """The sessions that are in a transaction."""
        if self.session.in_transaction():
            yield self.session

    @rule()
    def forget(self) -> None:
        for index in self.indexes():
            index.forget()

    @rule()
    def refresh(self) -> None:
        """As it does by itself where more has changed."""
        for index in self.indexes():
            index.refresh()

    def indexes(self) -> list[EmbeddedIndex]:
        with self.db.engine.connect() as connection:
            return [held.index for held in held_by(connection).values()]

    @rule()
    def analyze(self) -> None:
        self.execute(text("ANALYZE"))
