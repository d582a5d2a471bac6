"""advanced-alchemy: its repository over a held session."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from importlib import import_module
from typing import Any

from sqlalchemy.orm import Session, registry

from tests.benchmarks.price.measuring import Step, Steps
from tests.benchmarks.price.peers.sqlalchemy_orm import Mapped
from tests.benchmarks.price.peers.sqlalchemy_types import Tables, own_engine
from tests.benchmarks.price.place import Place
from tests.benchmarks.price.works import BULK_1K, BULK_10K, FIFTY, GET, INSERT


def sides(place: Place, stack: ExitStack) -> dict[str, Steps]:
    """Plain classes on the tables, and a repository for each."""
    base = import_module("advanced_alchemy.repository").SQLAlchemySyncRepository
    session = stack.enter_context(Session(own_engine(place, stack), expire_on_commit=False))
    mapping, tables = registry(), Tables(place)
    stack.callback(mapping.dispose)
    read, new = (_mapped(mapping, table) for table in (tables.read, tables.new))
    mapped = Mapped(place, session, read, new)
    reading, writing = (_repository(base, model, session) for model in (read, new))
    return {"advanced-alchemy": _reads(mapped, reading) | _writes(mapped, writing)}


def _mapped(mapping: registry, table: Any) -> type[Any]:
    kind = type(f"Advanced{table.name}", (), {})
    mapping.map_imperatively(kind, table)
    return kind


def _repository(base: Any, model: type[Any], session: Session) -> Any:
    return type("Repository", (base,), {"model_type": model})(session=session)


def _reads(mapped: Mapped, rows: Any) -> dict[str, Step]:
    filters = import_module("advanced_alchemy.filters")
    place, read = mapped.place, mapped.read

    def get() -> None:
        for key in place.keys[: GET.repeats]:
            rows.get(key)

    def fifty() -> None:
        for start in FIFTY.starts:
            order, limit = filters.OrderBy("id", "asc"), filters.LimitOffset(FIFTY.rows, 0)
            rows.list(read.id > start, order, limit)

    runs: dict[str, Callable[[], None]] = {GET.name: get, FIFTY.name: fifty}
    return {name: mapped.reading(run) for name, run in runs.items()}


def _writes(mapped: Mapped, rows: Any) -> dict[str, Step]:
    def one_by_one(made: list[Any]) -> None:
        for entity in made:
            rows.add(entity)

    return {
        INSERT.name: mapped.writing(INSERT.repeats, one_by_one),
        BULK_1K.name: mapped.writing(BULK_1K.rows, rows.add_many),
        BULK_10K.name: mapped.writing(BULK_10K.rows, rows.add_many),
    }
