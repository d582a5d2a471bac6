"""Any text is a key of a JSON object, and a key is no place in an array."""

from __future__ import annotations

from typing import Any

import pytest

from agentorm import Database, UnsupportedFeature, col, repository
from tests.contract.json_rows import JsonPathRow, names

pytestmark = pytest.mark.engines("sqlite", "postgresql", "mariadb", "mysql", "mariadb-10.11")
KEYS = [
    *("a.b", 'a"b', "a'b", "a\\b", "\\", '"', '\\"', "$", "$.x", "$[0]", "[0]", "0", "", " ", "  "),
    *("\n", "\t\r\b\f", "\x01\x1f", "\x7f", "é", "e\u0301", "日本", "\U0001f600", "%s", "%(x)s"),
    *(":x", "?", "*", "**", "#-1", "@", "last", "A", "a ", "null", "true", "a/b", "<&>", "%%"),
    *("-", "-1", "--", "-a.b", '-"', "-[0]", "-*", "- ", "a-b", "a-1", "\\u0041", "/* */", ";"),
    *("{", "}", "]", ",", "x" * 3000, "é" * 300 + '"', "-" * 300),
]


@pytest.mark.parametrize("depth", [1, 2])
def test_any_text_is_a_key(db: Database, engine_name: str, depth: int) -> None:
    db.create_all(JsonPathRow)
    rows = repository(JsonPathRow, db)
    made: list[dict[str, Any]] = [{key: n, "B": {key: f"{n}"}} for n, key in enumerate(KEYS)]
    everything = {key: n for n, key in enumerate(KEYS)}
    rows.add_all(JsonPathRow(name=f"{n}", doc={"in": each}) for n, each in enumerate(made))
    rows.add(JsonPathRow(name="every", doc={"in": {**everything, "B": everything}}))
    doc = col(JsonPathRow.doc)["in"]
    doc = doc["B"] if depth == 2 else doc
    wrong: list[str] = []
    for n, key in enumerate(KEYS):
        if engine_name == "mariadb-10.11" and key.startswith("-"):
            with pytest.raises(UnsupportedFeature, match="the key '-"):
                names(rows, doc[key] == n)
            continue
        one = {f"{n}"}
        found = names(rows, doc[key] == f"{n}"), names(rows, doc[key] == n)
        expected = (one, {"every"}) if depth == 2 else (set[str](), one | {"every"})
        if found != expected or names(rows, doc[key].exists()) != one | {"every"}:
            wrong.append(f"{key!r}: {found}")
    assert wrong == []


def test_what_is_behind_an_odd_key_is_found(db: Database) -> None:
    db.create_all(JsonPathRow)
    rows = repository(JsonPathRow, db)
    inner: dict[str, Any] = {"a": [1, {"é\\": "here"}, 2.5, True, None], "b": "text"}
    rows.add(JsonPathRow(name="yes", doc={'q"': {"x": {"\n": inner}}}))
    rows.add(JsonPathRow(name="no", doc={'q"': {"x": {"\n": "a"}}, "x": {"\n": inner}}))
    rows.add(JsonPathRow(name="text", doc={'q"': '{"x": 1}'}))
    there = col(JsonPathRow.doc)['q"']["x"]["\n"]
    assert names(rows, there["a"][1]["é\\"] == "here") == {"yes"}
    assert names(rows, there["a"][2] == 2.5) == {"yes"}
    assert names(rows, there["a"].has_all([1, 2.5, True])) == {"yes"}
    assert names(rows, there["a"].contains([None])) == {"yes"}
    assert names(rows, there == inner) == {"yes"}
    assert names(rows, there.contains({"a": [1], "b": "text"})) == {"yes"}
    assert names(rows, there == "a") == {"no"}
    assert names(rows, there["a"][4].is_(None)) == {"yes", "no", "text"}
    assert names(rows, there["a"][4].exists()) == {"yes"}
    assert names(rows, there["a"][3].as_boolean()) == {"yes"}


def test_a_value_under_an_odd_key_is_read(db: Database) -> None:
    db.create_all(JsonPathRow)
    values: list[Any] = [0.1, 1e300, 2**63 - 1, True, False, None, "q\"'\\é", [1.5, {"a": "b"}], {}]
    repository(JsonPathRow, db).add_all(
        JsonPathRow(name=f"{n}", doc={'"': value}) for n, value in enumerate(values[2:])
    )
    with db.session() as session:
        rows = repository(JsonPathRow, session)
        read = rows.statement().with_only_columns(col(JsonPathRow.doc)['"'])
        found = [value for (value,) in session.connection().execute(read)]
    assert found == values[2:]
    assert [type(value) for value in found[1:3]] == [bool, bool]


def test_floats_under_an_odd_key_are_exact(db: Database) -> None:
    db.create_all(JsonPathRow)
    numbers = [0.1, 1 / 3, 5e-324, 1.7976931348623157e308, -2.5, 123456.789e3]
    repository(JsonPathRow, db).add_all(
        JsonPathRow(name=f"{n}", doc={"é": value}) for n, value in enumerate(numbers)
    )
    rows = repository(JsonPathRow, db)
    for n, number in enumerate(numbers):
        assert names(rows, col(JsonPathRow.doc)["é"] == number) == {f"{n}"}
    with db.session() as session:
        read = rows.on(session).statement().with_only_columns(col(JsonPathRow.doc)["é"])
        found = [value for (value,) in session.connection().execute(read)]
    assert [float(value) for value in found] == numbers


def test_a_place_is_no_key_and_a_key_no_place(db: Database) -> None:
    db.create_all(JsonPathRow)
    rows = repository(JsonPathRow, db)
    rows.add(JsonPathRow(name="object", doc={"a": {"0": "x", "1": "y"}}))
    rows.add(JsonPathRow(name="array", doc={"a": ["x", "y"]}))
    rows.add(JsonPathRow(name="text", doc={"a": "x"}))
    a = col(JsonPathRow.doc)["a"]
    assert names(rows, a["0"] == "x") == {"object"}
    assert names(rows, a[0] == "x") == {"array"}
    assert names(rows, a[0][0].exists()) == set()
    assert names(rows, a[2].exists()) == set()


@pytest.mark.engines("sqlite", "postgresql", "mariadb", "mysql")
def test_a_key_with_a_dash_in_front_is_no_place_from_the_end(db: Database) -> None:
    db.create_all(JsonPathRow)
    rows, doc = repository(JsonPathRow, db), col(JsonPathRow.doc)
    rows.add(JsonPathRow(name="object", doc={"-": [[{"-a.b": 5}]], "--": [1], "-1": "x"}))
    rows.add(JsonPathRow(name="array", doc=[1, 2]))
    rows.add(JsonPathRow(name="text", doc="-1"))
    assert names(rows, doc["-"][0][0]["-a.b"] == 5) == {"object"}
    assert names(rows, doc["-"][0]["-a.b"].exists()) == set()
    assert names(rows, doc["--"][0][0].exists()) == set()
    assert names(rows, doc["-1"] == "x") == {"object"}
    assert names(rows, doc["-1"].exists()) == {"object"}
    assert names(rows, doc["-1"][0].exists()) == set()
