"""Paths into documents that other programs wrote, and numbers at the edges of an engine's own."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from agentorm import Database, Field, Repository, col, json_field, repository
from tests.contract.models import Contract


class WrittenDoc(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    doc: dict[str, Any] | None = json_field()
    found: int = 0


DOC: Any = col(WrittenDoc.doc)
FOUND = DOC["a"]


@pytest.fixture
def rows(db: Database) -> Repository[WrittenDoc]:
    db.create_all(WrittenDoc)
    return repository(WrittenDoc, db)


def written(rows: Repository[WrittenDoc], db: Database, *documents: str) -> None:
    with db.session() as session, session.begin():
        for n, document in enumerate(documents, 1):
            insert = text("INSERT INTO writtendoc (id, doc, found) VALUES (:n, :document, 0)")
            if session.connection().dialect.name == "postgresql":
                insert = text(insert.text.replace(":document", "CAST(:document AS jsonb)"))
            session.connection().execute(insert, {"n": n, "document": document})


def ids(rows: Repository[WrittenDoc], condition: Any) -> list[int | None]:
    return [row.id for row in rows.where(condition).all()]


@pytest.mark.parametrize("number", [1e16, 10**16, 1.5e-7, 1e22, 1e300, -1.5e-7])
def test_a_number_with_an_exponent_is_an_element(
    rows: Repository[WrittenDoc], number: float
) -> None:
    near = ["12345678901234567890", 12345678901234]
    rows.add_all([WrittenDoc(doc={"a": [number]}), WrittenDoc(doc={"a": [*near, float(number)]})])
    rows.add(WrittenDoc(doc={"a": near}))
    assert ids(rows, FOUND.has_any([number])) == [1, 2]
    assert ids(rows, FOUND.has_any(["x", number])) == [1, 2]
    assert ids(rows, FOUND.has_all([number])) == [1, 2]
    assert ids(rows, FOUND.has_all([number, *near])) == [2]
    assert ids(rows, DOC.contains({"a": [number]})) == [1, 2]
    assert ids(rows, DOC["a"] == [number]) == [1]


def test_the_least_integer_is_read_from_a_float(
    rows: Repository[WrittenDoc], engine_name: str
) -> None:
    by_decimals = engine_name == "postgresql"  # the float is -9223372036854776000 there
    rows.add_all([WrittenDoc(doc={"a": -(2.0**63)}), WrittenDoc(doc={"a": 2.0**63})])
    rows.add(WrittenDoc(doc={"a": -(2**63)}))
    assert ids(rows, FOUND.as_integer() == -(2**63)) == ([3] if by_decimals else [1, 3])
    assert rows.update_where(FOUND.as_integer() == -(2**63), found=1) == (1 if by_decimals else 2)


def test_integers_beyond_64_bits_are_compared(db: Database, rows: Repository[WrittenDoc]) -> None:
    written(rows, db, '{"a": 1%s}' % ("0" * 30), '{"a": -1%s}' % ("0" * 80), '{"a": 5}')
    assert ids(rows, FOUND > 5) == [1]
    assert ids(rows, FOUND < 1e300) == [1, 2, 3]
    assert ids(rows, FOUND < -1e70) == [2]
    assert ids(rows, FOUND > 2**63 - 1) == [1]
    assert ids(rows, FOUND.as_integer().is_not(None)) == [3]
    assert rows.update_where(FOUND != 5, found=1) == 2
    assert rows.delete_where(FOUND < -(2**63)) == 1


def test_floats_that_are_too_small_or_large(
    db: Database, rows: Repository[WrittenDoc], engine_name: str
) -> None:
    documents = ['{"a": 5.5}', '{"a": 1e-400}', '{"a": 1e300}']
    if engine_name == "postgresql":
        documents.append('{"a": 1e400}')
    written(rows, db, *documents)
    assert ids(rows, FOUND.as_float() > 5.0) == [1, 3]
    assert ids(rows, FOUND.as_float() == 0.0) == [2]
    assert ids(rows, FOUND.as_float() <= 1e300) == [1, 2, 3]


def test_text_written_with_escapes_is_an_element(
    db: Database, rows: Repository[WrittenDoc]
) -> None:
    written(rows, db, r'{"a": ["\u00e9", "a\/b"]}', '{"a": ["e", "É"]}')
    assert ids(rows, FOUND.has_any(["é"])) == [1]
    assert ids(rows, FOUND.has_all(["é", "a/b"])) == [1]
    assert ids(rows, FOUND.contains(["é"])) == [1]
    assert ids(rows, FOUND[0] == "é") == [1]
