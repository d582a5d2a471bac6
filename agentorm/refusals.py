"""The errors of pydantic and of types, said in ours."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import islice
from reprlib import Repr
from typing import Any, NamedTuple, NoReturn

from pydantic import ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from agentorm.errors import (
    AgentORMError,
    DimensionMismatch,
    InvalidValue,
    InvalidVector,
    UnknownField,
)
from agentorm.json_values import step
from agentorm.vectors import AnyVector


class _Short(Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = 80

    def repr_dict(self, x: dict[Any, Any], level: int) -> str:
        """The items in their order, where `Repr` sorts them."""
        parts = [
            f"{self.repr1(key, level - 1)}: {self.repr1(value, level - 1)}"
            for key, value in islice(x.items(), self.maxdict)
        ]
        more = ["..."] if len(x) > self.maxdict else []
        return f"{{{', '.join(parts + more)}}}" if level > 0 else "{...}"

    def repr_TrackedDict(self, x: Any, level: int) -> str:  # noqa: N802
        return self.repr_dict(x, level)

    def repr_TrackedList(self, x: Any, level: int) -> str:  # noqa: N802
        return self.repr_list(x, level)

    def repr1(self, x: Any, level: int) -> str:
        """Vectors shorten themselves."""
        return repr(x) if isinstance(x, AnyVector) else super().repr1(x, level)


_short = _Short()


def raise_refused(error: Exception) -> NoReturn:
    """Raise what the type of a column has raised about a value, as an error of ours.

    Raises:
        AgentORMError: the same, or an InvalidValue that says so.
    """
    if isinstance(error, AgentORMError):
        raise error
    raise InvalidValue(str(error)) from error


def refusal(
    error: ValidationError,
    *,
    owner: str,
    known: Iterable[str],
    aliases: Mapping[str, str],
    field: str | None = None,
) -> InvalidValue:
    """The error of the first field that pydantic refused; those of others are its notes.

    Args:
        error: what pydantic raised.
        owner: the name of the entity's class.
        known: the names it has.
        aliases: what else its fields are called.
        field: the field that was validated alone, so that pydantic did not see its name.
    """
    found: dict[str, list[_Line]] = {}
    for line in error.errors(include_url=False):
        said, *path = line["loc"] if field is None else (field, *line["loc"])
        name = aliases.get(str(said), str(said))
        if line["type"] == "extra_forbidden" and not path:
            if name not in known:
                return UnknownField(name, owner=owner, known=known)
            line["msg"], line["ctx"] = "it is given twice", {"error": "by its name and its alias"}
        found.setdefault(name, []).append(_Line(line, "".join(map(step, path))))
    (first, lines), *others = found.items()
    made = _refused(f"{owner}.{first}", lines)
    for name, more in others:
        made.add_note(str(_refused(f"{owner}.{name}", more)))
    return made


class _Line(NamedTuple):
    details: ErrorDetails
    path: str

    @property
    def cause(self) -> object:
        return self.details.get("ctx", {}).get("error")

    @property
    def problem(self) -> str:
        message = self.details["msg"].removeprefix("Value error, ").rstrip(", ")
        return message if self.cause else f"{message}, got {shown(self.details['input'])}"


def _refused(field: str, lines: list[_Line]) -> InvalidValue:
    first = lines[0]
    if isinstance(first.cause, InvalidValue):
        return placed(first.cause, field + first.path)
    more = [line.problem if line.path == first.path else _apart(line) for line in lines[1:]]
    return InvalidValue("; ".join([first.problem, *more]), field=field + first.path)


def _apart(line: _Line) -> str:
    return f"{line.path}: {line.problem}"


def placed(error: InvalidValue, field: str) -> InvalidValue:
    """The same error, of this field; a path within a JSON value is kept behind its name."""
    if error.field is not None and not error.field.startswith("["):
        return error
    if isinstance(error, DimensionMismatch):
        return DimensionMismatch(field=field, expected=error.expected, got=error.got)
    kind = InvalidVector if isinstance(error, InvalidVector) else InvalidValue
    return kind(error.problem, field=field + (error.field or ""), hint=error.hint)


def echoable(error: ValidationError) -> ValidationError:
    """The same error for frameworks that answer with it: inputs that are no JSON become text."""
    lines = error.errors(include_url=False)
    if all(_is_json(line["input"]) for line in lines):
        return error
    made: list[Any] = [
        {
            "type": PydanticCustomError(*_said(line), line.get("ctx")),
            "loc": line["loc"],
            "input": line["input"] if _is_json(line["input"]) else ascii(line["input"]),
        }
        for line in lines
    ]
    return ValidationError.from_exception_data(error.title, made)


def _said(line: ErrorDetails) -> tuple[Any, Any]:
    return line["type"], line["msg"]


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False, default=repr).encode()
    except (RecursionError, TypeError, ValueError):
        return False
    return True


def shown(value: Any) -> str:
    """The value's repr, cut where it is long."""
    return _short.repr(value)
