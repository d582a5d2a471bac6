"""Upserts over the driver's own cursor, wherever that is as good as SQLAlchemy's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from operator import itemgetter
from typing import Any

from sqlalchemy import Compiled
from sqlalchemy.engine.interfaces import Dialect as SQLAlchemyDialect
from sqlalchemy.exc import DBAPIError

from agentorm.adding import completed, layout_for, most_rows
from agentorm.batch import Batch, Key
from agentorm.dialects import Dialect
from agentorm.direct import Sent
from agentorm.hydrating import Hydrator, Load, converters_of, hydrator_of
from agentorm.inserting import (
    Repeated,
    Statements,
    positional,
    processed,
    repeated,
    statements_of,
)
from agentorm.layouts import Layout
from agentorm.rank import Run


@dataclass(eq=False, slots=True)
class Overwriting:
    """The statement of an upsert of some fields, of so many rows at once, and what reads its rows.

    Attributes:
        names: the fields that are given, in the order of their placeholders.
        target: those of the unique key that decides.
        chosen: those that are overwritten.
    """

    layout: Layout
    hydrator: Hydrator
    engine: Dialect
    dialect: SQLAlchemyDialect
    names: tuple[str, ...]
    target: tuple[str, ...]
    chosen: tuple[str, ...]
    _text: Repeated | None = None
    _binary: bool = False
    _load: Load | None = None

    def of_rows(self, count: int) -> Sent:
        """The statement as the driver takes it, for so many rows."""
        if self._text is None:
            one, two = self._of_rows(1), self._of_rows(2)
            self._text = repeated(str(one), str(two))
            self._binary = self.engine.returns_binary(one)
        return Sent(self._text.of(count), self._binary)

    def _of_rows(self, count: int) -> Compiled:
        columns = {name: self.layout.table.columns[key] for key, name in self.layout.names.items()}
        key = [columns[name].name for name in self.target]
        overwrite = [columns[name].name for name in self.chosen or self.target]
        row = {columns[name].key: None for name in self.names}
        made = self.engine.upsert(self.layout.table, key, overwrite)
        made = made.values([row for _ in range(count)])
        if not self.engine.upsert_returns:
            return made.inline().compile(dialect=positional(self.dialect))
        returned = [columns[name] for name in self.hydrator.names]
        return made.returning(*returned).compile(dialect=positional(self.dialect))

    def loaded(self, run: Run, rows: Sequence[Sequence[Any]]) -> list[Any] | None:
        """The entities of the rows; None where the session had one of them before."""
        if self._load is None:
            converters = converters_of(self.hydrator.types, self.dialect, run.line.codes)
            self._load = self.hydrator.loader(converters)
        session = run.session
        before = len(session.identity_map)
        entities = self._load(session, rows)
        is_new = entities is not None and len(session.identity_map) - before == len(rows)
        return entities if is_new else None


def overwritten(
    run: Run,
    model: type[Any],
    entities: Sequence[Any],
    target: tuple[str, ...],
    overwrite: frozenset[str] | None,
) -> dict[Key, Any] | None:
    """Upsert entities that have their key, if statements of our own can; the rows by key."""
    layout, hydrator = layout_for(run, model), hydrator_of(model)
    if layout is None or isinstance(hydrator, str) or hydrator.is_heard():
        return None
    if {*map(type, entities)} != {model}:
        return None
    made: list[tuple[Overwriting, dict[str, Sequence[Any]]]] = []
    statements = statements_of(layout, run.connection.dialect)
    for group in _by_key(layout, entities, target):
        columns = _columns(layout, group)
        if columns is None:
            return None
        names = tuple(name for name in statements.keyed.names if name in columns)
        found = _overwriting(run, layout, hydrator, (names, target, overwrite), statements)
        made.append((found, columns))
    stored: dict[Key, Any] = {}
    for overwriting, columns in made:
        stored.update(_written(run, overwriting, columns, statements))
    return stored


def _by_key(
    layout: Layout, entities: Sequence[Any], target: tuple[str, ...]
) -> Iterator[Sequence[Any]]:
    """Those with the key that the engine generates, and those without."""
    generated = layout.generated
    if generated is None or generated in target:
        yield entities
        return
    for missing in (True, False):
        group = [e for e in entities if (e.__dict__.get(generated) is None) is missing]
        if group:
            yield group


def _columns(layout: Layout, entities: Sequence[Any]) -> dict[str, Sequence[Any]] | None:
    """The values by field, with defaults; None where a field is not given, or left to the server.

    Without the key that the engine generates, where the first has none.
    """
    values = [entity.__dict__ for entity in entities]
    columns: dict[str, Sequence[Any]] = {}
    for name in layout.names.values():
        if name == layout.generated and values[0].get(name) is None:
            continue
        try:
            column = completed(layout, name, [*map(itemgetter(name), values)])
        except KeyError:
            return None
        if column is None:
            return None
        columns[name] = column
    return columns


def _overwriting(
    run: Run,
    layout: Layout,
    hydrator: Hydrator,
    shape: tuple[tuple[str, ...], tuple[str, ...], frozenset[str] | None],
    statements: Statements,
) -> Overwriting:
    known: Overwriting | None = statements.overwriting.get((hydrator, *shape))
    if known is not None:
        return known
    names, target, overwrite = shape
    kept = {*layout.keys, *target}
    chosen = (n for n in names if n not in kept and (overwrite is None or n in overwrite))
    made = Overwriting(
        layout, hydrator, run.dialect, run.connection.dialect, names, target, tuple(chosen)
    )
    statements.overwriting[(hydrator, *shape)] = made
    return made


def _written(
    run: Run, made: Overwriting, columns: dict[str, Sequence[Any]], statements: Statements
) -> Iterator[tuple[Key, Any]]:
    places = {name: place for place, name in enumerate(statements.keyed.names)}
    given = [columns[name] for name in made.names]
    sent = [processed(statements.keyed, places[name], columns[name]) for name in made.names]
    parameters = run.connection.dialect.insertmanyvalues_max_parameters
    most = min(most_rows(run, sent), parameters // len(sent))
    rows = [dict(zip(made.names, row, strict=True)) for row in zip(*given, strict=True)]
    whole = Batch(run, made.layout.mapper, made.target, made.chosen, rows)
    unread: list[dict[str, Any]] = []
    for start in range(0, len(rows), most):
        part = slice(start, start + most)
        batch = replace(whole, rows=rows[part])
        found = _sent(made, batch, [column[part] for column in sent])
        if found is None:
            unread += batch.rows
        else:
            yield from found
    yield from replace(whole, rows=unread).read_back()


def _sent(
    made: Overwriting, batch: Batch, sent: Sequence[Sequence[Any]]
) -> list[tuple[Key, Any]] | None:
    """The rows as one statement has written them; None where they have to be read."""
    run, statement = batch.run, made.of_rows(len(batch.rows))
    values = tuple(chain.from_iterable(zip(*sent, strict=True)))
    try:
        if not made.engine.upsert_returns:
            run.line.write(statement.sql, values)
            return None
        run.dialect.check_length(run.connection, statement.sql, values)
        rows = run.line.fetch(statement, values)
    except DBAPIError as error:
        if error.orig is None or not made.engine.is_other_key(error.orig):
            raise
        return batch.written()
    entities = made.loaded(run, rows)
    if entities is None:
        return None
    return batch.matched({batch.key_of(entity): entity for entity in entities})
