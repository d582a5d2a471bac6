"""The text of an INSERT, made by SQLAlchemy once, and values as the driver takes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from operator import itemgetter
from typing import Any, Literal, cast

from sqlalchemy import Integer, Table, func, insert, select
from sqlalchemy.engine.interfaces import Dialect as SQLAlchemyDialect
from sqlalchemy.sql.compiler import SQLCompiler

from agentorm import dialects
from agentorm.beside import beside
from agentorm.columnwise import Process, Whole, single, whole
from agentorm.layouts import Layout
from agentorm.refusals import raise_refused


@dataclass(frozen=True, eq=False, slots=True)
class Insertion:
    """An INSERT of one row as the driver takes it.

    Attributes:
        sql: with the driver's placeholders.
        names: the attributes whose values it takes, in their order.
        processes: what makes of such a value what the driver takes, None where it is that.
        wholes: what does the same to all values of a column at once, where that can be.
        changes: what does it to a single value, by its place, where something is done.
        of: the values of an entity's ``__dict__``, in their order.
        returns: whether it gives back the generated key as a row.
    """

    sql: str
    names: tuple[str, ...]
    processes: tuple[Process | None, ...]
    wholes: tuple[Whole | None, ...]
    changes: tuple[tuple[int, Process], ...]
    of: Callable[[dict[str, Any]], tuple[Any, ...]]
    returns: bool


class Statements:
    """The INSERTs of one table in one dialect.

    Attributes:
        generating: of a row without the key that the engine generates, for that key.
        keyed: of a row with all of its columns.
        overwriting: those of upserts, by what they are of.
    """

    def __init__(self, layout: Layout, dialect: SQLAlchemyDialect) -> None:
        self._table, self._dialect = layout.table, positional(dialect)
        self._keyless = [c for c, name in layout.names.items() if name != layout.generated]
        self._largest: str | None = None
        self._text: Repeated | None = None
        self.overwriting: dict[Any, Any] = {}
        self.keyed = _insertion(layout, dialect, [*layout.names], for_executemany=True)
        self.generating: Insertion | None = None
        if _tells_its_key(layout):
            made = _insertion(layout, dialect, self._keyless, for_executemany=False)
            self.generating = made if made.returns or _tells_last(dialect) else None

    def of_rows(self, count: int) -> str:
        """The INSERT of so many rows without their keys, which gives nothing back."""
        if self._text is None:
            self._text = repeated(self._of_rows(1), self._of_rows(2))
        return self._text.of(count)

    def largest(self) -> str:
        """The select of the largest key there is."""
        if self._largest is None:
            column = self._table.autoincrement_column
            assert column is not None
            self._largest = str(select(func.max(column)).compile(dialect=self._dialect))
        return self._largest

    def _of_rows(self, count: int) -> str:
        made = insert(self._table).inline()
        if not self._keyless:
            return str(made.compile(dialect=self._dialect, column_keys=[]))
        row = dict.fromkeys(self._keyless)
        return str(made.values([row for _ in range(count)]).compile(dialect=self._dialect))


@dataclass(frozen=True, slots=True)
class Repeated:
    """The text of a statement of any number of rows.

    Attributes:
        before: what comes before the second row.
        row: what each further row adds.
        behind: what comes after the last.
    """

    before: str
    row: str
    behind: str

    def of(self, count: int) -> str:
        """The text for so many rows."""
        return self.before + self.row * (count - 1) + self.behind


def repeated(one: str, two: str) -> Repeated:
    """By the texts for one row and for two, whose placeholders are all alike."""
    pairs = takewhile(lambda pair: pair[0] == pair[1], zip(one, two, strict=False))
    place = sum(1 for _ in pairs)
    return Repeated(one[:place], two[place : place + len(two) - len(one)], one[place:])


def statements_of(layout: Layout, dialect: SQLAlchemyDialect) -> Statements:
    """The statements for a class in a dialect, made when they are first asked for."""
    known = beside(dialect, "_agentorm_inserts", dict[Layout, Statements])
    if layout not in known:
        known[layout] = Statements(layout, dialect)
    return known[layout]


_POSITIONAL: Mapping[str, Literal["format", "qmark"]] = {"pyformat": "format", "named": "qmark"}


def positional(dialect: SQLAlchemyDialect) -> SQLAlchemyDialect:
    """The same dialect, writing placeholders without names, which saves a dict per row."""
    if cast(Any, dialect).positional:
        return dialect
    return beside(dialect, "_agentorm_positional", partial(_made_positional, dialect))


def _made_positional(dialect: SQLAlchemyDialect) -> SQLAlchemyDialect:
    made = copy(dialect)
    made.paramstyle, made.positional = _POSITIONAL[dialect.paramstyle], True
    dialects.remember(made, dialects.of(dialect))
    return made


def _insertion(
    layout: Layout, dialect: SQLAlchemyDialect, columns: Sequence[str], *, for_executemany: bool
) -> Insertion:
    compiled = insert(layout.table).compile(
        dialect=positional(dialect), column_keys=list(columns), for_executemany=for_executemany
    )
    assert isinstance(compiled, SQLCompiler)
    places = tuple(compiled.positiontup or ())
    names = tuple(layout.names[column] for column in places)
    processes = tuple(_process(layout.table, column, dialect) for column in places)
    return Insertion(
        sql=str(compiled),
        names=names,
        processes=processes,
        wholes=tuple(whole(layout.table.columns[column].type, dialect) for column in places),
        changes=tuple(
            (place, single(layout.table.columns[column].type, dialect, process))
            for place, (column, process) in enumerate(zip(places, processes, strict=True))
            if process is not None
        ),
        of=_values_of(names),
        returns=bool(compiled.effective_returning),
    )


def _tells_last(dialect: Any) -> bool:
    return bool(dialect.postfetch_lastrowid)


def _tells_its_key(layout: Layout) -> bool:
    """Whether the key comes back from the driver as the attribute has it."""
    column = layout.table.autoincrement_column
    if column is None:
        return False
    kind: Any = column.type
    return isinstance(getattr(kind, "impl_instance", kind), Integer)


def _values_of(names: tuple[str, ...]) -> Callable[[dict[str, Any]], tuple[Any, ...]]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: tuple(values[name] for name in names)


def _process(table: Table, column: str, dialect: SQLAlchemyDialect) -> Process | None:
    kind: Any = table.columns[column].type.dialect_impl(dialect)
    process: Process | None = kind.bind_processor(dialect)
    return process


def processed(statement: Insertion, place: int, values: Sequence[Any]) -> Sequence[Any]:
    """The values of the column in that place as the driver takes them.

    Raises:
        InvalidValue: one cannot be stored.
    """
    process, at_once = statement.processes[place], statement.wholes[place]
    if process is None:
        return values
    made = None if at_once is None else at_once(values, {*map(type, values)})
    return _one_by_one(process, values) if made is None else made


def _one_by_one(process: Process, values: Sequence[Any]) -> list[Any]:
    try:
        return [*map(process, values)]
    except Exception as error:  # noqa: BLE001
        raise_refused(error)
