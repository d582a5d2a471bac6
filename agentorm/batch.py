"""The statements of an upsert, for rows that give the same fields."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, cast

from sqlalchemy import ColumnElement, CursorResult, Insert, select, tuple_, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Mapper

from agentorm.errors import ConstraintViolation
from agentorm.models import key_columns
from agentorm.rank import Run
from agentorm.rank.base import in_chunks

Key: TypeAlias = tuple[Any, ...]
_AS_STORED = {"populate_existing": True}
_WITH_NULL = {"render_nulls": True}


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

    def returned(self) -> Iterable[tuple[Key, Any]]:
        """Write them by a statement that gives the rows back; each with its key."""
        statement = self._statement().returning(self.mapper.class_)
        sent = list(self.rows)
        written = self.run.session.scalars(statement, sent, execution_options=_AS_STORED)
        return [(self._key_of(entity), entity) for entity in written.unique()]

    def guarded(self) -> Iterable[tuple[Key, Any]]:
        """Write them by a statement that gives nothing back, then read them; each with its key."""
        self._write(self._statement())
        return self._read_back()

    def _statement(self) -> Insert:
        columns = self.mapper.column_attrs
        key = [columns[name].columns[0].name for name in self.target]
        overwrite = [columns[name].columns[0].name for name in self.chosen or self.target]
        return self.run.dialect.upsert(self.mapper.class_, key, overwrite)

    def _write(self, statement: Insert) -> None:
        """The statement is refused where another unique key finds its row first.

        Then the row of the wanted key is updated, which the other key may refuse for good; rows
        that were written before the refusal are only written again.
        """
        try:
            self.run.session.execute(statement, list(self.rows), execution_options=_WITH_NULL)
        except DBAPIError as error:
            if error.orig is None or not self.run.dialect.is_other_key(error.orig):
                raise
            if len(self.rows) > 1:
                self._write_each(statement)
                return
            if self._update(self.rows[0]) == 0:
                raise self._violation() from error

    def _write_each(self, statement: Insert) -> None:
        for row in self.rows:
            replace(self, rows=[row])._write(statement)  # noqa: SLF001  # its own kind

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

    def _read_back(self) -> Iterable[tuple[Key, Any]]:
        """The rows as they are now, though the transaction may look at an older snapshot.

        A row that the snapshot shows as written, in every field, is as it is now. Any other is
        read under its lock, and alone: a lock on many keys at once may be one on the whole table.
        """
        certain = self._writes_every_field()
        for part in in_chunks(self.rows):
            found = self._found(part)
            for row in part:
                key = self._key(row)
                entity = found.get(key)
                if entity is None or not (certain and self._holds(entity, row)):
                    alone = select(self.mapper.class_).where(*self._same(row)).with_for_update()
                    read = self.run.session.scalars(alone, execution_options=_AS_STORED)
                    entity = read.unique().one()
                yield key, entity

    def _found(self, rows: Sequence[dict[str, Any]]) -> dict[Key, Any]:
        fields = [getattr(self.mapper.class_, name) for name in self.target]
        keys = [self._key(row) for row in rows]
        wanted = tuple_(*fields).in_(keys)
        if len(fields) == 1:
            wanted = fields[0].in_([key for (key,) in keys])
        reading = select(self.mapper.class_).where(wanted)
        read = self.run.session.scalars(reading, execution_options=_AS_STORED)
        return {self._key_of(entity): entity for entity in read.unique()}

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

    def _key_of(self, entity: Any) -> Key:
        return tuple(getattr(entity, name) for name in self.target)

    def _same(self, row: dict[str, Any]) -> list[ColumnElement[bool]]:
        return [getattr(self.mapper.class_, name) == row[name] for name in self.target]
