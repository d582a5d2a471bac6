"""What of a search an engine's full-text index can answer, and what is read in the rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import text as sql

from agentorm.dialects import Dialect, Feature
from agentorm.errors import DatabaseError, InvalidQuery, UnsupportedFeature
from agentorm.matching import TextSearch
from agentorm.query import Query
from agentorm.rank.base import Run
from agentorm.words import Raw, Terms, runs_of

E = TypeVar("E")
_MOST_REMEMBERED = 10_000
_WITHOUT_STOP_WORDS = "simple"
_held: WeakKeyDictionary[Dialect, dict[tuple[str, str], bool]] = WeakKeyDictionary()
"""The words, each with its language, of which an engine said whether its index holds them."""


def asked(query: Query[E], dialect: Dialect) -> Query[E]:
    """The query whose search is what this engine can be asked; any other as it is.

    Words that its index does not hold are read in the rows, as far as they have to be there; all
    rows are where it holds none of the words.

    Raises:
        UnsupportedFeature: a raw search of another engine.
    """
    text = query.text
    if text is None or text.search is None:
        return query
    if isinstance(text.search, Raw):
        dialect.check_raw(text.search)
        if Feature.FULL_TEXT not in dialect.features:
            raise UnsupportedFeature("a full-text index", dialect=dialect.name)
        return query
    return replace(query, text=_asked(text, text.search, dialect))


def reads_rows(query: Query[Any], dialect: Dialect) -> bool:
    """Whether no index answers the search."""
    text = asked(query, dialect).text
    return text is not None and text.search is None


def learn(query: Query[Any], run: Run) -> None:
    """Ask which words the index holds, where only the engine knows.

    Where one is enough, none is asked for once one is known to be held.
    """
    text, question = query.text, run.dialect.text.known.asks
    if text is None or not isinstance(text.search, Terms) or question is None:
        return
    words = [*text.search.words, *text.search.phrase]
    known = _held.setdefault(run.dialect, {})
    one_is_enough = not (text.search.every or text.search.phrase)
    if one_is_enough and any(known.get((x, word)) for x in _languages(text) for word in words):
        return
    more = [_WITHOUT_STOP_WORDS] if text.search.every else []
    languages = sorted({*_languages(text), *more})
    if len(known) > _MOST_REMEMBERED:
        known.clear()
    for language in languages:
        new = [word for word in words if (language, word) not in known]
        if new:
            given = {"words": new, "language": language}
            left_out = set(run.connection.execute(sql(question), given).scalars())
            known.update({(language, word): word not in left_out for word in new})


def slow_path(query: Query[Any], dialect: Dialect) -> str:
    """The announcement that rows are read."""
    assert query.text is not None
    names = ", ".join(field.label for field, _ in query.text.fields)
    if Feature.FULL_TEXT not in dialect.features:
        reason = f"{dialect.name} has no full-text index here"
    else:
        reason = f"the full-text index of {dialect.name} holds none of the words"
    return f"{reason}: the texts of {names} are read, row by row"


def text_index_in(plan: str, query: Query[Any]) -> str | None:
    """The name of the full-text index that serves by a plan, if one does."""
    fields = () if query.text is None else query.text.fields
    names = (field.place.index for field, _ in fields)
    return next((name for name in names if re.search(rf"\b{re.escape(name)}\b", plan)), None)


def why_no_text_index(query: Query[Any], run: Run) -> tuple[str, ...]:
    """Why the engine's plan has no use for a full-text index that may serve."""
    if query.text is None or reads_rows(query, run.dialect):
        return ()
    return ("the planner has another way than the full-text index: few rows, or most match",)


def is_refusal(cause: BaseException, dialect: Dialect) -> bool:
    """Whether the engine speaks of a raw search, not of the statement around it."""
    unknown = dialect.text.unknown
    if unknown is not None and re.search(unknown, dialect.message(cause)):
        return True
    return dialect.classify(cause) is DatabaseError


def refused(raw: Raw, cause: BaseException, dialect: Dialect) -> InvalidQuery:
    """What is said of a raw search that the engine does not understand."""
    said = dialect.message(cause)
    return InvalidQuery(f"{dialect.name} does not take the search {raw.expression!r}: {said}")


def notes(query: Query[Any], dialect: Dialect) -> tuple[str, ...]:
    """What is worth knowing of how this engine answers the search."""
    given, text = query.text, asked(query, dialect).text
    if given is None or text is None or isinstance(given.search, Raw):
        return ()
    if text.search is None:
        return (slow_path(query, dialect),)
    assert isinstance(given.search, Terms)
    return tuple(_notes(given, given.search, text, dialect))


def _asked(text: TextSearch, terms: Terms, dialect: Dialect) -> TextSearch:
    known = dialect.text.known
    words = tuple(word for word in terms.words if _is_held(word, text, dialect))
    if terms.every:
        words = tuple(filter(known.is_one, words))
    phrase = terms.phrase if _is_in_every_index(terms.phrase, text, dialect) else ()
    prefix = terms.prefix if known.begins(terms.prefix) else ""
    if Feature.FULL_TEXT not in dialect.features or not (words or phrase or prefix):
        return replace(text, search=None, held=tuple(_pieces(terms)))
    held = [*_missing(terms, words, lambda word: _stops(word, text, dialect))]
    held += [(terms.typed_phrase,)] if terms.typed_phrase and not phrase else []
    held += [(terms.prefix,)] if terms.prefix and not prefix else []
    index = words if terms.every or not words else terms.words
    fitting = tuple(_fitting(index, dialect))
    search = replace(terms, words=fitting, phrase=phrase, prefix=prefix)
    search = search if words else replace(search, joined=())
    return replace(text, search=search, held=tuple(held))


def _is_held(word: str, text: TextSearch, dialect: Dialect) -> bool:
    return any(_holds(language, word, dialect) for language in _languages(text))


def _is_in_every_index(words: tuple[str, ...], text: TextSearch, dialect: Dialect) -> bool:
    """Whether each holds one of the words: an engine takes a phrase of none as no condition."""
    return all(
        any(_holds(language, word, dialect) for word in words) for language in _languages(text)
    )


def _holds(language: str, word: str, dialect: Dialect) -> bool:
    told = _held.get(dialect, {})
    return dialect.text.known.holds(word) and told.get((language, word), True)


def _stops(word: str, text: TextSearch, dialect: Dialect) -> bool:
    """Whether it is so frequent that it says nothing."""
    told = _held.get(dialect, {})
    left_out = any(not told.get((language, word), True) for language in _languages(text))
    is_word = told.get((_WITHOUT_STOP_WORDS, word), False)
    return dialect.text.known.stops(word) or (left_out and is_word)


def _languages(text: TextSearch) -> list[str]:
    return sorted({field.place.language for field, _ in text.fields})


def _pieces(terms: Terms) -> Iterator[tuple[str, ...]]:
    """What a row has to hold where no index is asked."""
    if terms.every:
        yield from ((piece,) for piece in terms.pieces)
    elif terms.pieces or not (terms.phrase or terms.typed_phrase or terms.prefix):
        yield terms.pieces
    yield from ((text,) for text in (terms.typed_phrase, terms.prefix) if text)


def _missing(
    terms: Terms, words: tuple[str, ...], stops: Callable[[str], bool]
) -> Iterator[tuple[str, ...]]:
    """What a row that the index finds has to hold beside, of what was typed."""
    if not terms.every:
        if terms.pieces and not words:
            yield terms.pieces
        return
    for piece in terms.pieces:
        runs = runs_of(piece)
        if not all(map(stops, runs)) and not any(run in words for run in runs):
            yield (piece,)


def _fitting(words: tuple[str, ...], dialect: Dialect) -> Iterator[str]:
    """The words that the engine takes in one search, however long they are."""
    most, length = dialect.text.most_bytes, 0
    for word in words:
        length += len(word.encode())
        if most is not None and length > most:
            return
        if dialect.text.known.takes(word):
            yield word


def _notes(given: TextSearch, terms: Terms, text: TextSearch, dialect: Dialect) -> Iterator[str]:
    forms = dialect.text
    for language in dict.fromkeys(field.place.language for field, _ in given.fields):
        finds = "other forms of a word" if forms.stemmed(language) else "words as they are written"
        yield f"{dialect.name} finds {finds} in {language!r}"
    named = dict.fromkeys((*terms.words, *terms.phrase))
    left_out = [word for word in named if not _is_held(word, given, dialect)]
    if left_out:
        yield f"not in the full-text index: {', '.join(map(repr, left_out))}"
    for group in text.held:
        yield f"read in the rows that the index finds: {', '.join(map(repr, group))}"
    if not forms.finds_own:
        yield f"{dialect.name} finds what this transaction has written once it is committed"
