"""How the elements of JSON paths are compiled: by the forms of the engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from agentorm import dialects
from agentorm.dialects.json_forms import JSONForms
from agentorm.expressions import OUTERMOST_ONLY
from agentorm.json_paths import (
    ODD,
    PARTS,
    Every,
    JSONCondition,
    JSONPath,
    JSONRead,
    spans,
)

_CHUNK = 50


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
    served = f"{element.form}_served"
    if element.served and getattr(place.forms, served, None) is not None:
        return place.written(served, operands)
    return place.written(element.form, operands, dict(element.words))


@compiles(Every)
def _every(element: Every, compiler: SQLCompiler, **kw: Any) -> str:
    inner = _inner(kw)
    written = [compiler.process(each, **inner) for each in element.conditions]
    if element.certain:
        written = [f"(({each}) IS TRUE)" for each in written]
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
        self.odd = self.forms.odd and ODD.search(self.path.shape) is not None

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
            for stop, letter in enumerate(self.path.shape)
            if letter == "i"
        ]
        return f"CASE WHEN {' AND '.join(arrays)} THEN {found} END"

    def _up_to(self, stop: int) -> str:
        """The value so many steps into the document."""
        if not stop:
            return self._filled(self.forms.root)
        if self.forms.step is None or self.forms.place is None:
            if self.forms.dashed and "d" in self.path.shape:
                return self._step_by_step(self.forms.dashed, stop)
            return self.forms.at.format(document=self.document, path=self._text(0, stop))
        value = self.document
        for letter, step in zip(self.path.shape[:stop], self.path.steps, strict=False):
            template = self.forms.place if letter == "i" else self.forms.step
            value = template.format(value=value, step=self._process(step))
        return value

    def _step_by_step(self, dashed: str, stop: int) -> str:
        value = self.document
        for n, letter in enumerate(self.path.shape[:stop]):
            if letter == "d":
                value = dashed.format(value=value, key=self._process(self.path.steps[n]))
            else:
                value = self.forms.at.format(document=value, path=self._text(n, n + 1))
        return value

    def _under_odd(self, under: str, after: str) -> str:
        """What is under an odd key, or behind one; each such key is looked up in a table."""
        forms, shape = self.forms, self.path.shape
        document, path, name = self.document, "'$'", ""
        tables: list[str] = []
        keys: list[str] = []
        for match in PARTS.finditer(shape):
            if not ODD.fullmatch(match.group()):
                path = self._text(*match.span())
                continue
            name, key = f"odd{len(tables)}", self._process(self.path.steps[match.start()])
            tables.append(forms.odd_table.format(document=document, path=path, name=name))
            keys.append(forms.odd_key.format(name=name, key=key))
            document, path = forms.odd_inside.format(name=name), "'$'"
        last: str = getattr(forms, under if ODD.fullmatch(shape[-1]) else after)
        found = last.format(name=name, document=document, path=path)
        return forms.odd_found.format(
            found=found, tables=", ".join(tables), keys=" AND ".join(keys)
        )

    def _text(self, start: int, stop: int) -> str:
        text = self.path.texts[spans(self.path.shape).index((start, stop))]
        if self.path.indexed and self.forms.literal:
            return self.compiler.process(text, **self.kw | {"literal_execute": True})
        return self._process(text)

    def _process(self, element: ColumnElement[Any]) -> str:
        return self.compiler.process(element, **self.kw)
