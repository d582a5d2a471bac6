"""Insert or overwrite, decided by one unique key and by no other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from sqlalchemy import inspect
from sqlalchemy.orm import Mapper

from agentorm.adding import part_added
from agentorm.batch import Batch
from agentorm.bulk import limited_statements
from agentorm.entity import check_complete
from agentorm.errors import InvalidQuery
from agentorm.models import field_name, key_columns, one_table, unique_keys
from agentorm.overwriting import overwritten
from agentorm.rank import Run
from agentorm.rank.base import sortable

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
    overwrite: frozenset[str] | None,
) -> list[E]:
    """Write the entities as `Repository.upsert` promises; the caller makes it atomic."""
    mapper = one_table(model, "upsert")
    wanted: dict[Any, E] = {}
    for place, entity in enumerate(entities):
        check_complete(entity)
        wanted[_key_of(mapper, entity, target) or place] = entity
    keyed = {key: entity for key, entity in wanted.items() if not isinstance(key, int)}
    unkeyed = [entity for key, entity in wanted.items() if isinstance(key, int)]
    in_order = [keyed[key] for key in _sorted_alike(keyed)]
    with limited_statements(run, wanted.values()):
        if unkeyed and not part_added(run, model, unkeyed):
            run.session.add_all(unkeyed)
            run.session.flush()
        stored = overwritten(run, model, in_order, target, overwrite)
        if stored is None:
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
    overwrite: frozenset[str] | None,
) -> Iterable[tuple[tuple[Any, ...], Any]]:
    for names, rows in _by_fields(mapper, entities).items():
        keys = {str(column.key) for column in key_columns(mapper.class_)} | {*target}
        chosen = tuple(n for n in names if n not in keys and (overwrite is None or n in overwrite))
        yield from Batch(run, mapper, target, chosen, rows).written()


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
