"""New entities written by statements of our own, wherever that is as good as SQLAlchemy's flush."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from types import NoneType
from typing import Any, TypeAlias

from agentorm.adding_one import PLAIN, keep_adder
from agentorm.bulk import rows_at_once, size_of
from agentorm.dialects.generated import Keyless
from agentorm.entity import check_complete
from agentorm.inserting import Insertion, Statements, processed, statements_of
from agentorm.layouts import Layout, are_new, is_computed, layout_of
from agentorm.models import mapper_of
from agentorm.persisting import fail, flushes_as_ever, give, holds_any, settle
from agentorm.rank import Run
from agentorm.switch import plans_are_on

Columns: TypeAlias = Mapping[str, Sequence[Any]]
"""By attribute, the values as the driver takes them."""


def added(run: Run, model: type[Any], entity: Any) -> bool:
    """Insert one entity, if a statement of our own can; a refusal fails the transaction."""
    layout = layout_for(run, model)
    if layout is None:
        return False
    try:
        keep_adder(run, layout, statements_of(layout, run.connection.dialect))
        return _written(run, layout, [entity], nullcontext())
    except BaseException:
        fail(run.session)
        raise


def all_added(run: Run, model: type[Any], entities: Sequence[Any]) -> bool:
    """Insert entities, if statements of our own can: all of them or none."""
    layout = layout_for(run, model)
    if layout is None or not entities:
        return False
    return _written(run, layout, entities, _all_or_none(run))


def part_added(run: Run, model: type[Any], entities: Sequence[Any]) -> bool:
    """The same as a part of something else, which is undone as a whole."""
    layout = layout_for(run, model)
    return layout is not None and _written(run, layout, entities, nullcontext())


def layout_for(run: Run, model: type[Any]) -> Layout | None:
    """How a model is inserted where nobody would notice that no flush did it."""
    driver = run.connection.dialect.driver
    if not run.dialect.takes_entities or not plans_are_on():
        return None
    if driver not in {run.dialect.driver, run.dialect.async_driver}:
        return None
    layout = layout_of(mapper_of(model))
    if layout is None or not layout.ears.hear_nothing():
        return None
    return layout if run.line.is_usual() and flushes_as_ever(run.session) else None


@dataclass(slots=True)
class _Batch:
    """New entities and their values.

    Attributes:
        columns: by attribute.
        made: by attribute, those of them that the entities get by being written.
    """

    layout: Layout
    entities: Sequence[Any]
    states: Sequence[Any]
    columns: dict[str, list[Any]]
    made: dict[str, list[Any]] = field(default_factory=dict[str, list[Any]])

    @property
    def keys(self) -> list[tuple[Any, ...]]:
        return [*zip(*(self.columns[name] for name in self.layout.keys), strict=True)]


def _written(
    run: Run, layout: Layout, entities: Sequence[Any], atomic: AbstractContextManager[Any]
) -> bool:
    batch = _batch(run, layout, entities)
    if batch is None:
        return False
    statements = statements_of(layout, run.connection.dialect)
    with atomic:
        if not _sent(run, batch, statements):
            return False
    give(layout, entities, batch.made)
    settle(run.session, layout, batch.states, batch.keys)
    return True


@contextmanager
def _all_or_none(run: Run) -> Generator[None]:
    """Within, a refusal undoes what was written, and nothing else."""
    run.dialect.before_savepoint(run.connection)
    if run.passing:
        yield
        return
    with run.connection.begin_nested():
        yield


def _batch(run: Run, layout: Layout, entities: Sequence[Any]) -> _Batch | None:
    """The entities with their values; None where a flush does more than insert these.

    Raises:
        MissingValue: a required one is not there.
    """
    if {*map(type, entities)} != {layout.mapper.class_}:
        return None
    values = [entity.__dict__ for entity in entities]
    states = [given["_sa_instance_state"] for given in values]
    if len({*map(id, values)}) < len(values) or not are_new(layout, states):
        return None
    if layout.relationships and not all(map(layout.relationships.isdisjoint, values)):
        return None
    batch = _Batch(layout, entities, states, {})
    for name in layout.names.values():
        if not _take(batch, name, _column(values, name)):
            return None
    known = layout.generated is not None and None in batch.columns[layout.generated]
    if not known and holds_any(run.session, layout, batch.keys):
        return None
    return batch


def _column(values: Sequence[dict[str, Any]], name: str) -> list[Any]:
    try:
        return [*map(itemgetter(name), values)]
    except KeyError:
        return [given.get(name) for given in values]


def _take(batch: _Batch, name: str, column: list[Any]) -> bool:
    """Have a column in the batch, with its defaults, if that is what a flush would insert."""
    if name in batch.layout.required and any(value is None for value in column):
        for entity in batch.entities:
            check_complete(entity)
    made = completed(batch.layout, name, column)
    if made is None:
        return False
    batch.columns[name] = made
    if made is not column:
        batch.made[name] = made
    return True


def completed(layout: Layout, name: str, column: list[Any]) -> list[Any] | None:
    """The values of a column with its defaults; None where they are SQL or come from the server."""
    kinds = {*map(type, column)}
    if any(is_computed(kind) for kind in kinds - PLAIN):
        return None
    if NoneType not in kinds:
        return column
    default = layout.defaults.get(name)
    if default is not None:
        return [default() if value is None else value for value in column]
    given = name in layout.keys and name != layout.generated
    return None if given or name in layout.server_defaults else column


def _sent(run: Run, batch: _Batch, statements: Statements) -> bool:
    """Insert the rows, those in one statement that have their key, and those that have none."""
    generated = batch.layout.generated
    columns: Columns = _as_sent(batch, statements)
    if generated is None:
        _send_keyed(run, batch.layout, statements.keyed, columns)
        return True
    if statements.generating is None:
        return False
    keys: list[Any] = []
    for keyless, start, stop in _runs(batch.columns[generated]):
        part: Columns = {name: column[start:stop] for name, column in columns.items()}
        if keyless:
            got = _send_keyless(run, batch.layout, statements, part, at_once=start == 0)
            if got is None:
                return False
            keys += got
        else:
            _send_keyed(run, batch.layout, statements.keyed, part)
            keys += batch.columns[generated][start:stop]
    batch.columns[generated] = batch.made[generated] = keys
    return True


def _runs(keys: Sequence[Any]) -> Iterator[tuple[bool, int, int]]:
    """The rows without a key, and those with one, as they follow each other."""
    missing, start = keys.count(None), 0
    if missing in {0, len(keys)}:
        yield missing > 0, 0, len(keys)
        return
    for keyless, part in groupby(keys, lambda key: key is None):
        stop = start + sum(1 for _ in part)
        yield keyless, start, stop
        start = stop


def _as_sent(batch: _Batch, statements: Statements) -> Columns:
    keyed = statements.keyed
    return {
        name: processed(keyed, place, batch.columns[name]) for place, name in enumerate(keyed.names)
    }


def _send_keyed(
    run: Run,
    layout: Layout,
    statement: Insertion,
    columns: Columns,
    stored: Mapping[str, Any] | None = None,
) -> None:
    line, count = run.line, len(columns[layout.keys[0]])
    least = run.dialect.copies_from
    if least is not None and count >= least and line.is_direct():
        by_key = {key: columns[name] for key, name in layout.names.items()}
        if run.dialect.copy_rows(line, layout.table, by_key, stored):
            return
    rows = [*zip(*(columns[name] for name in statement.names), strict=True)]
    if count == 1:
        line.write(statement.sql, rows[0])
        return
    line.write_many(statement.sql, rows)


def _send_keyless(
    run: Run, layout: Layout, statements: Statements, columns: Columns, *, at_once: bool
) -> Sequence[Any] | None:
    """The keys of the rows; None where the engine cannot tell them apart, and none is sent yet."""
    statement, generated = statements.generating, layout.generated
    assert statement is not None
    assert generated is not None

    def send(keys: Sequence[Any], stored: Mapping[str, Any] | None) -> None:
        last = {name: column[-len(keys) :] for name, column in columns.items()}
        _send_keyed(run, layout, statements.keyed, {**last, generated: keys}, stored)

    values = [columns[name] for name in statement.names]
    rows = Keyless(
        table=layout.table,
        columns=values,
        count=len(columns[generated]),
        insert=statements.of_rows,
        send=send,
        largest=statements.largest,
    )
    if rows.count > 1:
        keys = run.dialect.insert_keyless(run.line, rows, most_rows(run, values))
        if keys is not None or at_once:
            return keys
    return [_send_one(run, statement, row) for row in rows.each()]


def _send_one(run: Run, statement: Insertion, row: tuple[Any, ...]) -> Any:
    cursor = run.line.write(statement.sql, row)
    if not statement.returns:
        return cursor.lastrowid
    ((key,),) = cursor.fetchall()
    return key


def most_rows(run: Run, columns: Sequence[Sequence[Any]]) -> int:
    """The most rows in one statement, whatever they hold."""
    if not columns:
        return 1
    limited = run.dialect.statement_bytes is not None
    largest = sum(max(map(size_of, column)) for column in columns) if limited else 0
    return rows_at_once(run.dialect, largest)
