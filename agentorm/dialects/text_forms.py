"""How each engine asks its full-text index, and writes what is looked for.

The names of a template's fragments: ``{table}`` and ``{index}`` are quoted names, ``{schema}`` that
of the table's schema with a dot, where there is one, ``{shadow}`` the hidden column, ``{column}``
the searched one, ``{key}`` a column of the primary key, ``{language}`` one of a fixed list,
``{words}`` the bound search and ``{text}`` a bound text. An index that is a table of its own has
the keys of the rows in a table ``{keys}``, unless they are integers, which are its own row ids.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from agentorm.dialects.text_words import TextWords
from agentorm.words import Raw, Terms, runs_of


@dataclass(frozen=True, kw_only=True)
class TextForms:
    """One engine's templates.

    Attributes:
        source: what is read.
        key: a column of the row's key there.
        keyed_source: the same for rows whose key is no integer.
        keyed_key: a column of it.
        column: the searched column there.
        search: what is searched for.
        begun: the same where a ``{prefix}`` is bound beside, None where the words have it.
        match: whether a row is found, of ``{search}``.
        score: how well it matches, larger is better.
        holds: whether a text is a part of the column, whatever the case of its letters.
        word: one word.
        phrase: words in a row, of ``{words}``.
        prefix: a word that begins with ``{word}``.
        any: what stands between words of which one is enough.
        all: what stands between parts that must all hold.
        one_of: several words of which one is enough, where there are other parts.
        required: such a part, where there are several.
        nothing: a search that finds no row.
        stems: the languages in which other forms of a word are found; None for all but "simple".
        joins: whether it takes some other characters for a part of a word.
        finds_own: whether a transaction finds what it has written itself.
        unknown: how it says that a raw search names a column that it does not have.
        known: which words the index holds.
        most_bytes: how long a search may become, None without a limit.
    """

    source: str
    key: str
    column: str
    match: str
    score: str
    search: str = "{words}"
    begun: str | None = None
    holds: str = "position(lower({text}) IN lower({column})) > 0"
    word: str
    phrase: str
    prefix: str
    any: str
    all: str
    one_of: str = "({words})"
    required: str = "{part}"
    nothing: str = ""
    keyed_source: str | None = None
    keyed_key: str | None = None
    stems: frozenset[str] | None = frozenset()
    joins: bool = False
    finds_own: bool = True
    unknown: str | None = None
    known: TextWords = field(default_factory=TextWords)
    most_bytes: int | None = None

    def written(self, search: Terms | Raw) -> str:
        """A search in the engine's own syntax; words are those of `words_of`."""
        if isinstance(search, Raw):
            return search.expression
        parts = self._words(search)
        if search.phrase:
            parts.append([self._in_a_row(" ".join(search.phrase))])
        if search.prefix and self.begun is None:
            parts.append([self.beginning(search)])
        if len(parts) == 1:
            return self.any.join(parts[0])
        return self.all.join(map(self._required, parts)) or self.nothing

    def beginning(self, search: Terms) -> str:
        """The beginning of a word alone."""
        return self.prefix.format(word=search.prefix)

    def stemmed(self, language: str) -> bool:
        """Whether other forms of a word are found in this language."""
        return language != "simple" if self.stems is None else language in self.stems

    def _words(self, search: Terms) -> list[list[str]]:
        """Ways to write a word, one of which is enough, for each that must be there."""
        joined = {piece: runs_of(piece) for piece in search.joined if self.joins}
        ways = {word: [*self._ways(word)] for word in search.words}
        if search.every:
            for word, of_word in ways.items():
                of_word += [self._in_a_row(piece) for piece in joined if word in joined[piece]]
            return [*ways.values()]
        every_way = [way for of_word in ways.values() for way in of_word]
        every_way += map(self._in_a_row, joined)
        return [every_way] if every_way else []

    def _required(self, ways: list[str]) -> str:
        words = self.any.join(ways)
        return self.required.format(
            part=words if len(ways) == 1 else self.one_of.format(words=words)
        )

    def _ways(self, word: str) -> Iterator[str]:
        """A word that the engine takes for several is a phrase; it may not agree with itself."""
        if self.known.is_one(word):
            yield self.word.format(word=word)
            return
        yield self._in_a_row(word)
        yield from map(self._in_a_row, filter(None, [" ".join(self.known.parts(word))]))

    def _in_a_row(self, words: str) -> str:
        return self.phrase.format(words=words)


SQLITE = TextForms(
    source="{schema}{index}",
    key="{index}.rowid",
    keyed_source="{schema}{index} JOIN {schema}{keys} ON {keys}.rowid = {index}.rowid",
    keyed_key="{keys}.{key}",
    column="{index}.{column}",
    match="{index} MATCH {search}",
    holds="instr(lower({column}), lower({text})) > 0",
    score="-bm25({index})",
    word='"{word}"',
    phrase='"{words}"',
    prefix='"{word}" *',
    any=" OR ",
    all=" AND ",
    nothing='""',
    unknown=r"^no such column: [^.]+$",
    stems=frozenset({"english"}),
    joins=True,
)
_TSQUERY = "to_tsquery('{language}', {words})"
POSTGRESQL = TextForms(
    source="{table}",
    key="{table}.{key}",
    column="{table}.{column}",
    search=_TSQUERY,
    begun=(
        f"({_TSQUERY} && (to_tsquery('{{language}}', {{prefix}})"
        " || to_tsquery('simple', {prefix})))"
    ),
    match="{shadow} @@ {search}",
    score="ts_rank({shadow}, {search}, 1)",
    holds='strpos(lower({column} COLLATE "default"), lower({text})) > 0',
    word="'{word}'",
    phrase="'{words}'",
    prefix="'{word}':*",
    any=" | ",
    all=" & ",
    stems=None,
    joins=True,
    known=TextWords(
        most_bytes=2046,
        asks=(
            "SELECT word FROM unnest(CAST(:words AS text[])) AS word"
            " WHERE length(to_tsvector(CAST(:language AS regconfig), word)) = 0"
        ),
    ),
    most_bytes=500_000,
)
_STOP_WORDS = frozenset(
    {
        *("a", "about", "an", "are", "as", "at", "be", "by", "com", "de", "en", "for", "from"),
        *("how", "i", "in", "is", "it", "la", "of", "on", "or", "that", "the", "this", "to"),
        *("was", "what", "when", "where", "who", "will", "with", "und", "www"),
    }
)
MYSQL = TextForms(
    source="{table}",
    key="{table}.{key}",
    column="{table}.{column}",
    match="MATCH ({shadow}) AGAINST ({search} IN BOOLEAN MODE)",
    score="MATCH ({shadow}) AGAINST ({search} IN BOOLEAN MODE)",
    holds=(  # LOWER cuts off the end where the lower case of a letter has more bytes
        "(LOCATE(LOWER({text} COLLATE utf8mb4_0900_bin), LOWER({column})) > 0"
        " OR LOCATE({text}, {column}) > 0)"
    ),
    word="{word}",
    phrase='"{words}"',
    prefix="{word}*",
    any=" ",
    all=" ",
    required="+{part}",
    finds_own=False,
    known=TextWords(
        shortest=3,
        longest=84,
        stop_words=_STOP_WORDS,
        old=True,
    ),
)
MARIADB = replace(MYSQL, holds="LOCATE(LOWER({text}), LOWER({column})) > 0")
READABLE = TextForms(
    source="{table}",
    key="{table}.{key}",
    column="{table}.{column}",
    match="matches({shadow}, {search})",
    score="text_score({shadow}, {search})",
    word="{word}",
    phrase='"{words}"',
    prefix="{word}*",
    any=" or ",
    all=" and ",
)
