"""What is no path and no comparison is refused where it is written."""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, column, select

from agentorm import AgentORMError, InvalidQuery, InvalidValue, JSONType
from agentorm.expressions import sorted_by

TABLE = Table("json_refusals", MetaData(), Column("n", Integer), Column("doc", JSONType()))
DOC: Any = TABLE.c.doc
A = DOC["a"]
BOOLS = (False, True)
NAN = float("nan")
CYCLE: dict[str, Any] = {}
CYCLE["a"] = CYCLE


@pytest.mark.parametrize("step", [-1, True, 1.0, None, b"a", object(), ("a", -1), [0]])
def test_a_step_is_a_key_or_a_place(step: object) -> None:
    with pytest.raises(InvalidQuery, match="a step into a JSON document is a key or a place"):
        DOC[step]


@pytest.mark.parametrize("step", ["a\0b", "\ud800"])
def test_a_key_is_text_that_every_engine_holds(step: str) -> None:
    with pytest.raises(InvalidValue, match=r"NUL|not Unicode"):
        DOC["a"][step]


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "bool order": (lambda: A < True, "boolean values have no order"),
    "dict order": (lambda: A > {}, "object values have no order"),
    "list order": (lambda: A >= [], "array values have no order"),
    "None order": (lambda: A < None, "nothing is < None"),
    "bool between": (lambda: A.between(*BOOLS), "boolean values have no order"),
    "mixed between": (lambda: A.between(1, "2"), "two values of one type"),
    "None between": (lambda: A.between(None, 2), "nothing is >= None"),
    "datetime": (lambda: operator.eq(A, datetime(2024, 1, 1, tzinfo=UTC)), "JSON has no datetimes"),
    "decimal": (
        lambda: operator.eq(A, Decimal("1.5")),
        "no values to compare with Decimal",
    ),
    "uuid": (lambda: UUID(int=1) != A, "JSON has no values to compare with UUID"),
    "bytes": (lambda: A == b"x", "JSON has no values to compare with b'x'"),
    "set": (lambda: operator.eq(A, {1}), "JSON has no values to compare with {1}"),
    "nan": (lambda: A < NAN, "nan is not finite"),
    "infinity": (lambda: operator.eq(A, float("inf")), "inf is not finite"),
    "too large": (lambda: A == 2**63, "does not fit into 64 bits"),
    "NUL": (lambda: A == "\0", "NUL"),
    "surrogate": (lambda: A.in_(["\ud800"]), "not Unicode"),
    "column": (
        lambda: operator.eq(A, TABLE.c.n),
        "no SQL type to compare json_refusals.n",
    ),
    "path": (lambda: operator.eq(A, DOC["b"]), "has no SQL type"),
    "column first": (lambda: operator.eq(TABLE.c.n, A), "no SQL value is compared with"),
    "sorted": (lambda: sorted_by(A), "or sorted by"),
    "subquery": (lambda: operator.eq(A, select(TABLE.c.n).scalar_subquery()), "has no SQL type"),
    "in mixed": (lambda: A.in_([1, "1"]), "values of one type, got number, text"),
    "in bool and number": (lambda: A.in_([1, True]), "got boolean, number"),
    "in None": (lambda: A.in_([1, None]), "no None in its list"),
    "not in None": (lambda: A.not_in([None]), "no None in its list"),
    "in text": (lambda: A.in_("abc"), "in_ takes a list, got 'abc'"),
    "in dict": (lambda: A.in_({}), "in_ takes a list"),
    "in subquery": (lambda: A.in_(select(TABLE.c.n)), "in_ takes a list"),
    "is True": (lambda: A.is_(True), "is_ takes None"),
    "nested": (lambda: A.contains([[1]]), "contains takes a list of scalars"),
    "nested object": (lambda: A.contains([{}]), "contains takes a list of scalars"),
    "nested deeper": (lambda: A.contains({"b": [[]]}), "contains takes a list of scalars"),
    "contains number": (lambda: A.contains(5), "contains takes text, a dict or a list"),
    "contains None": (lambda: A.contains(None), "contains takes text, a dict or a list"),
    "contains date": (lambda: A.contains({"b": date(2024, 1, 1)}), "date is not JSON"),
    "contains key": (lambda: A.contains({1: 2}), "a key of a JSON object is text"),
    "contains itself": (lambda: A.contains(CYCLE), "cannot hold itself"),
    "equal nan": (lambda: operator.eq(A, {"b": float("nan")}), "not finite"),
    "any None": (lambda: A.has_any([None]), "no None in its list"),
    "all None": (lambda: A.has_all(["x", None]), "no None in its list"),
    "any list": (lambda: A.has_any([["x"]]), "takes text, numbers and bools"),
    "any date": (lambda: A.has_any([date(2024, 1, 1)]), "takes text, numbers and bools"),
    "any text": (lambda: A.has_any("x"), "has_any takes a list"),
    "any large": (lambda: A.has_any([2**64]), "does not fit into 64 bits"),
    "like number": (lambda: A.like(5), "a pattern is text, got 5"),
    "starts None": (lambda: A.startswith(None), "a pattern is text, got None"),
    "order": (A.desc, "a JSON value has no desc_op"),
    "add": (lambda: A + 1, "a JSON value has no add"),
    "numeric": (lambda: A.as_numeric(10, 2), "JSON has no decimals"),
}


@pytest.mark.parametrize(("make", "message"), REFUSED.values(), ids=REFUSED)
def test_what_means_nothing_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(AgentORMError, match=message.replace("(", "\\(")) as raised:
        make()
    assert isinstance(raised.value, InvalidQuery | InvalidValue)


def test_any_expression_of_the_type_has_paths() -> None:
    assert str(column("doc", JSONType())["a"]["b"]) == "json_extract(doc, :doc_1)"
