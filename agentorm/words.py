"""What people type, taken as words; no database here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import groupby, islice
from unicodedata import category

MOST_CHARACTERS = 200_000
"""How long a text to search for is; what comes behind does not count."""
MOST_WORDS = 1000
"""How many different words of a text count."""
MOST_PIECES = 100
"""How many different pieces of a text are looked for where no index is asked."""
MOST_IN_A_ROW = 100
"""How many words of a phrase count."""
_LETTERS_MARKS_NUMBERS = frozenset("LMN")
_BREAKS = frozenset({"Cc", "Cs", "Zl", "Zp", "Zs"})
_LONGEST_JOINED = 500
_AROUND_WORDS = ".,;:!?'\"()[]{}\u00ab\u00bb\u2018\u2019\u201a\u201c\u201d\u201e\u2026"
_WITHOUT_SPACES = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf\u2e80-\u2fdf\u3005-\u3007"
    "\u3021-\u3029\u3031-\u303c\u3041-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\ua4cf\ua9e0-\ua9ff"
    "\uaa60-\uaa7f\uaa80-\uaadf\uf900-\ufaff\uff66-\uff9f\U00016fe0-\U0001b2ff"
    "\U00020000-\U0003ffff]"
)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a row is searched for; all that is given has to hold.

    Attributes:
        words: words of which one must be there, or each if `every`.
        every: whether one word is not enough.
        phrase: words that must be there in a row.
        prefix: what a word that must be there begins with.
        joined: words with other characters between or around them, which some engines take for
            one word.
        pieces: what was typed between white space, for a search without an index.
        typed_phrase: the phrase as it was typed, with single spaces.
    """

    words: tuple[str, ...] = ()
    every: bool = False
    phrase: tuple[str, ...] = ()
    prefix: str = ""
    joined: tuple[str, ...] = field(default=(), repr=False)
    pieces: tuple[str, ...] = field(default=(), repr=False)
    typed_phrase: str = field(default="", repr=False)


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


def terms_of(text: str, *, every: bool, phrase: str, prefix: str) -> Terms:
    """What a search for this text, this phrase and this beginning looks for."""
    text, phrase, prefix = (given[:MOST_CHARACTERS] for given in (text, phrase, prefix))
    return Terms(
        words=words_of(text),
        every=every,
        phrase=runs_of(phrase)[:MOST_IN_A_ROW],
        prefix="".join(runs_of(prefix)),
        joined=_joined_of(text),
        pieces=pieces_of(text),
        typed_phrase=" ".join(_unbroken(phrase)),
    )


def words_of(text: str) -> tuple[str, ...]:
    """The different words of a text in their order, the first `MOST_WORDS` of them.

    A word is a run of letters, marks and numbers of any script, by Unicode's general categories;
    all else separates. Words of ASCII that differ in case alone are the same.
    """
    return _different(_runs(text), MOST_WORDS)


def runs_of(text: str) -> tuple[str, ...]:
    """All words of a text in their order, those that come twice too."""
    return tuple(islice(_runs(text), MOST_WORDS))


def pieces_of(text: str) -> tuple[str, ...]:
    """What stands between white space, the first `MOST_PIECES` of it, as ``C++`` or ``東京``.

    The punctuation of a sentence around it is left out. Where a script has no spaces, punctuation
    separates as well.
    """
    return _different(_pieces(text), MOST_PIECES)


def is_spaced(word: str) -> bool:
    """Whether all of a word is in scripts that have spaces between words, unlike Chinese."""
    return _WITHOUT_SPACES.search(word) is None


def _pieces(text: str) -> Iterator[str]:
    for piece in _unbroken(text):
        if is_spaced(piece):
            yield piece.strip(_AROUND_WORDS) or piece
        else:
            yield from _runs(piece)


def _unbroken(text: str) -> Iterator[str]:
    return _runs(text, _is_unbroken)


def _joined_of(text: str) -> tuple[str, ...]:
    runs = _runs(text, _may_be_of_a_word)
    several = (run for run in runs if len(run) <= _LONGEST_JOINED and not _is_one_word(run))
    return _different((run for run in several if any(map(_is_of_a_word, run))), MOST_PIECES)


def _is_one_word(run: str) -> bool:
    return all(map(_is_of_a_word, run))


def _different(found: Iterator[str], most: int) -> tuple[str, ...]:
    kept: dict[str, str] = {}
    for each in found:
        kept.setdefault(each.lower() if each.isascii() else each, each)
        if len(kept) == most:
            break
    return tuple(kept.values())


def _runs(text: str, belongs: Callable[[str], bool] | None = None) -> Iterator[str]:
    for is_inside, run in groupby(text, key=belongs or _is_of_a_word):
        if is_inside:
            yield "".join(run)


def _is_of_a_word(character: str) -> bool:
    return character.isalnum() or category(character)[0] in _LETTERS_MARKS_NUMBERS


def _is_unbroken(character: str) -> bool:
    return category(character) not in _BREAKS


def _may_be_of_a_word(character: str) -> bool:
    return _is_of_a_word(character) or not (character.isascii() or category(character) in _BREAKS)
