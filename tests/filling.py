"""Many rows at once, for tests that are not about how rows are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import insert

from agentorm import Database


def insert_rows(db: Database, model: type[Any], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write the rows as the types of the columns do, without an entity for each."""
    with db.engine.begin() as connection:
        connection.execute(insert(model), list(rows))
