"""Hostile texts to search for: never an error, and a row that holds an indexed word is found.

``AGENTORM_HOSTILE`` is how many are tried on each engine, 300 unless it says otherwise.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from unicodedata import category

import pytest
from sqlalchemy import delete
from sqlalchemy.orm import registry

from agentorm import Database, Entity, Field, repository, text_field
from agentorm.words import pieces_of, words_of
from tests.property.running import on_every_engine

HOW_MANY = int(os.environ.get("AGENTORM_HOSTILE", "300"))
BATCH = 500
LONGEST_STORED, LONGEST_WORD = 2_000, 84
PIECES = [
    *["'", '"', "`", "''", '"' * 2, "\\", "\\'", "%", "_", "%%", "%s", "%(x)s", ":x", "?", "$1"],
    *["--", "/*", "*/", ";", ")", "(", "]", "}", "{", "[", "$", ".", ",", "<", ">", "@", "~"],
    *["AND", "OR", "NOT", "NEAR", "NEAR(a b, 2)", "a NEAR/2 b", "* ", "*", "-", "+", "^", "!"],
    *["&", "|", "<->", "<2>", ":*", ":A", "body:", "{body}:", "-body:", '"a" *', "(((", ")))"],
    *["rank:", "bm25(", "a OR", "NOT a", "'a':*", "a & !b", "+a -b", ">a", "~b", '"a b"@3', "a*b"],
    *["\\u0000", "\\x27", "\\\\", "\b", "\t", "\n", "\r", "\x1a", "\x7f", "\x85", "\u2028"],
    *["\x00", "\ud800", "\udfff", "\ufeff", "\uffff", "\U0010ffff", "\u00ad", "\u200b", "\u200d"],
    *["C++", "C#", ".NET", "don't", "foo_bar", "a-b", "x@y.z", "3.14", "1e5", "-7", "0x1F"],
    *["the", "of", "it", "ok", "vector", "searches", "Straße", "ÉCOLE", "İstanbul", "ΟΔΟΣ", "ﬁne"],
    *["e\u0301", "n\u0303", "東京タワー", "ภาษาไทย", "हिन्दी", "한국어", "עברית", "العربية", "x²"],
    *["🎉", "🤖", "\U0001f469\u200d\U0001f4bb", "①", "½", "Ⅷ", "\uff26\uff55\uff4c\uff4c"],
    *["\U0001d41b\U0001d428", "\U00010400", "\u023a", "\u13ad", "\u1e9e", "\u2c6d", "ǅ", "ŉ", "ß"],
    *["null", "select", "DROP TABLE hostile_text", "' OR '1'='1", "{name}", "{0}", "{words}"],
]


class Texts(Entity, registry=registry()):
    """What the table derives from."""


class HostileText(Texts, table=True):
    id: int = Field(primary_key=True)
    body: str = text_field(search="english")


class Hostile:
    """Makes texts of pieces that have broken other programs, and of any characters at all."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311

    def text(self) -> str:
        kind = self.random.random()
        if kind < 0.01:
            return self.random.choice(PIECES) * self.random.choice([100, 5_000])
        if kind < 0.3:
            return "".join(self.character() for _ in range(self.random.randint(1, 12)))
        between = self.random.choice(["", " ", " ", self.random.choice(PIECES)])
        return between.join(self.piece() for _ in range(self.random.randint(1, 6)))

    def piece(self) -> str:
        return self.random.choice(PIECES) if self.random.random() < 0.9 else self.character()

    def character(self) -> str:
        last = self.random.choice([0x7F, 0x17F, 0x2FFF, 0xFFFF, 0x10FFFF])
        return chr(self.random.randint(0, last))


@pytest.fixture
def texts(db: Database) -> Database:
    db.create_all(HostileText)
    return db


def shelves(db: Database, hostile: Hostile, count: int) -> Iterator[tuple[list[str], list[str]]]:
    """Texts, with the rows that hold them stored."""
    asked = [text for text in (hostile.text() for _ in range(count)) if text.strip()]
    for start in range(0, len(asked), BATCH):
        part = asked[start : start + BATCH]
        bodies = list(map(storable, part))
        with db.transaction() as session:
            session.connection().execute(delete(HostileText))
            rows = [HostileText(id=n, body=body) for n, body in enumerate(bodies)]
            repository(HostileText, session).add_all(rows)
        yield part, bodies


def storable(text: str) -> str:
    """As much of the text as a row can hold."""
    impossible = {"\x00", *(each for each in text if category(each) == "Cs")}
    kept = (" " if each in impossible else each for each in text)
    return "".join(kept)[:LONGEST_STORED]


def is_findable(body: str) -> bool:
    """Whether it has something that each engine finds, in its index or in the rows."""
    return any(len(part) <= LONGEST_WORD for part in pieces_of(body))


def is_whole(body: str) -> bool:
    """Whether each part of it is such a thing, and none was cut off."""
    parts = body.split()
    return bool(parts) and len(body) < LONGEST_STORED and all(map(is_findable, parts))


@pytest.mark.filterwarnings("ignore::agentorm.errors.SlowPath")
class TestAnyText:
    pytestmark = on_every_engine

    def test_is_no_error_and_finds_the_row_that_holds_it(self, texts: Database) -> None:
        for part, bodies in shelves(texts, Hostile(1), HOW_MANY):
            with texts.session() as session:
                docs = repository(HostileText, session)
                missed = [
                    ascii(text)
                    for n, text in enumerate(part)
                    if docs.matching(text).where(HostileText.id == n).count() == 0
                    and is_findable(bodies[n])
                ]
            assert missed == []

    def test_is_no_error_as_a_phrase_or_where_every_word_counts(self, texts: Database) -> None:
        for part, bodies in shelves(texts, Hostile(2), HOW_MANY // 3):
            with texts.session() as session:
                docs = repository(HostileText, session)
                for text in part:
                    docs.matching(phrase=text).count()
                    docs.matching("vector", phrase=text, every=True).count()
                    for word in words_of(text)[:1]:
                        docs.matching(text, prefix=word).count()
                missed = [
                    ascii(text)
                    for n, text in enumerate(part)
                    if docs.matching(text, every=True).where(HostileText.id == n).count() == 0
                    and is_whole(bodies[n])
                ]
            assert missed == []


LONG = {
    "one word of 1 MB": "x" * 1_000_000,
    "10,000 words": " ".join(f"word{n}" for n in range(10_000)),
    "300 words of 5,000 characters": " ".join(f"{n}{'y' * 5_000}" for n in range(300)),
    "300 words of 2,000 letters of 3 bytes": " ".join(f"{n}{'ऄ' * 2_000}" for n in range(300)),
    "1 MB without a letter": "+-*" * 350_000,
    "1 MB of emoji": "🤖" * 1_000_000,
    "1 MB of white space around a word": f"{' ' * 50_000}vector{' ' * 950_000}",
    "1 MB of quotes": "\"'" * 500_000,
    "200 emoji within words": " ".join(f"a{n}🤖b{n}" for n in range(200)),
    "a word of 300 letters that InnoDB separates at": "a\U0001d4b7" * 150,
}


@pytest.mark.filterwarnings("ignore::agentorm.errors.SlowPath")
@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
class TestLongText:
    pytestmark = on_every_engine

    def test_is_no_error_and_hides_no_word(self, texts: Database, text: str) -> None:
        docs = repository(HostileText, texts)
        docs.add(HostileText(id=1, body="a vector and word7"))
        assert docs.matching(text, every=True).count() in {0, 1}
        assert docs.matching(f"vector {text}").count() == 1
        assert docs.matching("vector", phrase=text).count() in {0, 1}
        for word in words_of(text)[:1]:
            assert docs.matching("vector", prefix=word).count() in {0, 1}
