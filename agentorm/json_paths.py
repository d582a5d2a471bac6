"""Paths into JSON documents as SQL: every element that a condition on one is made of."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, TypeAlias

from sqlalchemy import BindParameter, Boolean, ColumnElement, TypeDecorator, UnaryExpression
from sqlalchemy.engine.interfaces import Dialect as SQLAlchemyDialect
from sqlalchemy.sql import operators
from sqlalchemy.sql.visitors import InternalTraversal
from sqlalchemy.types import Integer, Text, TypeEngine

from agentorm import dialects
from agentorm.errors import InvalidQuery
from agentorm.json_declared import is_indexed
from agentorm.storable import storable_text

Step: TypeAlias = str | int
_FARTHEST = 2**31 - 1
_PLAIN = re.compile(r"[ !#-%(-.0-;=?-\[\]-~]*")  # what no writer of JSON escapes
_DASHED = re.compile(r"-.*[.*\[]", re.DOTALL)  # which MariaDB's paths cannot name


def checked_step(step: Any) -> Step:
    """A step into a document: the key of an object, or a place in an array.

    Raises:
        InvalidQuery: it is neither.
        InvalidValue: a key that some engine cannot hold.
    """
    if isinstance(step, str):
        return storable_text(str.__str__(step))
    if isinstance(step, int) and not isinstance(step, bool) and step >= 0:
        return min(int(step), _FARTHEST)
    raise InvalidQuery(
        f"a step into a JSON document is a key or a place from 0 on, got {step!r}",
        hint='as Document.meta["tags"][0]',
    )


class PathText(TypeDecorator[Sequence[Step]]):
    """Bound steps, as the engine spells a path."""

    impl = Text
    cache_ok = True

    def process_bind_param(
        self, value: Sequence[Step] | None, dialect: SQLAlchemyDialect
    ) -> str | None:
        return None if value is None else dialects.of(dialect).json.path(value)


class ExactNumber(TypeDecorator[float]):
    """A bound number, as the engine compares numbers exactly."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: SQLAlchemyDialect) -> TypeEngine[Any]:
        return dialects.of(dialect).json.number_type()

    def process_bind_param(self, value: float | None, dialect: SQLAlchemyDialect) -> Any:
        return None if value is None else dialects.of(dialect).json.number(value)


def _shape(steps: Sequence[Step]) -> str:
    return "".join(map(_letter, steps))


def _letter(step: Step) -> str:
    """What a step is: a place, a plain key, one that begins as a range, or another odd one."""
    if isinstance(step, int):
        return "i"
    if _DASHED.match(step):
        return "d"
    return "k" if _PLAIN.fullmatch(step) else "o"


def spans(shape: str) -> list[tuple[int, int]]:
    """Which parts of a path are bound as one text, for one engine or the other."""
    whole = {(0, stop) for stop, letter in enumerate(shape) if letter == "i"} | {(0, len(shape))}
    between = [match.span() for match in PLAIN_PARTS.finditer(shape) if ODD.search(shape)]
    single = [(n, n + 1) for n in range(len(shape)) if "d" in shape]
    return sorted(whole.union(between, single))


ODD, PLAIN_PARTS, PARTS = re.compile("[od]"), re.compile("[^od]+"), re.compile("[od]|[^od]+")


class Alternative(BindParameter[Any]):
    """A value that the SQL of an engine may leave out, for others in it say the same."""

    inherit_cache = True


class JSONPath(ColumnElement[Any]):
    """The value at a path into a JSON document; NULL where there is none.

    Args:
        document: a column of `JSONType`.
        steps: keys and places, each of them bound.
    """

    inherit_cache = True
    _traverse_internals = [
        ("document", InternalTraversal.dp_clauseelement),
        ("steps", InternalTraversal.dp_clauseelement_list),
        ("texts", InternalTraversal.dp_clauseelement_list),
        ("shape", InternalTraversal.dp_string),
        ("indexed", InternalTraversal.dp_boolean),
    ]

    __iter__: Any = None  # without this Python would take places one by one, without an end

    def __init__(self, document: ColumnElement[Any], steps: tuple[Step, ...] = ()) -> None:
        name = str(getattr(document, "key", None) or "json")
        self.document = document
        self.shape = _shape(steps)
        self.steps = [_step(name, step) for step in steps]
        self.texts = [
            Alternative(name, steps[slice(*span)], type_=PathText(), unique=True)
            for span in spans(self.shape)
        ]
        self.type = document.type
        self.indexed = bool(steps) and is_indexed(document, steps)
        self.taken = steps

    @property
    def _from_objects(self) -> list[Any]:
        return [*self.document._from_objects]

    def stepped(self, *steps: Any) -> JSONPath:
        """The path that leads on from here.

        Raises:
            InvalidQuery: a step that is no key and no place.
        """
        return JSONPath(self.document, (*self.taken, *map(checked_step, steps)))

    def self_group(self, against: Any = None) -> Any:
        """Refuse to be an operand: engines would compare it in ways of their own."""
        if against in _JOINTS:
            raise InvalidQuery(
                f"{self} is a JSON value, which is no condition",
                hint='as Document.meta["seen"] == True, or its as_boolean()',
            )
        if against in _SORTING or (against is not None and operators.is_comparison(against)):
            raise InvalidQuery(
                f"{self} is a JSON value, which no SQL value is compared with or sorted by",
                hint="use its as_string(), as_integer(), as_float(), as_boolean() or as_date()",
            )
        return self


_JOINTS = (operators.and_, operators.or_)
_SORTING = (operators.asc_op, operators.desc_op)


def _step(name: str, step: Step) -> ColumnElement[Any]:
    kind: TypeEngine[Any] = Integer() if isinstance(step, int) else Text()
    return Alternative(name, step, type_=kind, unique=True)


class JSONRead(ColumnElement[Any]):
    """What is at a path as an SQL value, if it is of the type that the form reads."""

    inherit_cache = True
    _traverse_internals = [
        ("path", InternalTraversal.dp_clauseelement),
        ("form", InternalTraversal.dp_string),
    ]

    def __init__(self, path: JSONPath, form: str, kind: TypeEngine[Any]) -> None:
        self.path: ColumnElement[Any] = path
        self.form = form
        self.type = kind

    @property
    def _from_objects(self) -> list[Any]:
        return [*self.path._from_objects]

    def self_group(self, against: Any = None) -> Any:
        return self


class JSONCondition(ColumnElement[bool]):
    """A question about what is at a path, in the engine's own form.

    Args:
        form: the name of the template.
        path: where the value is.
        parts: what else the template names.
        words: the parts of the template that are SQL already.
    """

    inherit_cache = True
    _traverse_internals = [
        ("form", InternalTraversal.dp_string),
        ("path", InternalTraversal.dp_clauseelement),
        ("names", InternalTraversal.dp_plain_obj),
        ("operands", InternalTraversal.dp_clauseelement_list),
        ("words", InternalTraversal.dp_plain_obj),
        ("served", InternalTraversal.dp_boolean),
    ]

    def __init__(
        self,
        form: str,
        path: ColumnElement[Any],
        words: tuple[tuple[str, str], ...] = (),
        **parts: ColumnElement[Any],
    ) -> None:
        self.form = form
        self.path = path
        self.words = words
        self.served = False
        self.names = tuple(parts)
        self.operands = [*parts.values()]
        self.type = Boolean()

    @property
    def _from_objects(self) -> list[Any]:
        return [*self.path._from_objects]

    def self_group(self, against: Any = None) -> Any:
        return self

    def _negate(self) -> ColumnElement[bool]:
        return UnaryExpression(self, operator=operators.inv, type_=Boolean())


class Every(ColumnElement[bool]):
    """Conditions joined by AND or OR, nested so that no engine finds them too deep.

    Args:
        conditions: what is joined.
        joint: ``AND`` or ``OR``.
        certain: whether unknown counts as false.
    """

    inherit_cache = True
    _traverse_internals = [
        ("conditions", InternalTraversal.dp_clauseelement_list),
        ("joint", InternalTraversal.dp_string),
        ("certain", InternalTraversal.dp_boolean),
    ]

    def __init__(
        self, conditions: Sequence[ColumnElement[bool]], joint: str, *, certain: bool = False
    ) -> None:
        self.conditions = [*conditions]
        self.joint = joint
        self.certain = certain
        self.type = Boolean()

    @property
    def _from_objects(self) -> list[Any]:
        return [table for each in self.conditions for table in each._from_objects]

    def self_group(self, against: Any = None) -> Any:
        return self

    def _negate(self) -> ColumnElement[bool]:
        return UnaryExpression(self, operator=operators.inv, type_=Boolean())
