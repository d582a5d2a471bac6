"""What `matching` means: its arguments, and the rows that it finds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    Double,
    and_,
    case,
    false,
    func,
    literal_column,
    or_,
    select,
    union_all,
)
from sqlalchemy.sql.expression import FromClause, Subquery

from agentorm.errors import InvalidQuery
from agentorm.expressions import AnySelect
from agentorm.models import SearchedField, field_name, key_columns, searched_fields
from agentorm.text_search import (
    Searched,
    Sought,
    TextHolds,
    TextKey,
    TextMatch,
    TextScore,
)
from agentorm.words import Raw, Terms, runs_of, terms_of

KEY, SCORE = "key_{}", "text_score"
_MOST_WEIGHT = 1e100


@dataclass(frozen=True, slots=True)
class TextSearch:
    """What is searched for, and in which fields, each with its weight.

    Attributes:
        search: what the index is asked for; None where the rows are read without it.
        held: texts that a row must hold beside that, one of each group at least.
    """

    fields: tuple[tuple[SearchedField, float], ...]
    search: Terms | Raw | None
    held: tuple[tuple[str, ...], ...] = ()

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
        _check_raw(text)
        return TextSearch(fields, text)
    for name, given in (("text", text), ("phrase", phrase), ("prefix", prefix)):
        left_out = given is None and name != "text"
        if not (left_out or isinstance(given, str)):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidQuery(f"matching takes {name} as a str, got {given!r}")
    begun = runs_of(prefix or "")
    if prefix is not None and len(begun) != 1:
        raise InvalidQuery(f"a prefix is the beginning of one word, got {prefix!r}")
    if not (text.strip() or (phrase or "").strip() or begun):
        raise InvalidQuery("nothing to search for", hint='matching("some words")')
    return TextSearch(fields, terms_of(text, every=every, phrase=phrase or "", prefix=prefix or ""))


def _check_raw(raw: Raw) -> None:
    try:
        raw.expression.encode()
    except (AttributeError, UnicodeEncodeError) as error:
        raise InvalidQuery(f"a raw search is text, got {raw.expression!r}") from error


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
    if not fits or not 0 <= given <= _MOST_WEIGHT:  # type: ignore[operator]
        raise InvalidQuery(
            f"a weight is a finite number of 0 or more, up to {_MOST_WEIGHT:g}, got {given!r}"
        )
    return float(given)  # type: ignore[arg-type]


def found_by(text: TextSearch) -> Subquery:
    """The keys of the rows that match, and their scores: one row each."""
    parts = [
        _read_of(field, weight, text) if text.search is None else _found_in(field, weight, text)
        for field, weight in text.fields
    ]
    if len(parts) == 1:
        return parts[0].subquery("found")
    every = union_all(*parts).subquery("found_in")
    keys = keys_of(every)
    summed = select(*keys, func.sum(every.c[SCORE]).label(SCORE)).group_by(*keys)
    return summed.subquery("found")


def _found_in(field: SearchedField, weight: float, text: TextSearch) -> AnySelect:
    assert text.search is not None
    sought = Sought(text.search)
    score: ColumnElement[Any] = TextScore(field.place, sought)
    made = _of_keys(field, score if weight == 1.0 else score * weight)
    held = [or_(*(TextHolds(field.place, part) for part in group)) for group in text.held]
    return made.where(TextMatch(field.place, sought), *held)


def _read_of(field: SearchedField, weight: float, text: TextSearch) -> AnySelect:
    """The score is how many of the texts are there."""
    different = dict.fromkeys(part for group in text.held for part in group)
    conditions = {part: TextHolds(field.place, part, indexed=False) for part in different}
    groups = [or_(false(), *(conditions[part] for part in group)) for group in text.held]
    counts = [case((condition, weight), else_=0.0) for condition in conditions.values()]
    score: ColumnElement[Any] = literal_column("0e0", Double[float]())
    for count in counts:
        score = score + count
    return _of_keys(field, score, indexed=False).where(*(groups or [false()]))


def _of_keys(field: SearchedField, score: ColumnElement[Any], *, indexed: bool = True) -> AnySelect:
    keys = [
        TextKey(field.place, i, key.type, indexed=indexed).label(KEY.format(i))
        for i, key in enumerate(field.keys)
    ]
    source = Searched(field.place, indexed=indexed)
    return select(*keys, score.label(SCORE)).select_from(source)


def keys_of(rows: FromClause) -> list[ColumnElement[Any]]:
    """The columns of rows that are joined by their key."""
    return [column for column in rows.c if column.key.startswith(KEY.format(""))]


def same_row(model: type[Any], found: Subquery) -> ColumnElement[bool]:
    """Whether a row of the model is that one."""
    pairs: Iterable[Any] = (
        key == found.c[KEY.format(i)] for i, key in enumerate(key_columns(model))
    )
    return and_(*pairs)
