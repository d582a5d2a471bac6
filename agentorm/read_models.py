"""Rows as values of a class of the caller's: some columns, and what the ranking says of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Generic, TypeVar

from agentorm.errors import InvalidQuery, UnknownField
from agentorm.models import mapper_of
from agentorm.read_kinds import KINDS, Maker, MakerOfAll, ReadKind, read_kind
from agentorm.results import Hit

C = TypeVar("C")
WHOLE_ROW = "*"
"""Among the names that are read: the entity."""
_FROM_RANKING = {
    "distance": "similar_to(vector)",
    "score": "similar_to(vector) or matching(text)",
    "text_score": "matching(text)",
    "fused_score": "fuse()",
}


@dataclass(frozen=True, eq=False, slots=True)
class ReadModel(Generic[C]):
    """What the rows of a model are read into.

    Attributes:
        model: the mapped class.
        kind: the class that they are read into.
        columns: its fields that are columns, by name.
        ranked: its fields that a ranking fills.
        also: what a ranker reads beside, behind these.
    """

    model: Any
    kind: ReadKind
    columns: tuple[str, ...]
    ranked: tuple[str, ...]
    also: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """What is selected, in order, before what rows are ranked by."""
        return (*self.columns, *self.also)

    @property
    def selected(self) -> list[Any]:
        """The same as attributes of the model."""
        return [
            self.model if name == WHOLE_ROW else getattr(self.model, name) for name in self.names
        ]

    def reading(self, *names: str) -> ReadModel[C]:
        """The same, with these read too."""
        new = tuple(name for name in dict.fromkeys(names) if name not in self.names)
        return replace(self, also=(*self.also, *new))

    def values(self, row: Sequence[Any], names: Sequence[str]) -> tuple[Any, ...]:
        """The values of these columns in a row."""
        return tuple(row[self.names.index(name)] for name in names)

    def check(self, given: Sequence[str]) -> None:
        """See that all is there that has no default.

        Raises:
            InvalidQuery: the query does not rank by it.
        """
        for name in self.ranked:
            if name not in given and not self.kind.fields[name]:
                where = f"{self.kind.cls.__name__}.{name}"
                hint = f"{_FROM_RANKING[name]} gives it, or give the field a default"
                raise InvalidQuery(f"{where} comes from a ranking that the query lacks", hint=hint)

    def filled(self, given: Sequence[str]) -> tuple[str, ...]:
        """Which fields such a ranking fills."""
        return tuple(name for name in self.ranked if name in given)

    def maker(self, given: Sequence[str] = ()) -> Maker:
        """What makes one of the values of the columns and, behind them, of those `filled`."""
        return _maker(self.kind, (*self.columns, *self.filled(given)), self.model)

    def maker_of_all(self) -> MakerOfAll:
        """What makes a list of them, of rows of the columns."""
        return _maker_of_all(self.kind, self.columns, self.model)

    def of_hit(self, given: Sequence[str]) -> Callable[[Hit[Any]], C]:
        """What makes one of a hit whose entity is a row of values."""
        make, filled, width = self.maker(given), self.filled(given), len(self.columns)
        if not filled:
            return lambda hit: make(hit.entity[:width])

        def made(hit: Hit[Any]) -> C:
            one: C = make((*hit.entity[:width], *(getattr(hit, name) for name in filled)))
            return one

        return made

    def described(self) -> str:
        """The verb that made it."""
        return f"into({self.kind.cls.__name__})"


@lru_cache(maxsize=1000)
def _maker(kind: ReadKind, names: tuple[str, ...], model: type[Any]) -> Maker:
    return kind.maker(names, model)


@lru_cache(maxsize=1000)
def _maker_of_all(kind: ReadKind, names: tuple[str, ...], model: type[Any]) -> MakerOfAll:
    return kind.maker_of_all(names, model)


def read_model(model: Any, cls: Any) -> ReadModel[Any]:
    """What reads the rows of a model into this class.

    Raises:
        InvalidQuery: it is none of the four kinds, or has no column of the model.
        UnknownField: a field without a default is no column and no value of a ranking.
    """
    if not isinstance(cls, type):
        raise InvalidQuery(f"rows are read into {KINDS}, got {cls!r}")
    kind: Any = cls
    return _read_model(model, kind)


@lru_cache(maxsize=1000)
def _read_model(model: type[Any], cls: type[Any]) -> ReadModel[Any]:
    kind, known = read_kind(cls), mapper_of(model).column_attrs
    columns = tuple(name for name in kind.fields if name in known)
    ranked = tuple(n for n in _FROM_RANKING if n in kind.fields and n not in known)
    for name, has_default in kind.fields.items():
        if not (has_default or name in columns or name in ranked):
            raise UnknownField(name, owner=model.__name__, known=[*known.keys(), *_FROM_RANKING])
    if not columns:
        raise InvalidQuery(
            f"{kind.cls.__name__} has no field of {model.__name__}",
            hint="name its fields as those of the model are named",
        )
    return ReadModel(model, kind, columns, ranked)
