"""The full-text indexes of MySQL and MariaDB, as the server describes them."""

from __future__ import annotations

import re
from collections import Counter

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
    copied = {shadow: _column(written or "") for _, shadow, written, _ in parts}
    return {
        str(name): BuiltText(copied[shadow], collation, shadow)
        for name, shadow, _, collation in parts
        if count[name] == 1 and shadow == shadow_name(copied[shadow])
    }


def _column(written: str) -> str:
    """The column that an expression begins with, without its quotes."""
    found = _QUOTED.search(written)
    return found[1].replace("``", "`") if found else ""
