"""The full-text indexes of MySQL and MariaDB, as the server describes them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

from sqlalchemy import Connection, text

from agentorm.dialects.built import BuiltText
from agentorm.dialects.text_storage import shadow_name

_QUOTED = re.compile(r"^replace\(`((?:[^`]|``)+)`", re.IGNORECASE)
_PARTS = text(
    "SELECT part.index_name, part.column_name, held.generation_expression, held.collation_name"
    " FROM information_schema.statistics part JOIN information_schema.columns held"
    " ON held.table_schema = part.table_schema AND held.table_name = part.table_name"
    " AND held.column_name = part.column_name"
    " WHERE part.table_schema = COALESCE(:schema, DATABASE()) AND part.table_name = :table"
    " AND part.index_type = 'FULLTEXT'"
)


def text_indexes(connection: Connection, table: str, schema: str | None) -> dict[str, BuiltText]:
    """The full-text indexes of a table whose hidden column is made of another."""
    parts = connection.execute(_PARTS, {"table": table, "schema": schema}).all()
    count = Counter(name for name, *_ in parts)
    copied = {shadow: _column(written or "", shadow) for _, shadow, written, _ in parts}
    return {
        str(name): BuiltText(column, collation, shadow)
        for name, shadow, _, collation in parts
        if count[name] == 1 and (column := copied[shadow]) is not None
    }


def _column(written: str, shadow: str) -> str | None:
    """The column that an expression begins with, if it is the one behind a hidden column."""
    found = _QUOTED.search(written)
    names = _readings(found[1].replace("``", "`")) if found else ()
    return next((name for name in names if shadow_name(name) == shadow), None)


def _readings(name: str) -> Iterator[str]:
    """A name, and what MySQL means by it, which encodes the names in expressions twice."""
    yield name
    with suppress(UnicodeError):
        yield name.encode("latin-1").decode()
