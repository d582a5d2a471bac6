"""One new entity: the shortest way that an INSERT has."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from types import NoneType
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from agentorm.dialects.translation import translated
from agentorm.direct import Line
from agentorm.inserting import Insertion, Statements
from agentorm.layouts import Layout, is_computed, is_new
from agentorm.listening import Ears
from agentorm.persisting import fail, holds_any, is_clean, listen_to_flushes, settle
from agentorm.rank import Run
from agentorm.tracked import TrackedDict, TrackedList
from agentorm.vectors import Vector

PLAIN: frozenset[type[Any]] = frozenset(
    {NoneType, int, str, float, bool, bytes, Vector, TrackedDict, TrackedList}
    | {date, datetime, time, timedelta, Decimal, UUID}
)
"""Types whose values are no SQL."""
_ADDERS = "agentorm_adders"


class Adder:
    """New rows of one model, one by one, in the transaction of one session."""

    __slots__ = ("_decides", "_is_clear", "_layout", "_statements", "line")

    def __init__(self, line: Line, layout: Layout, statements: Statements) -> None:
        self.line, self._layout, self._statements = line, layout, statements
        self._decides = layout.required.union(layout.defaults, layout.server_defaults, layout.keys)
        ears = Ears()
        line.listen(ears, queries=True, statements=True)
        listen_to_flushes(ears, line.session)
        ears.join(layout.ears)
        self._is_clear = line.at_a_glance(ears)

    def add(self, session: Session, entity: Any) -> bool:
        """Insert the entity; False, and nothing is done, where it takes another look.

        Raises:
            DatabaseError: the engine refuses, which fails the transaction.
        """
        layout = self._layout
        if type(entity) is not layout.mapper.class_:
            return False
        if not self._is_clear(session) or not is_clean(session):
            return False
        values = entity.__dict__
        state = values["_sa_instance_state"]
        if not is_new(state) or not layout.relationships.isdisjoint(values):
            return False
        generates = layout.generated is not None and values.get(layout.generated) is None
        insertion = self._statements.generating if generates else self._statements.keyed
        row = None if insertion is None else self._row(insertion, values)
        if row is None or insertion is None:
            return False
        if not generates and holds_any(session, layout, [self._key(values)]):
            return False
        self._send(insertion, row, values, generates=generates)
        settle(session, layout, (state,), (self._key(values),))
        return True

    def _key(self, values: dict[str, Any]) -> tuple[Any, ...]:
        return tuple([values[name] for name in self._layout.keys])

    def _row(self, insertion: Insertion, values: dict[str, Any]) -> tuple[Any, ...] | None:
        try:
            row = [*insertion.of(values)]
        except KeyError:
            return None
        kinds = {*map(type, row)}
        if not kinds <= PLAIN and any(map(is_computed, kinds - PLAIN)):
            return None
        if NoneType in kinds:
            given = zip(insertion.names, row, strict=True)
            if any(value is None and name in self._decides for name, value in given):
                return None
        try:
            for place, process in insertion.changes:
                row[place] = process(row[place])
        except Exception:  # noqa: BLE001  # told by who takes another look
            return None
        return tuple(row)

    def _send(
        self, insertion: Insertion, row: tuple[Any, ...], values: dict[str, Any], *, generates: bool
    ) -> None:
        line = self.line
        try:
            cursor = line.write_directly(insertion.sql, row)
            if generates:
                key = cursor.fetchall()[0][0] if insertion.returns else cursor.lastrowid
                values[str(self._layout.generated)] = key
        except BaseException:
            fail(line.session)
            with translated(line.connection.dialect):
                raise


def kept_adder(place: Any, model: type[Any]) -> Adder | None:
    """The adder that `keep_adder` has put into a session."""
    try:
        kept: Adder = place.info[_ADDERS][model]
    except (AttributeError, KeyError, TypeError):
        return None
    return kept


def keep_adder(run: Run, layout: Layout, statements: Statements) -> None:
    """Keep an adder of the model for the next entities in this transaction."""
    kept, model = run.session.info.setdefault(_ADDERS, {}), layout.mapper.class_
    if run.line.is_direct() and (model not in kept or kept[model].line is not run.line):
        kept[model] = Adder(run.line, layout, statements)
