"""The same in a file, where others read and write beside, and which is left and opened again."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from sqlalchemy import Connection, insert, text, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.schema import DropTable
from sqlmodel import Session

from agentorm import Database
from tests.embedded.files import copied, foreign_engine
from tests.embedded.oracle import Question, searched
from tests.embedded.shelves import Shelf, key_values
from tests.embedded.states import (
    States,
    maybe_vectors,
    numbers,
    places,
    questions,
    slots,
    tags,
    vectors,
)


class FileStates(States):
    """A second session keeps its snapshot, and another program writes."""

    def __init__(self, model: type[Shelf], path: Path) -> None:
        super().__init__(model, f"sqlite:///{path}?timeout=0")
        self.path, self.foreign = path, foreign_engine(path)
        self.old: Session | None = None
        self.backup: Path | None = None
        self.tables = 0

    def teardown(self) -> None:
        self.leave()
        super().teardown()

    def leave(self) -> None:
        """End all transactions."""
        self.end_the_old_session()
        self.restart()

    @contextmanager
    def beside(self) -> Generator[Connection]:
        """Another program's connection, whose statements are transactions of their own."""
        with suppress(OperationalError), self.foreign.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")

    def by_another(self, change: Callable[[Connection], object]) -> None:
        with self.beside() as connection:
            change(connection)
        self.session.expire_all()

    @rule(number=numbers, vector=maybe_vectors, slot=st.one_of(st.none(), slots))
    def another_replaces(self, number: int, vector: list[float] | None, slot: int | None) -> None:
        """Without `recursive_triggers` no trigger hears of the rows that this deletes."""
        key = key_values(self.model, number)
        made = insert(self.table).prefix_with("OR REPLACE")
        made = made.values(**key, n=2, slot=slot, embedding=vector)
        self.by_another(lambda connection: connection.execute(made))

    @rule(n=tags, vector=maybe_vectors)
    def another_updates(self, n: int, vector: list[float] | None) -> None:
        made = update(self.table).where(self.table.c.n == n).values(embedding=vector)
        self.by_another(lambda connection: connection.execute(made))

    @rule(place=places, number=numbers)
    def another_moves_a_row_over_another(self, place: int, number: int) -> None:
        """No trigger hears of the row that is gone, and none of a key that changed.

        By its log a backup of before is as new as the table now is; so none is restored.
        """
        self.backup = None
        condition: Sequence[object] | None = self.row(place)
        if condition is not None:
            made = update(self.table).prefix_with("OR REPLACE").where(*condition)  # type: ignore[arg-type]
            made = made.values(**key_values(self.model, number))
            self.by_another(lambda connection: connection.execute(made))

    @rule(n=tags)
    def another_deletes(self, n: int) -> None:
        made = self.table.delete().where(self.table.c.n == n)
        self.by_another(lambda connection: connection.execute(made))

    @rule(rows=st.dictionaries(numbers, vectors, min_size=1, max_size=4), keeps=st.booleans())
    def another_transaction(self, rows: dict[int, list[float]], *, keeps: bool) -> None:
        values = [
            {**key_values(self.model, number), "n": 3, "slot": None, "embedding": vector}
            for number, vector in rows.items()
        ]
        with suppress(OperationalError), self.foreign.connect() as connection:
            connection.execute(insert(self.table).prefix_with("OR REPLACE"), values)
            if keeps:
                connection.commit()

    @rule()
    def vacuum(self) -> None:
        self.by_another(lambda connection: connection.execute(text("VACUUM")))

    @rule()
    def another_table(self) -> None:
        self.tables += 1
        made = text("CREATE TABLE IF NOT EXISTS another (a, b)")
        gone = text("DROP TABLE IF EXISTS another")
        self.by_another(lambda connection: connection.execute(made if self.tables % 2 else gone))

    @rule(question=questions)
    def begin_an_old_session(self, question: Question) -> None:
        self.end_the_old_session()
        self.old = self.db.session()
        searched(self.model, self.old, question)

    def begun(self) -> Iterator[Session]:
        yield from super().begun()
        if self.old is not None:
            yield self.old

    @rule()
    def end_the_old_session(self) -> None:
        if self.old is not None:
            self.old.close()
        self.old = None

    @rule()
    def open_again(self) -> None:
        self.leave()
        self.session.close()
        self.db.dispose()
        self.db = Database(self.url)
        self.restart()

    @rule()
    def create_the_table_again(self) -> None:
        self.leave()
        self.db.drop_all(self.model)
        self.db.create_all(self.model)

    @rule()
    def another_drops_the_table(self) -> None:
        """Without a word to the log, which stays until the table is created again."""
        self.leave()
        self.by_another(lambda connection: connection.execute(DropTable(self.table)))
        self.db.create_all(self.model)

    @rule()
    def back_up(self) -> None:
        self.leave()
        self.db.dispose()
        self.backup = self.path.with_suffix(".backup")
        shutil.copyfile(self.path, self.backup)

    @precondition(lambda self: self.backup is not None)
    @rule(as_file=st.booleans(), vector=vectors)
    def restore(self, vector: list[float], *, as_file: bool) -> None:
        """As a file, or by SQLite's own backup, which counts the schema's version up.

        Then so much is written that the log is as long as it was before.
        """
        assert self.backup is not None
        self.leave()
        self.db.dispose()
        if as_file:
            shutil.copyfile(self.backup, self.path)
        else:
            copied(self.backup, self.path)
        with self.beside() as connection:
            for turned in (vector[::-1], None, vector, vector[1:] + vector[:1]):
                connection.execute(update(self.table).values(embedding=turned))
