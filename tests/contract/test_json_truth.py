"""One truth table of the operators on a path into JSON: true, false, and unknown for the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

import pytest
from sqlalchemy import ColumnElement

from agentorm import Database, Repository, col, repository
from tests.contract import json_rows as given
from tests.contract.json_rows import EVERY, JsonPathRow, truth

pytestmark = pytest.mark.engines("sqlite", "postgresql", "mariadb", "mysql", "mariadb-10.11")
Row = JsonPathRow
Case = tuple[Callable[[Any], ColumnElement[bool]], str | Iterable[str], Iterable[str]]
NUMBERS, TEXTS, BOOLEANS = {*given.NUMBERS}, {*given.TEXTS}, {*given.BOOLEANS}
ARRAYS, OBJECTS = {*given.ARRAYS}, {*given.OBJECTS}
DAYS = {"day", "next day", "no such day"}
BROKEN = {"0.1", "5.5", "1e22", "1e300"}
NEAR = {"-2^63", "-0.0", "0", "2^53+1"}
STARTING = {"day", "next day", "day and x", "day and line"}
LETTERS = {"ABC", "abc", "abc blank", "ttrue", "tnull", "umlaut", "wide day", "smile"}
NOWHERE = {"missing", "array", "text", "number", "NULL"}
ONE, TOP = {"1", "1.0"}, {"2^63-1", "1e22", "1e300"}
LOW = {"-2^63", "-0.0", "0", "0.1"}

COMPARED: dict[str, Case] = {
    "= 1": (lambda a: a == 1, ONE, NUMBERS),
    "= 1.0": (lambda a: a == 1.0, ONE, NUMBERS),
    "= 0": (lambda a: a == 0, {"0", "-0.0"}, NUMBERS),
    "= -0.0": (lambda a: a == -0.0, {"0", "-0.0"}, NUMBERS),
    "= 0.1": (lambda a: a == 0.1, {"0.1"}, NUMBERS),
    "= 5.5": (lambda a: a == 5.5, {"5.5"}, NUMBERS),
    "= 2^53": (lambda a: a == 2**53, {"2^53"}, NUMBERS),
    "= 2^53+1": (lambda a: a == 2**53 + 1, {"2^53+1"}, NUMBERS),
    "= 2^63-1": (lambda a: a == 2**63 - 1, {"2^63-1"}, NUMBERS),
    "= -2^63": (lambda a: a == -(2**63), {"-2^63"}, NUMBERS),
    "= 1e300": (lambda a: a == 1e300, {"1e300"}, NUMBERS),
    "= 1e22": (lambda a: a == 1e22, {"1e22"}, NUMBERS),
    "= 5e-324": (lambda a: a == 5e-324, set(), NUMBERS),
    "!= 5": (lambda a: a != 5, NUMBERS - {"5"}, NUMBERS),
    "!= 2^53+1": (lambda a: a != 2**53 + 1, NUMBERS - {"2^53+1"}, NUMBERS),
    "!= 5.5": (lambda a: a != 5.5, NUMBERS - {"5.5"}, NUMBERS),
    "< 1": (lambda a: a < 1, LOW, NUMBERS),
    "< 1.5": (lambda a: a < 1.5, LOW | ONE, NUMBERS),
    "<= 1.0": (lambda a: a <= 1.0, LOW | ONE, NUMBERS),
    "< -1e300": (lambda a: a < -1e300, set(), NUMBERS),
    "> -1.7e308": (lambda a: a > -1.7e308, NUMBERS, NUMBERS),
    "> 0": (lambda a: a > 0, NUMBERS - {"-2^63", "-0.0", "0"}, NUMBERS),
    "> 5": (lambda a: a > 5, {"5.5", "2^53", "2^53+1"} | TOP, NUMBERS),
    ">= 5.5": (lambda a: a >= 5.5, {"5.5", "2^53", "2^53+1"} | TOP, NUMBERS),
    "> 2^53": (lambda a: a > 2**53, {"2^53+1"} | TOP, NUMBERS),
    ">= 2^53+1": (lambda a: a >= 2**53 + 1, {"2^53+1"} | TOP, NUMBERS),
    "> 2^53+1": (lambda a: a > 2**53 + 1, TOP, NUMBERS),
    "< 2^53+1": (lambda a: a < 2**53 + 1, NUMBERS - TOP - {"2^53+1"}, NUMBERS),
    "> 2^63-1": (lambda a: a > 2**63 - 1, {"1e22", "1e300"}, NUMBERS),
    "< 1e300": (lambda a: a < 1e300, NUMBERS - {"1e300"}, NUMBERS),
    ">= 1e299": (lambda a: a >= 1e299, {"1e300"}, NUMBERS),
    "between": (lambda a: a.between(1, 5.0), ONE | {"5"}, NUMBERS),
    "not between": (
        lambda a: ~a.between(0.1, 2**53),
        NEAR | TOP,
        NUMBERS,
    ),
    "= ''": (lambda a: a == "", {"empty"}, TEXTS),
    "= '5'": (lambda a: a == "5", {"t5"}, TEXTS),
    "= 'true'": (lambda a: a == "true", {"ttrue"}, TEXTS),
    "= 'null'": (lambda a: a == "null", {"tnull"}, TEXTS),
    "= 'abc'": (lambda a: a == "abc", {"abc"}, TEXTS),
    "= odd": (lambda a: a == given.TEXTS["odd"], {"odd"}, TEXTS),
    "= smile": (lambda a: a == "\U0001f600", {"smile"}, TEXTS),
    "!= 'abc'": (lambda a: a != "abc", TEXTS - {"abc"}, TEXTS),
    "< 'ABC'": (
        lambda a: a < "ABC",
        TEXTS - LETTERS,
        TEXTS,
    ),
    ">= 'ä'": (lambda a: a >= "ä", {"umlaut", "wide day", "smile"}, TEXTS),
    "> wide": (lambda a: a > "\uffff", {"smile"}, TEXTS),
    "between text": (lambda a: a.between("abc", "abc "), {"abc", "abc blank"}, TEXTS),
    "= True": (lambda a: a == True, {"true"}, BOOLEANS),  # noqa: E712
    "= False": (lambda a: a == False, {"false"}, BOOLEANS),  # noqa: E712
    "!= True": (lambda a: a != True, {"false"}, BOOLEANS),  # noqa: E712
    "= day": (lambda a: a == date(2024, 1, 1), {"day"}, DAYS),
    "!= day": (lambda a: a != date(2024, 1, 1), {"next day", "no such day"}, DAYS),
    "< day": (lambda a: a < date(2024, 1, 2), {"day"}, DAYS),
    ">= day": (lambda a: a >= date(2024, 1, 2), {"next day", "no such day"}, DAYS),
    "between days": (
        lambda a: a.between(date(1, 1, 1), date(2024, 1, 2)),
        {"day", "next day"},
        DAYS,
    ),
}
ABSENT = NOWHERE | {"null"}
ASKED: dict[str, Case] = {
    "= None": (lambda a: a == None, ABSENT, EVERY),  # noqa: E711
    "is None": (lambda a: a.is_(None), ABSENT, EVERY),
    "!= None": (lambda a: a != None, EVERY - ABSENT, EVERY),  # noqa: E711
    "is not None": (lambda a: a.is_not(None), EVERY - ABSENT, EVERY),
    "exists": (lambda a: a.exists(), EVERY - NOWHERE, EVERY),
    "distinct from 5": (lambda a: a.is_distinct_from(5), EVERY - {"5"}, EVERY),
    "not distinct from 5": (lambda a: a.is_not_distinct_from(5), {"5"}, EVERY),
    "distinct from None": (lambda a: a.is_distinct_from(None), EVERY - ABSENT, EVERY),
    "in []": (lambda a: a.in_([]), set(), EVERY),
    "not in []": (lambda a: a.not_in([]), EVERY, EVERY),
    "in numbers": (lambda a: a.in_([1, 5.5, 2**53 + 1]), ONE | {"5.5", "2^53+1"}, NUMBERS),
    "not in numbers": (lambda a: a.not_in([1, 5.5]), NUMBERS - ONE - {"5.5"}, NUMBERS),
    "in texts": (lambda a: a.in_(["", "5"]), {"empty", "t5"}, TEXTS),
    "not in texts": (lambda a: a.not_in(["", "5"]), TEXTS - {"empty", "t5"}, TEXTS),
    "in bools": (lambda a: a.in_([True]), {"true"}, BOOLEANS),
    "in days": (lambda a: a.in_([date(2024, 1, 2), date(2024, 1, 3)]), {"next day"}, DAYS),
    "in objects": (lambda a: a.in_([{}, {"b": 2}]), {"{}"}, OBJECTS),
    "in arrays": (lambda a: a.in_([[], [1]]), {"[]", "[1]"}, ARRAYS),
}
PATTERNS: dict[str, Case] = {
    "like": (lambda a: a.like("abc%"), {"abc", "abc blank"}, TEXTS),
    "ilike": (lambda a: a.ilike("ABC"), {"abc", "ABC"}, TEXTS),
    "not like": (lambda a: a.not_like("%c%"), TEXTS - {"abc", "abc blank", "umlaut"}, TEXTS),
    "starts": (
        lambda a: a.startswith("2024-01"),
        STARTING,
        TEXTS,
    ),
    "starts literally": (lambda a: a.startswith("50%_", autoescape=True), {"odd"}, TEXTS),
    "ends": (lambda a: a.endswith("bc"), {"abc", "umlaut"}, TEXTS),
    "contains": (lambda a: a.contains("'\"\\"), {"odd"}, TEXTS),
    "contains literally": (lambda a: a.contains("%", autoescape=True), {"odd"}, TEXTS),
}
CONTAINERS: dict[str, Case] = {
    "= {}": (lambda a: a == {}, {"{}"}, OBJECTS),
    "= []": (lambda a: a == [], {"[]"}, ARRAYS),
    "= [1]": (lambda a: a == [1.0], {"[1]"}, ARRAYS),
    "= [[1]]": (lambda a: a == [[1]], {"[[1]]"}, ARRAYS),
    "= mixed": (lambda a: a == given.ARRAYS["mixed"], {"mixed"}, ARRAYS),
    "= big": (lambda a: a == [2**53, False], set(), ARRAYS),
    "= {b}": (lambda a: a == given.OBJECTS["{b}"], {"{b}", "{B}"}, OBJECTS),
    "!= {b}": (lambda a: a != given.OBJECTS["{B}"], {"{}", "{1}"}, OBJECTS),
    "has {}": (lambda a: a.contains({}), OBJECTS, OBJECTS),
    "has b": (lambda a: a.contains({"b": 1}), {"{b}", "{B}"}, OBJECTS),
    "has b as text": (lambda a: a.contains({"b": "1"}), {"{1}"}, OBJECTS),
    "has b as bool": (lambda a: a.contains({"b": True}), set(), OBJECTS),
    "has b as null": (lambda a: a.contains({"b": None}), set(), OBJECTS),
    "has no key": (lambda a: a.contains({"zz": None}), set(), OBJECTS),
    "has c": (lambda a: a.contains({"c": ["z", 1, None]}), {"{b}", "{B}"}, OBJECTS),
    "has c empty": (lambda a: a.contains({"c": []}), {"{b}", "{B}"}, OBJECTS),
    "has c object": (lambda a: a.contains({"c": {}}), {"{1}"}, OBJECTS),
    "has c text": (lambda a: a.contains({"c": "z"}), set(), OBJECTS),
    "has d": (lambda a: a.contains({"d": {"e": "f", "g": None}}), {"{b}", "{B}"}, OBJECTS),
    "has d.e": (lambda a: a.contains({"d": {"e": "F"}}), {"{1}"}, OBJECTS),
    "has d and not": (lambda a: a.contains({"b": 1, "d": {"e": "F"}}), set(), OBJECTS),
    "holds []": (lambda a: a.contains([]), ARRAYS, ARRAYS),
    "holds 1": (lambda a: a.contains([1]), {"[1]", "[1.0, 2]", "mixed"}, ARRAYS),
    "holds 5": (lambda a: a.contains([5]), set(), ARRAYS),
    "holds null": (lambda a: a.contains([None]), {"mixed"}, ARRAYS),
    "holds many": (lambda a: a.contains([True, "x", 1.0, None, "7"]), {"mixed"}, ARRAYS),
    "holds 2^53": (lambda a: a.contains([2**53]), set(), ARRAYS),
    "holds 0": (lambda a: a.contains([0]), set(), ARRAYS),
    "any": (lambda a: a.has_any(["x", 2, "y"]), {"[1.0, 2]", "mixed"}, ARRAYS),
    "any 7": (lambda a: a.has_any([7]), set(), ARRAYS),
    "any '7'": (lambda a: a.has_any(["7"]), {"mixed"}, ARRAYS),
    "any 2^53+1": (lambda a: a.has_any([2**53 + 1]), {"big"}, ARRAYS),
    "any True": (lambda a: a.has_any([True]), {"mixed"}, ARRAYS),
    "any False": (lambda a: a.has_any([False, "50%"]), {"big", "mixed"}, ARRAYS),
    "any []": (lambda a: a.has_any([]), set(), ARRAYS),
    "all []": (lambda a: a.has_all([]), ARRAYS, ARRAYS),
    "all": (lambda a: a.has_all([1, 2]), {"[1.0, 2]"}, ARRAYS),
    "all mixed": (lambda a: a.has_all(["x", 1, True]), {"mixed"}, ARRAYS),
    "all twice": (lambda a: a.has_all([1, 1]), {"[1]", "[1.0, 2]", "mixed"}, ARRAYS),
}
READ: dict[str, Case] = {
    "text": (lambda a: a.as_string() == "5", {"t5"}, TEXTS),
    "text null": (lambda a: a.as_string().is_(None), EVERY - TEXTS, EVERY),
    "integer": (lambda a: a.as_integer() == 1, ONE, NUMBERS - BROKEN),
    "integer null": (
        lambda a: a.as_integer().is_(None),
        EVERY - NUMBERS | BROKEN,
        EVERY,
    ),
    "big integer": (
        lambda a: a.as_integer() > 2**53,
        {"2^53+1", "2^63-1"},
        NUMBERS - BROKEN,
    ),
    "float": (lambda a: a.as_float() >= 5.5, {"5.5", "2^53", "2^53+1"} | TOP, NUMBERS),
    "float null": (lambda a: a.as_float().is_(None), EVERY - NUMBERS, EVERY),
    "boolean": (lambda a: a.as_boolean() == True, {"true"}, BOOLEANS),  # noqa: E712
    "boolean itself": (lambda a: a.as_boolean(), {"true"}, BOOLEANS),
    "boolean null": (lambda a: a.as_boolean().is_(None), EVERY - BOOLEANS, EVERY),
    "date": (lambda a: a.as_date() > date(2024, 1, 1), {"next day"}, {"day", "next day"}),
    "date null": (lambda a: a.as_date().is_(None), EVERY - {"day", "next day"}, EVERY),
}
FIRST = {"[1]", "[1.0, 2]", "mixed"}
PLACES: dict[str, Case] = {
    "first": (
        lambda a: a[0] == 1,
        {"[1]", "[1.0, 2]", "mixed"},
        {"[1]", "[1.0, 2]", "mixed", "big"},
    ),
    "second": (lambda a: a[1] == "x", {"mixed"}, {"mixed"}),
    "third exists": (lambda a: a[2].exists(), {"mixed"}, EVERY),
    "first of first": (lambda a: a[0][0] == 1, {"[[1]]"}, {"[[1]]"}),
    "first exists": (lambda a: a[0].exists(), ARRAYS - {"[]"}, EVERY),
    "key 0": (lambda a: a["0"].exists(), set(), EVERY),
    "deep": (lambda a: a[4][0] == 5, {"mixed"}, {"mixed"}),
    "key of place": (lambda a: a[5]["k"] == 6, {"mixed"}, {"mixed"}),
    "far": (lambda a: a[10**30].exists(), set(), EVERY),
    "2^32": (lambda a: a[2**32].exists(), set(), EVERY),
    "c.0": (lambda a: a["c"][0].exists(), {"{b}", "{B}"}, EVERY),
    "c.'0'": (lambda a: a["c"]["0"] == 1, {"{1}"}, {"{1}"}),
    "d.e": (lambda a: a["d"]["e"] == "f", {"{b}", "{B}"}, {"{b}", "{B}", "{1}"}),
    "d.g": (lambda a: a["d"]["g"].is_(None), EVERY, EVERY),
    "d.g exists": (lambda a: a["d"]["g"].exists(), {"{b}", "{B}"}, EVERY),
}


@pytest.mark.parametrize(
    "table",
    [COMPARED, ASKED, PATTERNS, CONTAINERS, READ, PLACES],
    ids=["compared", "asked", "patterns", "containers", "read", "places"],
)
def test_the_truth_table(db: Database, table: dict[str, Case]) -> None:
    rows = given.stored(db)
    wrong: dict[str, Any] = {}
    for name, (make, true, known) in table.items():
        expected = {*true}, {*known} - {*true}
        got = truth(rows, make(col(Row.doc)["a"]))
        if got != expected:
            wrong[name] = {"true": got[0] ^ expected[0], "false": got[1] ^ expected[1]}
    assert wrong == {}


def roots(db: Database) -> Repository[JsonPathRow]:
    db.create_all(JsonPathRow)
    rows = repository(JsonPathRow, db)
    documents: dict[str, Any] = {
        "object": {"b": 1},
        "array": ["x", 1],
        "text": "x",
        "number": 5,
        "bool": True,
    }
    rows.add_all(JsonPathRow(name=name, doc=document) for name, document in documents.items())
    rows.add(JsonPathRow(name="NULL"))
    return rows


def test_the_document_itself_has_the_same_operators(db: Database) -> None:
    rows = roots(db)
    doc: Any = col(Row.doc)
    every = {"object", "array", "text", "number", "bool", "NULL"}
    assert truth(rows, doc == {"b": 1.0}) == ({"object"}, set())
    assert truth(rows, doc != {"b": 1}) == (set(), {"object"})
    assert truth(rows, doc == ["x", 1]) == ({"array"}, set())
    assert truth(rows, doc == "x") == ({"text"}, set())
    assert truth(rows, doc == 5.0) == ({"number"}, set())
    assert truth(rows, doc > 4) == ({"number"}, set())
    assert truth(rows, doc == True) == ({"bool"}, set())  # noqa: E712
    assert truth(rows, doc.contains({"b": 1})) == ({"object"}, set())
    assert truth(rows, doc.has_any(["x"])) == ({"array"}, set())
    assert truth(rows, doc.has_all(["x", 2])) == (set(), {"array"})
    assert truth(rows, doc.contains("x")) == ({"text"}, set())
    assert truth(rows, doc.exists()) == (every - {"NULL"}, {"NULL"})
    assert truth(rows, doc == None) == ({"NULL"}, every - {"NULL"})  # noqa: E711
    assert truth(rows, doc.as_integer() == 5) == ({"number"}, set())
    assert truth(rows, doc.as_string() == "x") == ({"text"}, set())
    assert truth(rows, doc[0] == "x") == ({"array"}, set())
    assert truth(rows, doc["b"] == 1) == ({"object"}, set())


def test_values_are_read_as_they_were_stored(db: Database) -> None:
    rows = given.stored(db)
    with db.session() as session:
        statement = rows.statement().with_only_columns(col(Row.name), col(Row.doc)["a"])
        found = {row[0]: row[1] for row in session.connection().execute(statement)}
    large = {"1e22", "1e300"}  # PostgreSQL keeps decimals, and gives these back as integers
    assert {name: float(found.pop(name)) for name in large} == {"1e22": 1e22, "1e300": 1e300}
    stored = {name: value for name, value in given.VALUES.items() if name not in large}
    assert found == stored | dict.fromkeys(given.ELSEWHERE)
    assert {name for name, value in found.items() if isinstance(value, bool)} == BOOLEANS


def test_rows_are_sorted_by_what_is_at_a_path(db: Database) -> None:
    rows, a = given.stored(db), col(Row.doc)["a"]
    numbers = rows.where(a.as_float().is_not(None)).order_by(a.as_float().desc())
    assert [row.name for row in numbers.all()][:4] == ["1e300", "1e22", "2^63-1", "2^53"]
    integers = rows.order_by(a.as_integer().desc()).limit(3)
    assert [row.name for row in integers.all()] == ["2^63-1", "2^53+1", "2^53"]
    texts = rows.where(a >= "a").order_by(a.as_string()).limit(3)
    assert [row.name for row in texts.all()] == ["abc", "abc blank", "tnull"]
    days = rows.where(a.as_date().is_not(None)).order_by(a.as_date().desc())
    assert [row.name for row in days.all()] == ["next day", "day"]
