"""What each of several processes does to one file, and how it checks what it finds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

from sqlalchemy import select
from sqlmodel import Session

from agentorm import Database, TransactionConflict, Vector, repository
from agentorm.rank.held import held_by
from tests.contract.undone import undone
from tests.embedded.oracle import Question, check_rows, recall, truth
from tests.embedded.shelves import DIMENSION, ByName, ByNumber, Shelf, key_values, table_of

MODELS: tuple[type[Shelf], ...] = (ByNumber, ByName)
MOST_KEYS = 400


class Worker:
    """Random writes and searches, each search checked in its own transaction.

    Attributes:
        done: how often what was done, and how the rows were found.
        recalls: of the searches that looked for candidates by their codes.
    """

    def __init__(self, db: Database, seed: int) -> None:
        self.recalls: list[float] = []
        self.db, self.random = db, Random(seed)  # noqa: S311  # no secret is made of it
        self.done: Counter[str] = Counter()

    def step(self) -> None:
        """A transaction, or a few searches in one snapshot."""
        model = self.random.choice(MODELS)
        steps: list[Callable[[type[Shelf]], None]] = [self.write, self.read, self.undo]
        step = self.random.choice([*steps, self.write])
        try:
            step(model)
        except TransactionConflict:
            self.done["conflict"] += 1

    def write(self, model: type[Shelf]) -> None:
        with self.db.transaction() as session:
            self.change(model, session)
            self.search(model, session)
        self.done["commit"] += 1

    def undo(self, model: type[Shelf]) -> None:
        with undone(self.db) as session:
            self.change(model, session)
            self.search(model, session)
        self.done["rollback"] += 1

    def read(self, model: type[Shelf]) -> None:
        with self.db.session() as session:
            for _ in range(self.random.randint(1, 3)):
                self.search(model, session)

    def search(self, model: type[Shelf], session: Session) -> None:
        below = self.random.choice([None, None, 2])
        question = Question(self.vector(), self.random.randint(1, 12), below=below)
        hits, true = question.of(model, session).hits(), truth(model, session, question)
        check_rows(hits, true, question)
        self.done[hits.ranker] += 1
        if self.is_measured_whole(session):
            assert recall(hits, true, question) == 1.0
        else:
            self.done["by codes"] += 1
            self.recalls.append(recall(hits, true, question))

    def is_measured_whole(self, session: Session) -> bool:
        """Whether no row can be missed; one that changed takes a further place until all are."""
        held = held_by(session.connection()).values()
        versions = (each.index.version for each in held)
        return all(version is None or version.is_measured_whole(1) for version in versions)

    def change(self, model: type[Shelf], session: Session) -> None:
        for _ in range(self.random.randint(1, 3)):
            verbs = [self.insert, self.insert, self.move, self.retag, self.clear, self.delete]
            self.random.choice(verbs)(model, session)
            if self.random.random() < 0.2:
                savepoint = session.begin_nested()
                self.insert(model, session)
                savepoint.rollback()

    def insert(self, model: type[Shelf], session: Session) -> None:
        numbers = self.random.sample(range(MOST_KEYS), self.random.choice([1, 1, 9]))
        make: Any = model
        rows = [
            make(**key_values(model, number), n=number % 4, embedding=Vector(self.vector()))
            for number in numbers
        ]
        repository(make, session).upsert(rows)

    def move(self, model: type[Shelf], session: Session) -> None:
        rows = repository(model, session)
        rows.update_where(*self.one(model, session), embedding=Vector(self.vector()))

    def retag(self, model: type[Shelf], session: Session) -> None:
        repository(model, session).update_where(*self.one(model, session), n=2)

    def clear(self, model: type[Shelf], session: Session) -> None:
        repository(model, session).update_where(*self.one(model, session), embedding=None)

    def delete(self, model: type[Shelf], session: Session) -> None:
        repository(model, session).delete_where(*self.one(model, session))

    def one(self, model: type[Shelf], session: Session) -> list[Any]:
        """The condition of one row that is there, if any is."""
        table = table_of(model)
        (key,) = table.primary_key
        keys = session.connection().execute(select(key)).scalars().all()
        return [key == (self.random.choice(keys) if keys else None)]

    def vector(self) -> list[float]:
        return [self.random.gauss(0, 1) for _ in range(DIMENSION)]
