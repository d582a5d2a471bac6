"""How made-up rows meet a database: in a transaction that is rolled back."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import Table, inspect
from sqlmodel import Session

from agentorm import Database, SyncQuery, repository
from tests.engines import NAMES
from tests.property.conditions import in_sql, operand
from tests.property.models import KEYS, World
from tests.property.oracle import Key, Sort
from tests.strategies import Case, Page

M = TypeVar("M", bound=World)

on_every_engine = [
    pytest.mark.engines(*NAMES),
    # an engine that cannot compute a distance says so, once
    pytest.mark.filterwarnings("ignore::agentorm.errors.SlowPath"),
]
# the database of a test serves all its examples, each in a transaction that is rolled back
examples_share_the_database = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
USUAL = settings().max_examples
EXAMPLES = int(os.environ.get("AGENTORM_EXAMPLES", 20 * USUAL))
every_example = settings(examples_share_the_database, max_examples=EXAMPLES)
few_examples = settings(examples_share_the_database, max_examples=max(1, EXAMPLES // 20))
fewer_examples = settings(examples_share_the_database, max_examples=max(1, USUAL // 4))
"""For what `test_everything` asks too, of more models and rows."""


@contextmanager
def stored(
    db: Database, *rows_of: tuple[type[World], Sequence[Mapping[str, Any]]]
) -> Generator[Session]:
    """A session that has written the rows and forgotten the objects."""
    with db.session() as session:
        for model, rows in rows_of:
            repository(model, session).add_all(model(**row) for row in rows)
        session.expunge_all()
        yield session
        session.rollback()


def table_of(model: type[World]) -> Table:
    return cast(Table, inspect(model).local_table)


def ranking(case: Case, session: Session) -> SyncQuery[World]:
    """The case as a query, without thresholds and page."""
    query = repository(case.model, session).similar_to(
        case.query, on=case.field, metric=case.metric
    )
    return query if case.condition is None else query.where(in_sql(case.model, case.condition))


def paged(query: SyncQuery[M], page: Page) -> SyncQuery[M]:
    query = query.offset(page.skip)
    return query if page.size is None else query.limit(page.size)


def sort_keys(model: type[World], sorts: Iterable[Sort]) -> list[Any]:
    """The sorts as a user would write them."""
    made: list[Any] = []
    for sort in sorts:
        key: Any = operand(model, sort.field)
        key = key.desc() if sort.descending else key
        if sort.nulls is not None:
            key = key.nulls_first() if sort.nulls == "first" else key.nulls_last()
        made.append(key)
    return made


def key(entity: World) -> Key:
    return tuple(getattr(entity, name) for name in KEYS[type(entity)])


def keys(entities: Iterable[World]) -> list[Key]:
    return [key(entity) for entity in entities]


def values(entity: World, names: Iterable[str]) -> dict[str, Any]:
    """The fields of an entity as a row holds them."""
    found = {name: getattr(entity, name) for name in names}
    return {n: tuple(v) if type(v).__name__ == "Vector" else v for n, v in found.items()}
