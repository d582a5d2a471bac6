"""Text: unbounded, kept to the last blank, compared and sorted by code point."""

from __future__ import annotations

from typing import Any

import pytest

from agentorm import Database, Field, InvalidValue, col, repository
from tests.contract.models import Contract, Doc, Scalar

AWKWARD = [
    "",
    " ",
    "a ",
    " a",
    "\t\n\r",
    "'\"`;--",
    "%s %(x)s %% {x} :x ?",
    "\\",
    "\u202e",
    "\u0301",
]
NAMES = ["Zoe", "abc", "Abc", "ABC", "äbc", "abc ", "a_c", "a%c"]


class Coded(Contract, table=True):
    code: str = Field(primary_key=True)
    short: str | None = Field(default=None, max_length=5)


@pytest.fixture
def texts(db: Database) -> Database:
    db.create_all(Scalar)
    return db


def store(db: Database, *values: str) -> None:
    repository(Scalar, db).add_all(Scalar(text=value) for value in values)


def found(db: Database, condition: Any) -> list[str | None]:
    return [row.text for row in repository(Scalar, db).where(condition).order_by(Scalar.id).all()]


def test_a_megabyte_comes_back(texts: Database) -> None:
    large = "é😀 x\n" * 200_000
    key = repository(Scalar, texts).add(Scalar(text=large)).id
    row = repository(Scalar, texts).get(key)
    assert row is not None
    assert row.text == large
    assert len(found(texts, col(Scalar.text) == large)) == 1


@pytest.mark.parametrize("value", AWKWARD)
def test_awkward_text_comes_back_and_is_found_alone(texts: Database, value: str) -> None:
    store(texts, "other", value, "a", "")
    assert value in found(texts, col(Scalar.text) == value)
    assert set(found(texts, col(Scalar.text) == value)) == {value}
    assert "other" in found(texts, col(Scalar.text) != value)


def test_equality_knows_case_accents_and_blanks(texts: Database) -> None:
    store(texts, *NAMES)
    assert found(texts, col(Scalar.text) == "abc") == ["abc"]
    assert found(texts, col(Scalar.text).in_(["Abc", "abc "])) == ["Abc", "abc "]


def test_empty_text_is_no_blank_and_no_null(texts: Database) -> None:
    store(texts, "", " ", "  ", "\t")
    repository(Scalar, texts).add(Scalar())
    assert found(texts, col(Scalar.text) == "") == [""]
    assert found(texts, col(Scalar.text) == " ") == [" "]
    assert found(texts, col(Scalar.text) != "") == [" ", "  ", "\t"]
    assert found(texts, col(Scalar.text) > "") == [" ", "  ", "\t"]
    assert found(texts, col(Scalar.text).is_(None)) == [None]


def test_patterns_count_trailing_blanks(texts: Database) -> None:
    store(texts, "abc", "abc ", "abc  ")
    assert found(texts, col(Scalar.text).like("abc")) == ["abc"]
    assert found(texts, col(Scalar.text).like("abc_")) == ["abc "]
    assert found(texts, col(Scalar.text).ilike("ABC ")) == ["abc "]
    assert found(texts, col(Scalar.text).endswith(" ")) == ["abc ", "abc  "]
    assert found(texts, col(Scalar.text).endswith("c")) == ["abc"]


def test_emoji_are_characters_of_their_own(texts: Database) -> None:
    store(
        texts,
        "\U0001f600",
        "\U0001f601",
        "x\U0001f600",
        "\U0001f600\u200d\U0001f601",
        "?",
        "\ufffd",
    )
    assert found(texts, col(Scalar.text) == "\U0001f600") == ["\U0001f600"]
    assert found(texts, col(Scalar.text).like("_")) == ["\U0001f600", "\U0001f601", "?", "\ufffd"]
    assert found(texts, col(Scalar.text).contains("\U0001f601")) == [
        "\U0001f601",
        "\U0001f600\u200d\U0001f601",
    ]
    assert found(texts, col(Scalar.text).icontains("X\U0001f600")) == ["x\U0001f600"]


def test_long_texts_differ_at_their_end(texts: Database) -> None:
    long = "é" * 200_000
    store(texts, long, f"{long} ", f"{long}a")
    assert [len(text or "") for text in found(texts, col(Scalar.text) == long)] == [200_000]
    assert [len(text or "") for text in found(texts, col(Scalar.text) > long)] == [200_001] * 2


@pytest.mark.engines("sqlite", "postgresql")
def test_long_texts_are_sorted_beyond_their_start(texts: Database) -> None:
    """MySQL and MariaDB sort by the first 1,024 bytes, their `max_sort_length`."""
    long = "é" * 200_000
    store(texts, f"{long}a", long, f"{long} ")
    rows = repository(Scalar, texts).order_by(Scalar.text).all()
    assert [(row.text or "")[-1] for row in rows] == ["é", " ", "a"]


def test_texts_are_sorted_by_a_thousand_bytes(texts: Database) -> None:
    store(texts, "é" * 500 + "b", "é" * 500, "é" * 500 + "a", "é" * 499 + "z")
    rows = repository(Scalar, texts).order_by(Scalar.text).all()
    assert [row.id for row in rows] == [4, 2, 3, 1]


def test_like_knows_case_accents_and_escapes(texts: Database) -> None:
    store(texts, *NAMES)
    assert found(texts, col(Scalar.text).like("a%")) == ["abc", "abc ", "a_c", "a%c"]
    assert found(texts, col(Scalar.text).startswith("ab")) == ["abc", "abc "]
    assert found(texts, col(Scalar.text).contains("_", autoescape=True)) == ["a_c"]
    assert found(texts, col(Scalar.text).endswith("%c", autoescape=True)) == ["a%c"]


def test_ilike_ignores_the_case_of_ascii(texts: Database) -> None:
    store(texts, *NAMES)
    assert found(texts, col(Scalar.text).ilike("ABC")) == ["abc", "Abc", "ABC"]


def test_composed_and_decomposed_letters_differ(texts: Database) -> None:
    store(texts, "\u00e9", "e\u0301")
    assert found(texts, col(Scalar.text) == "\u00e9") == ["\u00e9"]


def test_astral_code_points_sort_behind_the_others(texts: Database) -> None:
    store(texts, "\U0001f600", "\uffee", "\U00010000", "\ud7ff", "\ue000")
    rows = repository(Scalar, texts).order_by(Scalar.text).all()
    assert [row.text for row in rows] == [
        "\ud7ff",
        "\ue000",
        "\uffee",
        "\U00010000",
        "\U0001f600",
    ]


def test_concatenated_text_is_compared(texts: Database) -> None:
    store(texts, "ab", "b")
    assert found(texts, col(Scalar.text) + "!" == "ab!") == ["ab"]
    assert found(texts, col(Scalar.text).concat("!") == "b!") == ["b"]


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("a\0b", "Scalar.text: text holds NUL at 1, which engines refuse"),
        ("\ud800", "Scalar.text: text is not Unicode at 0: surrogates not allowed"),
    ],
)
def test_text_that_some_engine_cannot_hold_is_refused(value: str, problem: str) -> None:
    with pytest.raises(InvalidValue, match=problem):
        Scalar(text=value)


def test_nul_is_refused_in_conditions_before_any_sql(texts: Database, sent: list[str]) -> None:
    with pytest.raises(InvalidValue, match="NUL at 1"):
        found(texts, col(Scalar.text) == "a\0b")
    assert sent == []


def test_keys_take_255_characters_and_no_more(db: Database, sent: list[str]) -> None:
    db.create_all(Coded)
    sent.clear()
    with pytest.raises(InvalidValue, match=r"Coded\.code: 256 characters, at most 255 fit"):
        repository(Coded, db).add(Coded(code="é" * 256))
    assert sent == []
    repository(Coded, db).add(Coded(code="😀" * 255))
    assert repository(Coded, db).get("😀" * 255) == Coded(code="😀" * 255)


def test_a_declared_length_is_kept(db: Database) -> None:
    db.create_all(Coded)
    with pytest.raises(InvalidValue, match=r"Coded\.short"):
        Coded(code="x", short="123456")
    repository(Coded, db).add(Coded(code="x", short="12345"))
    with pytest.raises(InvalidValue, match=r"Coded\.short"):
        repository(Coded, db).update_where(Coded.code == "x", short="123456")
    assert repository(Coded, db).get("x") == Coded(code="x", short="12345")


def test_text_keys_differ_by_case_accent_and_blank(db: Database) -> None:
    db.create_all(Coded)
    names = ["b", "B", "ä", "a", "a ", ""]
    repository(Coded, db).add_all(Coded(code=name) for name in names)
    assert [row.code for row in repository(Coded, db).all()] == ["", "B", "a", "a ", "b", "ä"]
    assert repository(Coded, db).get("a ") == Coded(code="a ")
    assert repository(Coded, db).get("A") is None


def test_unique_text_differs_by_case(library: Database) -> None:
    docs = repository(Doc, library)
    docs.add_all([Doc(title="a"), Doc(title="A"), Doc(title="a ")])
    assert docs.count() == 3
