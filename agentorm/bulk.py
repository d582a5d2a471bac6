"""Many rows at once, within what the engine takes in one statement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agentorm.json_values import is_array, is_object
from agentorm.rank import Run
from agentorm.vectors import Vector


def limit_statements(run: Run, entities: Sequence[object]) -> None:
    """Let no insert of the transaction hold more of such rows than the engine takes at once."""
    most = run.dialect.statement_bytes
    if most is None or not entities:
        return
    largest = max(sum(map(_size, vars(entity).values())) for entity in entities)
    rows = min(max(1, most // max(1, largest)), run.dialect.statement_rows)
    run.connection.execution_options(insertmanyvalues_page_size=rows)


def _size(value: Any) -> int:
    """Roughly the bytes of a value that may be long."""
    if isinstance(value, Vector):
        return len(value.tobytes())
    if isinstance(value, str | bytes):
        return len(value)
    return len(str(value)) if is_object(value) or is_array(value) else 0
