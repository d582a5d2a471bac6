"""Statements as the driver takes them: the SQL, and which value each of its parameters is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from sqlalchemy.sql.compiler import SQLCompiler

from agentorm.direct import Parameters, Sent
from agentorm.recent import Recent
from agentorm.refusals import raise_refused

Source: TypeAlias = int | None
"""Which value of the shape a parameter takes; None takes the one it was compiled with."""
MOST_TEXTS = 100
"""Texts of one statement that are kept: one for each length of a list that it was asked with."""
_MOST_ITEMS = 1000


@dataclass(frozen=True, slots=True)
class Bound:
    """One parameter of a compiled statement.

    Attributes:
        name: what the driver knows it by.
        is_list: whether its value is a list, each item of which is a parameter by itself.
        item: which one of a list it is.
    """

    name: str
    source: Source
    fixed: Any
    process: Callable[[Any], Any] | None
    is_list: bool = False
    item: int | None = None

    def of(self, values: Sequence[Any]) -> Any:
        """What the driver is given, for the values of a shape."""
        value = self.fixed if self.source is None else values[self.source]
        if self.item is not None:
            value = value[self.item]
        return value if self.process is None else self.process(value)

    def check(self, value: Any) -> None:
        """See that it takes the value: each of a list, where it is one.

        Raises:
            InvalidValue: it does not.
        """
        if self.process is None:
            return
        for one in value if self.is_list else (value,):
            try:
                self.process(one)
            except Exception as error:  # noqa: BLE001
                raise_refused(error)

    def given(self, values: Sequence[Any]) -> Any:
        """The value as it was given, a list as a whole."""
        return self.fixed if self.source is None else values[self.source]


@dataclass(frozen=True, slots=True)
class Text:
    """A statement whose SQL is the same for all values."""

    sent: Sent
    bounds: tuple[Bound, ...]
    positional: bool

    def of(self, values: Sequence[Any]) -> Text:
        """The text for the values of a shape."""
        return self

    def parameters(self, values: Sequence[Any]) -> Parameters:
        """The values as the driver takes them.

        Raises:
            InvalidValue: one is none of its column's.
        """
        try:
            if self.positional:
                return tuple([bound.of(values) for bound in self.bounds])
            return {bound.name: bound.of(values) for bound in self.bounds}
        except Exception as error:  # noqa: BLE001
            raise_refused(error)


class Varying:
    """A statement whose SQL depends on how long a list is, or on a value that is written out.

    Each text is made by SQLAlchemy, as it does for every execution.

    Attributes:
        bounds: the parameters that the statement has before; a list is one.
    """

    def __init__(self, compiled: SQLCompiler, named: Mapping[str, Bound], *, binary: bool) -> None:
        self.bounds = tuple(named.values())
        self._compiled, self._named, self._binary = compiled, named, binary
        names: Any = compiled.bind_names
        self._written = [named[names[bind]] for bind in compiled.literal_execute_params]
        self._lists = [named[names[bind]] for bind in compiled.post_compile_params]
        self._texts: Recent[Text] = Recent(MOST_TEXTS)

    def of(self, values: Sequence[Any]) -> Text:
        """The text for the values of a shape."""
        lengths = tuple(len(bound.given(values)) for bound in self._lists)
        key = (lengths, *(bound.given(values) for bound in self._written))
        if sum(lengths) > _MOST_ITEMS:
            return self._text(values)
        return self._texts.get(key) or self._texts.keep(key, self._text(values))

    def _text(self, values: Sequence[Any]) -> Text:
        compiled = self._compiled
        given = {name: bound.given(values) for name, bound in self._named.items()}
        state = compiled.construct_expanded_state(given, escape_names=False)
        items = {
            name: replace(self._named[whole], name=name, item=item)
            for whole, names in state.parameter_expansion.items()
            for item, name in enumerate(names)
        }
        names = state.positiontup if compiled.positional else state.parameters
        bounds = tuple(items.get(name) or self._named[name] for name in names or ())
        return Text(Sent(state.statement, binary=self._binary), bounds, compiled.positional)
