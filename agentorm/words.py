"""What people type, taken as words; no database here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, islice
from unicodedata import category

MOST_WORDS = 1000
"""How many different words of a text count."""
_LETTERS_MARKS_NUMBERS = frozenset("LMN")


@dataclass(frozen=True, slots=True)
class Terms:
    """What a row is searched for; all that is given has to hold.

    Attributes:
        words: words of which one must be there, or each if `every`.
        every: whether one word is not enough.
        phrase: words that must be there in a row.
        prefix: what a word that must be there begins with.
    """

    words: tuple[str, ...] = ()
    every: bool = False
    phrase: tuple[str, ...] = ()
    prefix: str = ""

    @property
    def all_words(self) -> tuple[str, ...]:
        """Every word that is named, the beginning of one too."""
        return (*self.words, *self.phrase, *filter(None, [self.prefix]))


@dataclass(frozen=True, slots=True)
class Raw:
    """A search in the syntax of one engine, which alone can run it.

    Args:
        engine: its name: ``sqlite``, ``postgresql``, ``mariadb`` or ``mysql``.
        expression: what FTS5, ``to_tsquery`` or ``MATCH ... IN BOOLEAN MODE`` takes.

    Example:
        ``matching(Raw("postgresql", "vector & (index | scan)"))`` is
        ``WHERE doc.body_search @@ to_tsquery('english', :words_1)``.
    """

    engine: str
    expression: str


def words_of(text: str) -> tuple[str, ...]:
    """The different words of a text in their order, the first `MOST_WORDS` of them.

    A word is a run of letters, marks and numbers of any script, by Unicode's general categories;
    all else separates. Words that differ in case alone are the same.
    """
    found: dict[str, str] = {}
    for word in _runs(text):
        found.setdefault(word.casefold(), word)
        if len(found) == MOST_WORDS:
            break
    return tuple(found.values())


def _runs(text: str) -> Iterator[str]:
    for is_word, run in groupby(text, key=_is_of_a_word):
        if is_word:
            yield "".join(run)


def _is_of_a_word(character: str) -> bool:
    return character.isalnum() or category(character)[0] in _LETTERS_MARKS_NUMBERS


def runs_of(text: str) -> tuple[str, ...]:
    """All words of a text in their order, those that come twice too."""
    return tuple(islice(_runs(text), MOST_WORDS))
