"""Cursors: what they hold comes back, and nothing but what was sealed is opened."""

from __future__ import annotations

import json
import sys
from base64 import urlsafe_b64encode
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from hashlib import sha256
from math import copysign, inf, isnan, nan
from random import Random
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import make_url

from agentorm import AgentORMError, InvalidCursor, InvalidQuery
from agentorm.cursors import Position, opened, sealed, signing_key

KEY, OTHER_KEY = bytes(range(32)), bytes(32)
QUERY = "6e340b9cffb37a989ca544e6bb780a2c"
STRINGS = 20_000

naive = st.datetimes()
aware = st.datetimes(timezones=st.just(UTC) | st.just(timezone(timedelta(hours=-5, minutes=30))))
values: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    st.binary(),
    st.decimals(allow_nan=False),
    naive,
    aware,
    st.dates(),
    st.times(),
    st.timedeltas(),
    st.uuids(),
)


def reopened(*given: Any) -> tuple[Any, ...]:
    cursor = sealed(Position(QUERY, values=given), KEY)
    found = opened(cursor, QUERY, KEY).values
    assert found is not None
    return found


@given(st.lists(values, max_size=4))
def test_values_come_back_as_they_were(given: list[Any]) -> None:
    found = reopened(*given)
    assert found == tuple(given)
    assert [type(value) for value in found] == [type(value) for value in given]


def test_values_at_their_limits_come_back() -> None:
    most = [2**63 - 1, -(2**63), 10**400, sys.float_info.max, 5e-324, inf, -inf, Decimal("1E-30")]
    most += [
        "\x00",
        "\U0010ffff",
        "'\"\\",
        b"\x00\xff",
        datetime.max.replace(tzinfo=UTC),
        date.min,
        time.max,
    ]
    most += [timedelta.min, timedelta.max, UUID(int=0), Decimal("1.10"), 0.1 + 0.2]
    assert reopened(*most) == tuple(most)
    assert str(reopened(Decimal("1.10"))[0]) == "1.10"
    assert copysign(1, reopened(-0.0)[0]) == -1
    assert isnan(reopened(nan)[0])
    assert reopened(bytearray(b"a"), memoryview(b"b")) == (b"a", b"b")
    assert opened(sealed(Position(QUERY, offset=7), KEY), QUERY, KEY) == Position(QUERY, offset=7)


def test_a_cursor_is_made_of_characters_that_urls_take_as_they_are() -> None:
    cursor = sealed(Position(QUERY, values=("é?/&#", b"\xff\xfe")), KEY)
    assert cursor.startswith("v1.")
    assert not set(cursor[3:]) - set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    )


def test_what_no_cursor_holds_is_refused() -> None:
    with pytest.raises(InvalidQuery, match="no cursor holds a dict, which the rows are sorted by"):
        sealed(Position(QUERY, values=(1, {"a": 1})), KEY)


@pytest.mark.parametrize(
    ("cursor", "problem"),
    [
        (None, "expected a cursor as a str, got NoneType"),
        (b"v1.AAAA", "expected a cursor as a str, got bytes"),
        ("", "expected a cursor, got ''"),
        ("page 2", "expected a cursor, got 'page 2'"),
        ("v1.", "expected a cursor, got 'v1.'"),
        ("v1.AAAA\n", r"expected a cursor, got 'v1.AAAA\n'"),
        ("v1.A?==", "expected a cursor, got 'v1.A?=='"),
        ("x" * 99, f"expected a cursor, got '{'x' * 40}'..."),
        ("v0.AAAA", "expected a cursor, got 'v0.AAAA'"),
        ("v\u0661.AAAA", "expected a cursor, got 'v\u0661.AAAA'"),
        ("v2.AAAA", "the cursor is of a newer version"),
        ("v999999999.A", "the cursor is of a newer version"),
        ("v1.A", "the cursor was changed"),
        ("v1.AAAA", "the cursor was changed, or signed with another key"),
        ("v1." + "A" * 1_000_000, "the cursor was changed, or signed with another key"),
    ],
)
def test_what_is_no_cursor_is_refused(cursor: Any, problem: str) -> None:
    with pytest.raises(InvalidCursor) as refused:
        opened(cursor, QUERY, KEY)
    assert refused.value.problem == problem
    assert refused.value.hint == "begin with the first page: page()"


def test_a_cursor_of_another_query_or_key_is_refused() -> None:
    cursor = sealed(Position(QUERY, values=(1, "a")), KEY)
    with pytest.raises(InvalidCursor, match="the cursor is of another query"):
        opened(cursor, QUERY[::-1], KEY)
    with pytest.raises(InvalidCursor, match="was changed, or signed with another key"):
        opened(cursor, QUERY, OTHER_KEY)


def test_a_body_without_its_signature_is_refused() -> None:
    body = json.dumps([QUERY, [1], 0]).encode()
    for forged in (body, sha256(body).digest() + body, bytes(32) + body):
        letters = urlsafe_b64encode(forged).decode().rstrip("=")
        with pytest.raises(InvalidCursor, match="the cursor was changed"):
            opened(f"v1.{letters}", QUERY, KEY)


def test_each_changed_letter_is_found() -> None:
    """The last one too, of which some bits say nothing."""
    for values in ((1,), (12,), (123,)):
        cursor = sealed(Position(QUERY, values=values), KEY)
        for place in range(3, len(cursor)):
            for letter in "AZaz09-_":
                if letter != cursor[place]:
                    with pytest.raises(InvalidCursor):
                        opened(cursor[:place] + letter + cursor[place + 1 :], QUERY, KEY)


def mutated(cursor: str, random: Random) -> str:
    """Something else, some of it like a cursor."""
    place, other = random.randrange(len(cursor)), chr(random.randrange(0x110000))
    letter = random.choice("ABCxyz019-_=.v+/ ")
    ways: list[str] = [
        cursor[:place] + other + cursor[place:],
        cursor[:place] + letter + cursor[place + 1 :] + "A",
        cursor[:place],
        cursor[place + 1 :],
        cursor + cursor,
        cursor[:place] + cursor[place + 1 :][::-1] + "x",
        "v1." + "".join(random.choices("ABCxyz019-_", k=place)),
        "".join(chr(random.randrange(0x110000)) for _ in range(place % 9)),
        other * random.randrange(3000),
    ]
    return random.choice(ways)


def test_no_other_text_is_opened_and_none_is_an_error_of_another_kind() -> None:
    random = Random(0)  # noqa: S311  # no secret is made of it
    cursor = sealed(Position(QUERY, values=(1, "a", None)), KEY)
    for _ in range(STRINGS):
        with pytest.raises(InvalidCursor):
            opened(mutated(cursor, random), QUERY, KEY)


@settings(max_examples=25)
@given(st.text() | st.binary() | st.integers())
def test_anything_is_refused_in_words(cursor: Any) -> None:
    with pytest.raises(AgentORMError) as refused:
        opened(cursor, QUERY, KEY)
    assert str(refused.value)


def test_the_key_is_the_same_for_all_workers_of_a_database() -> None:
    url = make_url("postgresql+psycopg://me:secret@host:5432/docs?connect_timeout=3")
    key = signing_key(url)
    assert len(key) == 32
    assert signing_key(url.set(drivername="postgresql")) == key
    assert signing_key(url.set(query={})) == key
    for other in (
        url.set(password="other"),  # noqa: S106  # of nobody
        url.set(username="you"),
        url.set(database="books"),
        url.set(host="elsewhere"),
        url.set(query={"password": "x"}),
    ):
        assert signing_key(other) != key


def test_the_environment_has_the_last_word(monkeypatch: pytest.MonkeyPatch) -> None:
    url, other = make_url("sqlite:///a.db"), make_url("postgresql://me:x@host/docs")
    monkeypatch.setenv("AGENTORM_CURSOR_KEY", "correct horse")
    assert signing_key(url) == signing_key(other) == sha256(b"correct horse").digest()
    monkeypatch.setenv("AGENTORM_CURSOR_KEY", "")
    assert signing_key(url) != signing_key(other)
