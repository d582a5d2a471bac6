"""The vector indexes that models declare, and how they stand in a database."""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from typing import Any, TypeAlias, overload

from sqlalchemy import Connection, inspect
from sqlmodel.main import default_registry

from agentorm.change_logs import (
    create_log,
    drop_log,
    embeds,
    has_log,
    mark_all_changed,
    why_not_followed,
)
from agentorm.dialects import Dialect
from agentorm.dialects.connecting import ensure
from agentorm.dialects.tasks import settled
from agentorm.dialects.translation import translated
from agentorm.embedded.building import Progress
from agentorm.embedded.index import EmbeddedIndex
from agentorm.embedded.searching import Version
from agentorm.errors import DatabaseError, InvalidModel, UnsupportedFeature
from agentorm.indexes import VectorIndex
from agentorm.models import RankedField, mapper_of, vector_field_of, vector_fields
from agentorm.rank.held import field_column, field_index, make_room
from agentorm.switch import indexes_are_on

Connecting: TypeAlias = Callable[[], AbstractContextManager[Connection]]
_NOTHING = "-"
_USUAL_DEPTH = 10


@dataclass(frozen=True, slots=True)
class IndexReport:
    """A vector index that a model declares, and what serves for it.

    Attributes:
        table: the table.
        column: its column of vectors.
        declared: the declaration.
        serves: ``embedded`` for the index in this process, the kind of index that the engine
            itself has, or ``none`` where every row is ranked.
        state: ``current``, ``3 changes behind``, ``not built yet``, ``building 40 %``, or why
            it does not serve.
        rows: how many rows are in the index of this process.
        clock: the entry of the change log that it knows of last.
        recall: the share of the true nearest that it is to find.
        measured: the share that it found of ten, on rows of its own, when it was built.
        memory: the bytes it takes.
    """

    table: str
    column: str
    declared: VectorIndex
    serves: str
    state: str
    rows: int | None = None
    clock: int | None = None
    recall: float | None = None
    measured: float | None = None
    memory: int | None = None

    def cells(self) -> tuple[str, ...]:
        """What each attribute says, for the eye."""
        values = (getattr(self, each.name) for each in fields(self))
        return tuple(_shown(value) for value in values)


@dataclass(frozen=True, slots=True)
class Place:
    """How to come to the database.

    Attributes:
        reading: a connection.
        changing: one in a transaction that changes the schema.
    """

    reading: Connecting
    changing: Connecting


class Indexes(Sequence[IndexReport]):
    """The vector indexes that models declare, as they stood when they were asked for; ``print`` it.

    Example:
        ``db.indexes().rebuild(Doc, progress=print)``
    """

    __slots__ = ("_place", "_reports")

    def __init__(self, reports: Iterable[IndexReport], place: Place) -> None:
        self._reports, self._place = tuple(reports), place

    def rebuild(
        self, model: type[Any], field: str | None = None, *, progress: Progress | None = None
    ) -> None:
        """Build the index anew, here at once and in other processes at their next search.

        It creates the change log that the index follows where that is missing or damaged, so
        that it is what turns the index on in a database whose tables were made without it.

        Args:
            model: a mapped class.
            field: its field of vectors, needed where there are several.
            progress: told now and then how many rows are done, of about how many.

        Raises:
            UnsupportedFeature: the engine has indexes of its own, or none can follow the column.
            InvalidModel: the field declares no index.
            TransactionConflict: another writer holds the database for longer than the timeout.

        Example:
            ``db.indexes().rebuild(Doc)`` is ``INSERT INTO vx_doc_embedding(row) VALUES (NULL)``,
            and then reads the vectors.
        """
        rebuild(self._place, model, field, progress)

    def drop(self, model: type[Any], field: str | None = None) -> None:
        """Drop the change log, and what this process holds: every row is ranked from then on.

        Raises:
            UnsupportedFeature: the engine has indexes of its own, or none can follow the column.
            InvalidModel: the field declares no index.
            TransactionConflict: another writer holds the database for longer than the timeout.

        Example:
            ``db.indexes().drop(Doc)`` is ``DROP TABLE vx_doc_embedding``, and of its triggers.
        """
        drop(self._place, model, field)

    def __len__(self) -> int:
        return len(self._reports)

    @overload
    def __getitem__(self, index: int) -> IndexReport: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[IndexReport, ...]: ...
    def __getitem__(self, index: int | slice) -> IndexReport | tuple[IndexReport, ...]:
        return self._reports[index]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({[*self._reports]!r})"

    def __str__(self) -> str:
        names = tuple(each.name for each in fields(IndexReport))
        rows = [names, *(report.cells() for report in self._reports)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = (
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            for row in rows
        )
        return "\n".join(line.rstrip() for line in lines)


def indexes_of(models: Iterable[type[Any]], place: Place) -> Indexes:
    """The reports of what models declare; of all models of SQLModel where none are given."""
    with place.reading() as connection, translated(connection.dialect):
        known = ensure(connection)
        found = [_report(field, connection, known) for field in _declared(models)]
    return Indexes(sorted(found, key=lambda report: (report.table, report.column)), place)


def rebuild(place: Place, model: type[Any], field: str | None, progress: Progress | None) -> None:
    """See `Indexes.rebuild`."""
    declared = _field(model, field)
    with place.changing() as connection, translated(connection.dialect):
        known = ensure(connection)
        column = _followed(declared, known)
        if has_log(column, connection):
            mark_all_changed(column, connection)
        else:
            create_log(column, connection)
        held = field_index(declared, connection, known)
        make_room(held, connection)
        awaits = connection.dialect.is_async
    if awaits:
        settled(to_thread(held.index.rebuild, progress))
    else:
        held.index.rebuild(progress)
    if held.index.version is None:
        raise DatabaseError(f"the index of {declared.label} is not built: {held.index.why}")


def drop(place: Place, model: type[Any], field: str | None) -> None:
    """See `Indexes.drop`."""
    declared = _field(model, field)
    with place.changing() as connection, translated(connection.dialect):
        known = ensure(connection)
        drop_log(_followed(declared, known), connection)
        index = field_index(declared, connection, known).index
    index.discard()


def _field(model: type[Any], name: str | None) -> RankedField:
    field = vector_field_of(model, name)
    if field.index is None:
        raise InvalidModel(
            f"{field.label} declares no index", hint="vector_field(..., index=Approximate())"
        )
    return field


def _followed(field: RankedField, known: Dialect) -> Any:
    if not embeds(known):
        raise UnsupportedFeature(
            f"an index of {field.label} that is built and dropped by hand",
            dialect=known.name,
            hint="its indexes are its own: drop and create them by a migration",
        )
    column = field_column(field)
    reason = why_not_followed(column, field.metric)
    if reason is not None:
        raise UnsupportedFeature(f"an index of {field.label}: {reason}", dialect=known.name)
    return column


def _declared(models: Iterable[type[Any]]) -> list[RankedField]:
    """The fields that declare an index, each of the class that has its table."""
    given = [*models] or [mapper.class_ for mapper in default_registry.mappers]
    found: dict[Any, RankedField] = {}
    for model in given:
        table = mapper_of(model).local_table
        for field in vector_fields(model).values():
            column = field_column(field)
            if field.index is not None and (column.table is table or column not in found):
                found[column] = field
    return [*found.values()]


def _report(field: RankedField, connection: Connection, known: Dialect) -> IndexReport:
    if embeds(known):
        return _embedded(field, connection, known)
    column, table = field_column(field), field_column(field).table
    assert field.index is not None
    named = (table.name, str(column.name), field.index)
    built = known.indexed_by(field.index.method, field.metric, field.type.kind)
    if built is None:
        return IndexReport(*named, "none", f"{known.name} has no {field.index.method} for it")
    there = known.vector_indexes(connection, table.name, table.schema).values()
    is_there = any(index.column == column.name for index in there)
    state = "current" if is_there else "missing: create it by a migration"
    asked: float | None = getattr(field.index, "recall", None)
    return IndexReport(*named, str(built) if is_there else "none", state, recall=asked)


def _embedded(field: RankedField, connection: Connection, known: Dialect) -> IndexReport:
    column = field_column(field)
    assert field.index is not None
    named = (column.table.name, str(column.name), field.index)
    reason = why_not_followed(column, field.metric)
    if reason is None and not indexes_are_on():
        reason = "indexes are switched off"
    if reason is not None:
        return IndexReport(*named, "none", reason)
    index = field_index(field, connection, known).index
    asked, version = index.declared.recall, index.version
    if not inspect(connection).has_table(column.table.name):
        return IndexReport(*named, "none", "missing: the table is not there", recall=asked)
    if not has_log(column, connection):
        return IndexReport(*named, "none", f"missing: {index.lacks_log}", recall=asked)
    if version is None:
        return IndexReport(*named, "embedded", _unbuilt(index), recall=asked)
    return IndexReport(
        *named,
        "embedded",
        _stands(index, version, connection),
        rows=version.contents.live,
        clock=version.clock,
        recall=asked,
        measured=version.calibration.recall_at(_USUAL_DEPTH),
        memory=version.contents.memory,
    )


def _unbuilt(index: EmbeddedIndex) -> str:
    if index.progress is None:
        return index.why or "not built yet"
    done, of = index.progress
    return f"building {100 * done // max(of, 1)} %"


def _stands(index: EmbeddedIndex, version: Version, connection: Connection) -> str:
    if index.progress is not None:
        return _unbuilt(index)
    ((at, stamp, schema),) = connection.exec_driver_sql(index.declared.statements.clock).all()
    if (at, stamp, schema) == (version.clock, version.stamp, version.schema):
        return "current"
    behind = at - version.clock
    if schema != version.schema or behind <= 0:
        return "to be built anew at the next search"
    return f"{behind} changes behind"


def _shown(value: object) -> str:
    if value is None:
        return _NOTHING
    return f"{value:.3f}" if isinstance(value, float) else f"{value}"
