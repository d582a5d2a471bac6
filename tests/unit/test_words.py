"""What people type, taken as words, and written in the syntax of each engine."""

from __future__ import annotations

import pytest

from agentorm import Raw
from agentorm.dialects import declared
from agentorm.dialects.text_words import TextWords
from agentorm.words import is_spaced, pieces_of, runs_of, terms_of, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("two words", ("two", "words")),
        ("C++ and C#, or .NET?", ("C", "and", "or", "NET")),
        ("snake_case a-b x@y.z don't", ("snake", "case", "a", "b", "x", "y", "z", "don", "t")),
        ('"quoted" (AND) NEAR/2 *', ("quoted", "AND", "NEAR", "2")),
        ("Same same SAME", ("Same",)),
        ("École ÉCOLE", ("École", "ÉCOLE")),
        ("3.14 1e5 x² ½ Ⅷ", ("3", "14", "1e5", "x²", "½", "Ⅷ")),
        ("cafe\u0301 हिन्दी", ("cafe\u0301", "हिन्दी")),
        ("東京タワー、大阪", ("東京タワー", "大阪")),
        ("a\x00b\ud800c\u200bd\ufeff", ("a", "b", "c", "d")),
        ("🎉 ++ \t\n", ()),
    ],
)
def test_words_are_runs_of_letters_marks_and_numbers(text: str, words: tuple[str, ...]) -> None:
    assert words_of(text) == words


def test_the_first_thousand_different_words_count() -> None:
    text = " ".join(f"word{n} again" for n in range(2_000))
    assert len(words_of(text)) == 1_000
    assert words_of(text)[-1] == "word998"
    assert len(runs_of(text)) == 1_000


def test_a_phrase_has_a_hundred_words_at_most_and_its_repetitions() -> None:
    phrase = terms_of("", every=False, phrase="to be or not to be " * 100, prefix="").phrase
    assert phrase[:6] == ("to", "be", "or", "not", "to", "be")
    assert len(phrase) == 100


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("C++ and (C++),", ("C++", "and")),
        ("x->y f() ...", ("x->y", "f", "...")),
        ("東京タワー、大阪 C++", ("東京タワー", "大阪", "C++")),
        ("a\x00b\ud800 🎉", ("a", "b", "🎉")),
        ("\x00\ud800", ()),
    ],
)
def test_pieces_are_what_stands_between_white_space(text: str, pieces: tuple[str, ...]) -> None:
    assert pieces_of(text) == pieces


@pytest.mark.parametrize("word", ["東京", "ひらがな", "ภาษา", "ລາວ", "မြန်မာ", "ខ្មែរ", "a東"])
def test_scripts_without_spaces(word: str) -> None:
    assert not is_spaced(word)
    assert not TextWords().holds(word)


@pytest.mark.parametrize("word", ["Tokyo", "한국어", "हिन्दी", "עברית", "العربية", "ქართული"])
def test_scripts_with_spaces(word: str) -> None:
    assert is_spaced(word)
    assert TextWords().holds(word)


@pytest.mark.parametrize(
    ("given", "sqlite", "postgresql", "mysql"),
    [
        ({"text": "vector"}, '"vector"', "'vector'", "vector"),
        ({"text": "a b"}, '"a" OR "b"', "'a' | 'b'", "a b"),
        ({"text": "a b", "every": True}, '"a" AND "b"', "'a' & 'b'", "+a +b"),
        ({"phrase": "new york"}, '"new york"', "'new york'", '"new york"'),
        (
            {"text": "a b", "phrase": "new york"},
            '("a" OR "b") AND "new york"',
            "('a' | 'b') & 'new york'",
            '+(a b) +"new york"',
        ),
        ({"prefix": "pyth"}, '"pyth" *', "", "pyth*"),
        (
            {"text": "a b", "prefix": "pyth"},
            '("a" OR "b") AND "pyth" *',
            "'a' | 'b'",
            "+(a b) +pyth*",
        ),
        ({"text": "🤖robot"}, '"robot" OR "🤖robot"', "'robot' | '🤖robot'", "robot"),
        (
            {"text": "a 🤖b", "every": True},
            '"a" AND ("b" OR "🤖b")',
            "'a' & ('b' | '🤖b')",
            "+a +b",
        ),
        (
            {"text": "ab\U0001d41bcd"},
            '"ab\U0001d41bcd"',
            "'ab\U0001d41bcd'",
            '"ab\U0001d41bcd" "ab cd"',
        ),
        ({"text": "++"}, '""', "", ""),
    ],
)
def test_each_engine_is_asked_in_its_own_syntax(
    given: dict[str, str | bool], sqlite: str, postgresql: str, mysql: str
) -> None:
    text, phrase, prefix = (str(given.get(name, "")) for name in ("text", "phrase", "prefix"))
    terms = terms_of(text, every=bool(given.get("every")), phrase=phrase, prefix=prefix)
    for name, expected in (
        ("sqlite", sqlite),
        ("postgresql", postgresql),
        ("mysql", mysql),
        ("mariadb", mysql),
    ):
        assert declared(name).text.written(terms) == expected, name


def test_postgresql_is_asked_for_a_beginning_apart() -> None:
    terms = terms_of("", every=False, phrase="", prefix="pyth")
    assert declared("postgresql").text.beginning(terms) == "'pyth':*"


def test_a_raw_search_is_as_it_was_written() -> None:
    assert declared("mysql").text.written(Raw("mysql", "+a -b")) == "+a -b"


class TestWordsOfInnoDB:
    known = declared("mysql").text.known

    @pytest.mark.parametrize("word", ["fox", "w" * 84, "École", "007", "ab\U0001d41bcde"])
    def test_held(self, word: str) -> None:
        assert self.known.holds(word)

    @pytest.mark.parametrize(
        "word",
        ["ab", "w" * 85, "the", "WHEN", "\U0001d41b" * 5, "ab\U0001d41bcd", "東京都庁", "Ꭸfox"],
    )
    def test_left_out(self, word: str) -> None:
        assert not self.known.holds(word)

    def test_beginnings_may_be_short_or_frequent_words(self) -> None:
        assert self.known.begins("a")
        assert self.known.begins("the")
        assert not self.known.begins("東")
        assert not self.known.begins("w" * 85)
