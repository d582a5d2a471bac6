"""What `matching` means: its arguments, and the rows that it finds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, cast

from sqlalchemy import ColumnElement, and_, func, select, union_all
from sqlalchemy.sql.expression import Subquery

from agentorm.errors import InvalidQuery
from agentorm.expressions import AnySelect
from agentorm.models import SearchedField, field_name, key_columns, searched_fields
from agentorm.text_search import (
    Searched,
    TextKey,
    TextMatch,
    TextScore,
    bound_words,
)
from agentorm.words import Raw, Terms, runs_of, words_of

KEY, SCORE = "key_{}", "text_score"


@dataclass(frozen=True, slots=True)
class TextSearch:
    """What is searched for, and in which fields, each with its weight."""

    fields: tuple[tuple[SearchedField, float], ...]
    search: Terms | Raw

    def described(self) -> str:
        """The verb that made it."""
        where = ", ".join(f"{field.label}: {weight:g}" for field, weight in self.fields)
        return f"matching({self.search!r}, on={{{where}}})"


def text_search(
    model: type[Any],
    text: str | Raw,
    *,
    on: object,
    phrase: str | None,
    prefix: str | None,
    every: bool,
) -> TextSearch:
    """The search that these arguments of `matching` mean; see there."""
    fields = _weights(model, on)
    if isinstance(text, Raw):
        if phrase is not None or prefix is not None or every:
            raise InvalidQuery("a raw search says all by itself", hint="leave the rest out")
        return TextSearch(fields, text)
    for name, given in (("text", text), ("phrase", phrase), ("prefix", prefix)):
        if given is not None and not isinstance(given, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidQuery(f"matching takes {name} as a str, got {given!r}")
    begun = runs_of(prefix or "")
    if prefix is not None and len(begun) != 1:
        raise InvalidQuery(f"a prefix is the beginning of one word, got {prefix!r}")
    if not (text.strip() or (phrase or "").strip() or begun):
        raise InvalidQuery("nothing to search for", hint='matching("some words")')
    search = Terms(words_of(text), every=every, phrase=runs_of(phrase or ""), prefix="".join(begun))
    return TextSearch(fields, search)


def _weights(model: type[Any], on: object) -> tuple[tuple[SearchedField, float], ...]:
    known = searched_fields(model)
    if not known:
        raise InvalidQuery(
            f"{model.__name__} has no field to search",
            hint='declare one with text_field(search="english")',
        )
    if on is None:
        return tuple((field, 1.0) for field in known.values())
    if isinstance(on, Mapping):
        given: dict[object, object] = {**cast("Mapping[Any, object]", on)}
    else:
        several = isinstance(on, list | tuple | set | frozenset)
        given = dict.fromkeys(on if several else [on], 1.0)  # type: ignore[call-overload]
    weights = {_searched(model, field, known): _weight(w) for field, w in given.items()}
    if not any(weights.values()):
        raise InvalidQuery("no field has a weight", hint="one of them counts: on={Doc.title: 2}")
    return tuple((field, weight) for field, weight in weights.items() if weight)


def _searched(model: type[Any], field: object, known: Mapping[str, SearchedField]) -> SearchedField:
    name = field_name(model, field)
    if name not in known:
        raise InvalidQuery(
            f"{model.__name__}.{name} is not searched",
            hint='declare it with text_field(search="english")',
        )
    return known[name]


def _weight(given: object) -> float:
    fits = isinstance(given, int | float) and not isinstance(given, bool)
    if not fits or not isfinite(given) or given < 0:  # type: ignore[arg-type, operator]
        raise InvalidQuery(f"a weight is a finite number of 0 or more, got {given!r}")
    return float(given)  # type: ignore[arg-type]


def found_by(text: TextSearch) -> Subquery:
    """The keys of the rows that match, and their scores: one row each."""
    parts = [_found_in(field, weight, text.search) for field, weight in text.fields]
    if len(parts) == 1:
        return parts[0].subquery("found")
    every = union_all(*parts).subquery("found_in")
    keys = [column for column in every.c if column.name != SCORE]
    summed = select(*keys, func.sum(every.c[SCORE]).label(SCORE)).group_by(*keys)
    return summed.subquery("found")


def _found_in(field: SearchedField, weight: float, search: Terms | Raw) -> AnySelect:
    words = bound_words(search)
    keys = [
        TextKey(field.place, i, key.type).label(KEY.format(i)) for i, key in enumerate(field.keys)
    ]
    score: ColumnElement[Any] = TextScore(field.place, words)
    if weight != 1.0:
        score = score * weight
    made: AnySelect = select(*keys, score.label(SCORE)).select_from(Searched(field.place))
    return made.where(TextMatch(field.place, words))


def same_row(model: type[Any], found: Subquery) -> ColumnElement[bool]:
    """Whether a row of the model is that one."""
    pairs: Iterable[Any] = (
        key == found.c[KEY.format(i)] for i, key in enumerate(key_columns(model))
    )
    return and_(*pairs)
