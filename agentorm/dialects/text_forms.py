"""How each engine asks its full-text index, and writes what is looked for.

The names of a template's fragments: ``{table}`` and ``{index}`` are quoted names, ``{shadow}`` the
hidden column, ``{key}`` a column of the primary key, ``{language}`` one of a fixed list, and
``{words}`` the bound search. An index that is a table of its own has the keys of the rows in a
table ``{keys}``, unless they are integers, which are its own row ids.
"""

from __future__ import annotations

from dataclasses import dataclass

from agentorm.words import Raw, Terms


@dataclass(frozen=True, kw_only=True)
class TextForms:
    """One engine's templates.

    Attributes:
        source: what is read.
        key: a column of the row's key there.
        keyed_source: the same for rows whose key is no integer.
        keyed_key: a column of it.
        match: whether a row is found.
        score: how well it matches, larger is better.
        word: one word.
        phrase: words in a row, of ``{words}``.
        prefix: a word that begins with ``{word}``.
        any: what stands between words of which one is enough.
        all: what stands between parts that must all hold.
        required: such a part, where there are several.
        nothing: a search that finds no row.
        stems: the languages in which other forms of a word are found; None for all.
    """

    source: str
    key: str
    match: str
    score: str
    word: str
    phrase: str
    prefix: str
    any: str
    all: str
    required: str = "({part})"
    nothing: str = ""
    keyed_source: str | None = None
    keyed_key: str | None = None
    stems: frozenset[str] | None = frozenset()

    def written(self, search: Terms | Raw) -> str:
        """A search in the engine's own syntax; words are those of `words_of`."""
        if isinstance(search, Raw):
            return search.expression
        words = [self.word.format(word=word) for word in search.words]
        parts = words if search.every else [self.any.join(words)] if words else []
        if search.phrase:
            parts = [*parts, self.phrase.format(words=" ".join(search.phrase))]
        if search.prefix:
            parts = [*parts, self.prefix.format(word=search.prefix)]
        if len(parts) == 1:
            return parts[0]
        return self.all.join(self.required.format(part=part) for part in parts) or self.nothing


SQLITE = TextForms(
    source="{index}",
    key="{index}.rowid",
    keyed_source="{index} JOIN {keys} ON {keys}.rowid = {index}.rowid",
    keyed_key="{keys}.{key}",
    match="{index} MATCH {words}",
    score="-bm25({index})",
    word='"{word}"',
    phrase='"{words}"',
    prefix='"{word}" *',
    any=" OR ",
    all=" AND ",
    nothing='""',
    stems=frozenset({"english"}),
)
POSTGRESQL = TextForms(
    source="{table}",
    key="{table}.{key}",
    match="{shadow} @@ to_tsquery('{language}', {words})",
    score="ts_rank({shadow}, to_tsquery('{language}', {words}), 1)",
    word="'{word}'",
    phrase="'{words}'",
    prefix="'{word}':*",
    any=" | ",
    all=" & ",
    stems=None,
)
MYSQL = TextForms(
    source="{table}",
    key="{table}.{key}",
    match="MATCH ({shadow}) AGAINST ({words} IN BOOLEAN MODE)",
    score="MATCH ({shadow}) AGAINST ({words} IN BOOLEAN MODE)",
    word="{word}",
    phrase='"{words}"',
    prefix="{word}*",
    any=" ",
    all=" ",
    required="+({part})",
)
READABLE = TextForms(
    source="{table}",
    key="{table}.{key}",
    match="matches({shadow}, {words})",
    score="text_score({shadow}, {words})",
    word="{word}",
    phrase='"{words}"',
    prefix="{word}*",
    any=" or ",
    all=" and ",
)
