"""Paths into JSON documents as SQL: every element that a condition on one is made of."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from sqlalchemy import Boolean, ColumnElement, TypeDecorator, UnaryExpression, bindparam
from sqlalchemy.engine.interfaces import Dialect as SQLAlchemyDialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import operators
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.visitors import InternalTraversal
from sqlalchemy.types import Integer, Text, TypeEngine

from agentorm import dialects
from agentorm.dialects.json_forms import JSONForms
from agentorm.errors import InvalidQuery
from agentorm.expressions import OUTERMOST_ONLY
from agentorm.json_declared import is_indexed
from agentorm.storable import storable_text

Step: TypeAlias = str | int
_FARTHEST = 2**31 - 1
_PLAIN = re.compile(r"[ !#-%(-.0-;=?-\[\]-~]*")  # what no writer of JSON escapes
_CHUNK = 50


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
    return "".join(
        "i" if isinstance(s, int) else "k" if _PLAIN.fullmatch(s) else "o" for s in steps
    )


def _spans(shape: str) -> list[tuple[int, int]]:
    """Which parts of a path are bound as one text: to a place, to the end, between odd keys."""
    whole = {(0, stop) for stop, kind in enumerate(shape) if kind == "i"} | {(0, len(shape))}
    between = [match.span() for match in re.finditer("[^o]+", shape) if "o" in shape]
    return sorted(whole.union(between))


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

    def __init__(self, document: ColumnElement[Any], steps: tuple[Step, ...] = ()) -> None:
        name = str(getattr(document, "key", None) or "json")
        self.document = document
        self.shape = _shape(steps)
        self.steps = [_step(name, step) for step in steps]
        self.texts = [
            bindparam(name, steps[slice(*span)], type_=PathText(), unique=True)
            for span in _spans(self.shape)
        ]
        self.type = document.type
        self.indexed = bool(steps) and is_indexed(document, steps)
        self._steps = steps

    @property
    def _from_objects(self) -> list[Any]:
        return [*self.document._from_objects]

    def stepped(self, *steps: Any) -> JSONPath:
        """The path that leads on from here.

        Raises:
            InvalidQuery: a step that is no key and no place.
        """
        return JSONPath(self.document, (*self._steps, *map(checked_step, steps)))

    def self_group(self, against: Any = None) -> Any:
        return self


def _step(name: str, step: Step) -> ColumnElement[Any]:
    kind: TypeEngine[Any] = Integer() if isinstance(step, int) else Text()
    return bindparam(name, step, type_=kind, unique=True)


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


@compiles(JSONPath)
def _json_path(element: JSONPath, compiler: SQLCompiler, **kw: Any) -> str:
    return _Place(element, compiler, kw).selected


@compiles(JSONRead)
def _json_read(element: JSONRead, compiler: SQLCompiler, **kw: Any) -> str:
    return _Place(element.path, compiler, kw).written(element.form)


@compiles(JSONCondition)
def _json_condition(element: JSONCondition, compiler: SQLCompiler, **kw: Any) -> str:
    operands = dict(zip(element.names, element.operands, strict=True))
    place = _Place(element.path, compiler, kw)
    return place.written(element.form, operands, dict(element.words))


@compiles(Every)
def _every(element: Every, compiler: SQLCompiler, **kw: Any) -> str:
    inner = _inner(kw)
    written = [compiler.process(each, **inner) for each in element.conditions]
    if element.certain:
        written = [f"({each} IS TRUE)" for each in written]
    while len(written) > 1:
        joint = f" {element.joint} "
        chunks = [written[n : n + _CHUNK] for n in range(0, len(written), _CHUNK)]
        written = [f"({joint.join(chunk)})" for chunk in chunks]
    return written[0] if written else f"(1 = {int(element.joint == 'AND')})"


def _inner(kw: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in kw.items() if key not in OUTERMOST_ONLY}


class _Fragments(dict[str, str]):
    """Those that a template names, written when it does."""

    def __init__(self, known: dict[str, str], make: Callable[[str], str]) -> None:
        super().__init__(known)
        self._make = make

    def __missing__(self, name: str) -> str:
        made = self[name] = self._make(name)
        return made


class _Place:
    """The fragments of one path in one engine's SQL."""

    def __init__(self, path: Any, compiler: SQLCompiler, kw: dict[str, Any]) -> None:
        self.path: JSONPath = path
        self.compiler = compiler
        self.kw = _inner(kw)
        self.forms: JSONForms = dialects.of(compiler.dialect).json
        self.odd = self.forms.odd and "o" in self.path.shape

    def written(
        self,
        form: str,
        operands: dict[str, ColumnElement[Any]] | None = None,
        words: dict[str, str] | None = None,
    ) -> str:
        """The template of that name, filled."""

        def make(name: str) -> str:
            if operands and name in operands:
                return self._process(operands[name])
            if hasattr(self, name):
                found: str = getattr(self, name)
                return found
            return self.written(name)

        template: str = getattr(self.forms, form)
        return template.format_map(_Fragments(words or {}, make))

    @property
    def document(self) -> str:
        return self._process(self.path.document)

    @property
    def value(self) -> str:
        if not self.path.shape:
            return self._filled(self.forms.root)
        return self._under_odd("odd_value", "at") if self.odd else self._up_to(len(self.path.shape))

    @property
    def kind(self) -> str:
        if not self.path.shape:
            return self._filled(self.forms.root_kind)
        if self.odd:
            return self._under_odd("odd_kind", "kind")
        return self._guarded(self._filled(self.forms.kind))

    @property
    def selected(self) -> str:
        if not self.path.shape:
            return self._filled(self.forms.root_selected)
        if self.odd:
            return self._under_odd("odd_selected", "selected")
        return self._guarded(self._filled(self.forms.selected))

    @property
    def path_text(self) -> str:
        return self._text(0, len(self.path.shape))

    def _filled(self, template: str) -> str:
        known = {"path": self.path_text} if "{path}" in template else {}
        return template.format_map(_Fragments(known, lambda name: str(getattr(self, name))))

    def _guarded(self, found: str) -> str:
        if self.forms.is_array is None or "i" not in self.path.shape:
            return found
        arrays = [
            self.forms.is_array.format(value=self._up_to(stop))
            for stop, kind in enumerate(self.path.shape)
            if kind == "i"
        ]
        return f"CASE WHEN {' AND '.join(arrays)} THEN {found} END"

    def _up_to(self, stop: int) -> str:
        """The value so many steps into the document."""
        if self.forms.step is None or self.forms.place is None:
            if not stop:
                return self._filled(self.forms.root)
            return self.forms.at.format(document=self.document, path=self._text(0, stop))
        value = self.document
        for kind, step in zip(self.path.shape[:stop], self.path.steps, strict=False):
            template = self.forms.place if kind == "i" else self.forms.step
            value = template.format(value=value, step=self._process(step))
        return value

    def _under_odd(self, under: str, after: str) -> str:
        """What is under an odd key, or behind one; odd keys are looked up one by one."""
        forms, shape = self.forms, self.path.shape
        document, path = self.document, "'$'"
        for match in re.finditer("o|[^o]+", shape):
            if match.group() != "o":
                path = self._text(*match.span())
                continue
            key = self._process(self.path.steps[match.start()])
            last = match.end() == len(shape)
            template: str = getattr(forms, under if last else "odd_inside")
            document = template.format(document=document, path=path, key=key)
            if last:
                return document
            path = "'$'"
        behind: str = getattr(forms, after)
        return behind.format(document=document, path=path)

    def _text(self, start: int, stop: int) -> str:
        spans = _spans(self.path.shape)
        text = self.path.texts[spans.index((start, stop))]
        if self.path.indexed and self.forms.literal:
            return self.compiler.process(text, **self.kw | {"literal_execute": True})
        return self._process(text)

    def _process(self, element: ColumnElement[Any]) -> str:
        return self.compiler.process(element, **self.kw)
