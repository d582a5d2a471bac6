"""Which words an engine's full-text index holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from unicodedata import ucd_3_2_0

from agentorm.words import MOST_IN_A_ROW, is_spaced

_END_OF_BASIC_PLANE = "\uffff"
_LONGER_IN_LOWER_CASE = frozenset("\u023a\u023e")


@dataclass(frozen=True, kw_only=True)
class TextWords:
    """The words of one engine; those of scripts without spaces it takes for parts of longer ones.

    Attributes:
        shortest: how many characters they have at least.
        longest: how many at most, None without a limit.
        most_bytes: how many bytes they have at most, where that is counted.
        stop_words: those that it leaves out, in lower case.
        asks: the statement that gives those of ``:words`` that it leaves out in ``:language``,
            where only the engine knows.
        old: whether it knows no letter of a later Unicode than 3.2, nor any of a higher plane, and
            takes those for separators. InnoDB cuts off the end of a search in which the lower case
            of a letter has more bytes.
    """

    shortest: int = 1
    longest: int | None = None
    most_bytes: int | None = None
    stop_words: frozenset[str] = frozenset()
    asks: str | None = None
    old: bool = False

    def holds(self, word: str) -> bool:
        """Whether the word, if it is in a text, can be found by the index."""
        held = is_spaced(word) and any(self._is_held(part) for part in self.parts(word))
        return held and self.takes(word)

    def takes(self, word: str) -> bool:
        """Whether the engine takes the word in a search, found or not."""
        fits = self.most_bytes is None or len(word.encode()) <= self.most_bytes
        if self.old and not _LONGER_IN_LOWER_CASE.isdisjoint(word):
            return False
        return fits and sum(1 for _ in self.parts(word)) <= MOST_IN_A_ROW

    def stops(self, word: str) -> bool:
        """Whether it is a word that says nothing."""
        return word.lower() in self.stop_words

    def begins(self, prefix: str) -> bool:
        """Whether a word that begins so can be found."""
        fits = self.longest is None or len(prefix) <= self.longest
        return fits and is_spaced(prefix) and self.is_one(prefix)

    def is_one(self, word: str) -> bool:
        """Whether the engine takes it for one word, as we do."""
        return [*self.parts(word)] == [word]

    def parts(self, word: str) -> Iterator[str]:
        """The words that the engine takes it for."""
        if not self.old or word.isascii():
            yield word
            return
        for known, part in groupby(word, key=_is_known):
            if known:
                yield "".join(part)

    def _is_held(self, word: str) -> bool:
        fits = self.longest is None or len(word) <= self.longest
        if not fits or len(word) < self.shortest or self.stops(word):
            return False
        return not self.old or word.isascii() or all(map(_is_known, word.lower()))


def _is_known(character: str) -> bool:
    return character <= _END_OF_BASIC_PLANE and ucd_3_2_0.category(character)[0] in "LMN"
