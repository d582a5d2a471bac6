"""Insert or overwrite, decided by one unique key and by no other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar, cast

from sqlalchemy import ColumnElement, CursorResult, Insert, inspect, select, tuple_, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Mapper

from agentorm.entity import check_complete
from agentorm.errors import ConstraintViolation, InvalidQuery
from agentorm.models import field_name, key_columns, one_table, unique_keys
from agentorm.rank import Run
from agentorm.rank.base import in_chunks, sortable

E = TypeVar("E")


def conflict_target(model: type[Any], on: Any) -> tuple[str, ...]:
    """The fields of the unique key that `on` names; the primary key without it.

    Raises:
        InvalidQuery: they are no unique key of the model.
        UnknownField: the model has no such field.
    """
    if on is None:
        return tuple(str(column.key) for column in key_columns(model))
    named: list[Any] = (
        [on] if isinstance(on, str) or hasattr(on, "__clause_element__") else list(on)
    )
    names = tuple(field_name(model, field) for field in named)
    if frozenset(names) not in unique_keys(model):
        keys = "; ".join(sorted(", ".join(sorted(key)) for key in unique_keys(model)))
        raise InvalidQuery(
            f"({', '.join(names)}) is no unique key of {model.__name__}", hint=f"it has ({keys})"
        )
    return names


def upserted(
    run: Run,
    model: type[E],
    entities: Sequence[E],
    target: tuple[str, ...],
    overwrite: Iterable[str] | None,
) -> list[E]:
    """Write the entities as `Repository.upsert` promises; the caller makes it atomic."""
    mapper = one_table(model, "upsert")
    wanted: dict[Any, E] = {}
    for place, entity in enumerate(entities):
        check_complete(entity)
        wanted[_key_of(mapper, entity, target) or place] = entity
    keyed = {key: entity for key, entity in wanted.items() if not isinstance(key, int)}
    unkeyed = [entity for key, entity in wanted.items() if isinstance(key, int)]
    run.session.add_all(unkeyed)
    run.session.flush()
    in_order = [keyed[key] for key in _sorted_alike(keyed)]
    stored = dict(_written(run, mapper, in_order, target, overwrite))
    return [stored.get(key, entity) for key, entity in wanted.items()]


def _sorted_alike(keys: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """One order for all who write these keys at once, so that none waits for another in a ring."""
    try:
        return sorted(keys, key=sortable)
    except TypeError:
        return sorted(keys, key=repr)


def _key_of(mapper: Mapper[Any], entity: Any, target: tuple[str, ...]) -> tuple[Any, ...] | None:
    state = inspect(entity)
    if state.session is not None:
        raise InvalidQuery(
            f"{entity!r} is in a session already", hint="update() writes its changes"
        )
    key = tuple(state.dict.get(name) for name in target)
    return None if any(part is None for part in key) else key


def _written(
    run: Run,
    mapper: Mapper[Any],
    entities: Iterable[Any],
    target: tuple[str, ...],
    overwrite: Iterable[str] | None,
) -> Iterable[tuple[tuple[Any, ...], Any]]:
    for names, rows in _by_fields(mapper, entities).items():
        keys = {str(column.key) for column in key_columns(mapper.class_)} | {*target}
        chosen = [n for n in names if n not in keys and (overwrite is None or n in overwrite)]
        statement = run.dialect.upsert(
            mapper.class_, _columns(mapper, target), _columns(mapper, chosen or target)
        )
        if run.dialect.upsert_returns:
            statement = statement.returning(mapper.class_)
            stored: Iterable[Any] = run.session.scalars(
                statement, rows, execution_options=_AS_STORED
            ).all()
        else:
            _write(run, mapper, statement, rows, target, chosen)
            stored = _read_back(run, mapper, rows, target, chosen)
        for entity in stored:
            yield tuple(getattr(entity, name) for name in target), entity


def _write(
    run: Run,
    mapper: Mapper[Any],
    statement: Insert,
    rows: list[dict[str, Any]],
    target: tuple[str, ...],
    chosen: list[str],
) -> None:
    """The rows by a statement that is refused where another unique key finds its row first.

    Then the row of the wanted key is updated, which the other key may refuse for good; rows
    that were written before the refusal are only written again.
    """
    try:
        run.session.execute(statement, rows, execution_options=_WITH_NULL)
    except DBAPIError as error:
        if error.orig is None or not run.dialect.is_other_key(error.orig):
            raise
        if len(rows) > 1:
            for row in rows:
                _write(run, mapper, statement, [row], target, chosen)
            return
        values = {name: rows[0][name] for name in chosen or target}
        changing = update(mapper.class_).where(*_same(mapper, rows[0], target)).values(values)
        changed = run.session.execute(changing, execution_options={"synchronize_session": False})
        if cast("CursorResult[Any]", changed).rowcount == 0:
            raise ConstraintViolation(
                f"a row has another unique key of {mapper.class_.__name__} than "
                f"({', '.join(target)}) already",
                hint="only the row of the named key is ever overwritten",
            ) from error


def _read_back(
    run: Run,
    mapper: Mapper[Any],
    rows: list[dict[str, Any]],
    target: tuple[str, ...],
    chosen: list[str],
) -> Iterable[Any]:
    """The rows as they are now, though the transaction may look at an older snapshot.

    A row that the snapshot shows as written, in every field, is as it is now. Any other is read
    under its lock, and alone: a lock on many keys at once may be one on the whole table.
    """
    rest = {attribute.key for attribute in mapper.column_attrs} - {*chosen, *target}
    certain = rest <= {str(column.key) for column in key_columns(mapper.class_)}
    model, fields = mapper.class_, [getattr(mapper.class_, name) for name in target]
    for part in in_chunks(rows):
        keys = [tuple(row[name] for name in target) for row in part]
        many = fields[0].in_([key for (key,) in keys]) if len(target) == 1 else None
        reading = select(model).where(tuple_(*fields).in_(keys) if many is None else many)
        read = run.session.scalars(reading, execution_options=_AS_STORED)
        found = {tuple(getattr(entity, name) for name in target): entity for entity in read}
        for key, row in zip(keys, part, strict=True):
            entity = found.get(key)
            if entity is None or not (certain and _holds(mapper, entity, row, chosen)):
                one = select(model).where(*_same(mapper, row, target)).with_for_update()
                entity = run.session.scalars(one, execution_options=_AS_STORED).one()
            yield entity


def _holds(mapper: Mapper[Any], entity: Any, row: dict[str, Any], names: list[str]) -> bool:
    columns = mapper.column_attrs
    return all(
        columns[name].columns[0].type.compare_values(getattr(entity, name), row[name])
        for name in names
    )


def _same(
    mapper: Mapper[Any], row: dict[str, Any], target: tuple[str, ...]
) -> list[ColumnElement[bool]]:
    return [getattr(mapper.class_, name) == row[name] for name in target]


_AS_STORED = {"populate_existing": True}
_WITH_NULL = {"render_nulls": True}


def _by_fields(
    mapper: Mapper[Any], entities: Iterable[Any]
) -> dict[tuple[str, ...], list[dict[str, Any]]]:
    """The values of each entity, together with those that give the same fields."""
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    generated = {str(column.key) for column in key_columns(mapper.class_)}
    generated |= {a.key for a in mapper.column_attrs if _has_default(a.columns[0])}
    for entity in entities:
        given = inspect(entity).dict
        values = {
            attribute.key: given[attribute.key]
            for attribute in mapper.column_attrs
            if attribute.key in given
            and not (attribute.key in generated and given[attribute.key] is None)
        }
        groups.setdefault(tuple(values), []).append(values)
    return groups


def _has_default(column: Any) -> bool:
    return getattr(column, "server_default", None) is not None


def _columns(mapper: Mapper[Any], names: Iterable[str]) -> list[str]:
    return [mapper.column_attrs[name].columns[0].name for name in names]
