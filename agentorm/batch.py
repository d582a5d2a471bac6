"""The statements of an upsert, for rows that give the same fields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, cast

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Insert,
    Select,
    Table,
    and_,
    or_,
    select,
    update,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Mapper

from agentorm.errors import ConstraintViolation
from agentorm.models import key_columns
from agentorm.rank import Run
from agentorm.rank.base import in_chunks

Key: TypeAlias = tuple[Any, ...]
_AS_STORED = {"populate_existing": True}


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows to insert, or to overwrite where the target's key has a row.

    Attributes:
        target: the fields of the unique key that decides.
        chosen: the fields that are overwritten.
        rows: the values by field, the same fields in each.
    """

    run: Run
    mapper: Mapper[Any]
    target: tuple[str, ...]
    chosen: tuple[str, ...]
    rows: Sequence[dict[str, Any]]

    def written(self) -> list[tuple[Key, Any]]:
        """Write the rows, and give each as it is now, with its key.

        The statement is refused where another unique key finds its row first: then each half is
        written by itself. Of such a row alone, that of the wanted key is updated, which the other
        key may refuse for good; rows that were written before the refusal are only written again.
        """
        try:
            return self._sent()
        except DBAPIError as error:
            if error.orig is None or not self.run.dialect.is_other_key(error.orig):
                raise
            if len(self.rows) == 1:
                if self._update(self.rows[0]) == 0:
                    raise self._violation() from error
                return self.read_back()
        half = len(self.rows) // 2
        parts = (replace(self, rows=self.rows[:half]), replace(self, rows=self.rows[half:]))
        return [row for part in parts for row in part.written()]

    def _sent(self) -> list[tuple[Key, Any]]:
        statement, session, sent = self._statement(), self.run.session, list(self.rows)
        if not self.run.dialect.upsert_returns:
            session.execute(statement, sent, execution_options=self._options())
            return self.read_back()
        options = {**self._options(), **_AS_STORED}
        returning = statement.returning(self.mapper.class_)
        written = session.scalars(returning, sent, execution_options=options).unique()
        return self.matched({self.key_of(entity): entity for entity in written})

    def _options(self) -> dict[str, Any]:
        """Without NULL in a statement, each pattern of values is one of its own."""
        defaults = {a.key for a in self.mapper.column_attrs if _has_default(a.columns[0])}
        is_due = any(row[name] is None for row in self.rows for name in defaults & row.keys())
        return {} if is_due else {"render_nulls": True}

    @property
    def _key_names(self) -> list[str]:
        columns = self.mapper.column_attrs
        return [columns[name].columns[0].name for name in self.target]

    def _statement(self) -> Insert:
        columns = self.mapper.column_attrs
        overwrite = [columns[name].columns[0].name for name in self.chosen or self.target]
        return self.run.dialect.upsert(self.mapper.class_, self._key_names, overwrite)

    def _update(self, row: dict[str, Any]) -> int:
        values = {name: row[name] for name in self.chosen or self.target}
        changing = update(self.mapper.class_).where(*self._same(row)).values(values)
        options = {"synchronize_session": False}
        changed = self.run.session.execute(changing, execution_options=options)
        return cast("CursorResult[Any]", changed).rowcount

    def _violation(self) -> ConstraintViolation:
        return ConstraintViolation(
            f"a row has another unique key of {self.mapper.class_.__name__} than "
            f"({', '.join(self.target)}) already",
            hint="only the row of the named key is ever overwritten",
        )

    def read_back(self) -> list[tuple[Key, Any]]:
        """The rows as they are now, though the transaction may look at an older snapshot.

        A row that the snapshot shows as written, in every field, is as it is now. The others are
        read under their locks, which they have since they were written.
        """
        certain = self._writes_every_field() or self.run.dialect.sees_what_it_wrote
        read: list[tuple[Key, Any]] = []
        for part in in_chunks(self.rows):
            found = self._current(part) if certain else {}
            read += replace(self, rows=part).matched(found)
        return read

    def matched(self, found: dict[Key, Any]) -> list[tuple[Key, Any]]:
        """The entity of each row, read again where none is found under its very key."""
        rest = [row for row in self.rows if self._key(row) not in found]
        found |= self._locked(rest) if rest else {}
        return [(key, found[key]) for key in map(self._key, self.rows) if key in found]

    def _current(self, rows: Sequence[dict[str, Any]]) -> dict[Key, Any]:
        read = self._read(select(self.mapper.class_).where(self._among(rows)))
        found = {self.key_of(entity): entity for entity in read}
        if self.run.dialect.sees_what_it_wrote:
            return found
        given = {self._key(row): row for row in rows}
        return {key: e for key, e in found.items() if key in given and self._holds(e, given[key])}

    def _locked(self, rows: Sequence[dict[str, Any]]) -> dict[Key, Any]:
        """The rows by their unique index, since another way would lock more than these.

        Where the server does not have such an index under a name, each is read alone.
        """
        found: dict[Key, Any] = {}
        selected, index = select(self.mapper.class_).with_for_update(), None
        if len(rows) > 1:
            table = cast("Table", self.mapper.local_table)
            index = self.run.dialect.unique_index(self.run.connection, table, self._key_names)
        if index is not None:
            hinted = selected.with_hint(self.mapper.class_, index)
            read = self._read(hinted.where(self._among(rows)))
            found = {self.key_of(entity): entity for entity in read}
        for row in rows:
            if self._key(row) not in found:
                for entity in self._read(selected.where(*self._same(row))):
                    found[self._key(row)] = entity
        return found

    def _read(self, statement: Select[Any]) -> Sequence[Any]:
        read = self.run.session.scalars(statement, execution_options=_AS_STORED)
        return read.unique().all()

    def _among(self, rows: Sequence[dict[str, Any]]) -> ColumnElement[bool]:
        if len(self.target) == 1:
            field = getattr(self.mapper.class_, self.target[0])
            return cast("ColumnElement[bool]", field.in_([row[self.target[0]] for row in rows]))
        return or_(*(and_(*self._same(row)) for row in rows))

    def _writes_every_field(self) -> bool:
        rest = {a.key for a in self.mapper.column_attrs} - {*self.chosen, *self.target}
        return rest <= {str(column.key) for column in key_columns(self.mapper.class_)}

    def _holds(self, entity: Any, row: dict[str, Any]) -> bool:
        columns = self.mapper.column_attrs
        return all(
            columns[name].columns[0].type.compare_values(getattr(entity, name), row[name])
            for name in self.chosen
        )

    def _key(self, row: dict[str, Any]) -> Key:
        return tuple(row[name] for name in self.target)

    def key_of(self, entity: Any) -> Key:
        """What an entity has in the fields of the target."""
        return tuple(getattr(entity, name) for name in self.target)

    def _same(self, row: dict[str, Any]) -> list[ColumnElement[bool]]:
        return [getattr(self.mapper.class_, name) == row[name] for name in self.target]


def _has_default(column: Any) -> bool:
    return getattr(column, "default", None) is not None
