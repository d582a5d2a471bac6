"""One stored row: its changes are written, and it is deleted with what belongs to it."""

from __future__ import annotations

from typing import Any

import pytest

from agentorm import (
    ConstraintViolation,
    Database,
    InvalidQuery,
    InvalidValue,
    NoResult,
    UnknownField,
    Vector,
    col,
    repository,
)
from tests.contract.models import Author, Doc, Json, Pair, Tag, vector


def titles(db: Database) -> list[str]:
    return [doc.title for doc in repository(Doc, db).order_by(Doc.title).all()]


def tag(name: str) -> Tag:
    """A tag that gets its document by the relationship."""
    values: dict[str, Any] = {"name": name}
    return Tag(**values)


def test_an_update_writes_the_changes_of_one_row(library: Database) -> None:
    docs = repository(Doc, library)
    doc, other = docs.add_all([Doc(title="a"), Doc(title="b")])
    doc.topic = "changed"
    assert docs.update(doc, n=5, embedding=vector(0, 0, 1)) is doc
    found = docs.get(doc.id)
    assert found is not None
    assert (found.topic, found.n, found.embedding) == ("changed", 5, Vector([0, 0, 1]))
    assert docs.get(other.id) == other


def test_an_update_of_a_row_that_is_gone_is_told(library: Database) -> None:
    docs = repository(Doc, library)
    doc = docs.add(Doc(title="a"))
    docs.delete_where(col(Doc.id) == doc.id)
    with pytest.raises(NoResult, match="the row to change is gone"):
        docs.update(doc, n=5)


def test_a_refused_update_changes_neither_row_nor_entity(
    library: Database, sent: list[str]
) -> None:
    docs = repository(Doc, library)
    doc = docs.add(Doc(title="a"))
    sent.clear()
    with pytest.raises(InvalidValue, match=r"Doc\.embedding"):
        docs.update(doc, title="changed", embedding=vector(1))
    with pytest.raises(UnknownField, match=r"Doc has no field 'topics'; did you mean 'topic'\?"):
        docs.update(doc, title="changed", topics="x")
    assert sent == []
    assert doc.title == "a"
    docs.update(doc, n=1)
    assert titles(library) == ["a"]


def test_an_update_that_a_constraint_refuses_changes_nothing(library: Database) -> None:
    docs = repository(Doc, library)
    doc, _ = docs.add_all([Doc(title="a"), Doc(title="b")])
    with pytest.raises(ConstraintViolation):
        docs.update(doc, title="b")
    assert titles(library) == ["a", "b"]
    docs.update(doc, title="c")
    assert titles(library) == ["b", "c"]


def test_what_is_not_stored_is_neither_updated_nor_deleted(library: Database) -> None:
    docs = repository(Doc, library)
    with pytest.raises(InvalidQuery, match=r"is not stored yet; add\(\) it first"):
        docs.update(Doc(title="a"), n=1)
    with pytest.raises(InvalidQuery, match="is not stored yet"):
        docs.delete(Doc(title="a"))


def test_a_delete_takes_what_the_model_cascades_to(library: Database) -> None:
    author = Author(name="Ann", docs=[Doc(title="a", tags=[tag("x"), tag("y")])])
    repository(Author, library).add(author)
    repository(Doc, library).add(Doc(title="b"))
    with library.transaction() as session:
        authors = repository(Author, session)
        authors.delete(authors.one())
    assert titles(library) == ["b"]
    assert repository(Tag, library).count() == 0


def test_a_delete_in_a_database_cascades_too(library: Database) -> None:
    authors = repository(Author, library)
    authors.add(Author(name="Ann", docs=[Doc(title="a")]))
    authors.delete(authors.one())
    assert (titles(library), authors.count()) == ([], 0)


def test_a_deleted_row_is_gone_at_once(library: Database) -> None:
    with library.transaction() as session:
        docs = repository(Doc, session)
        doc = docs.add(Doc(title="a", embedding=vector(1, 0, 0)))
        docs.delete(doc)
        assert docs.get(doc.id) is None
        assert docs.similar_to([1, 0, 0]).all() == []
    assert titles(library) == []


def test_a_delete_of_a_row_that_is_gone_is_no_error(library: Database) -> None:
    docs = repository(Doc, library)
    doc = docs.add(Doc(title="a"))
    kept = docs.add(Doc(title="b"))
    docs.delete_where(col(Doc.id) == doc.id)
    docs.delete(doc)
    docs.delete(doc)
    assert docs.all() == [kept]


def test_a_delete_that_a_foreign_key_refuses_changes_nothing(library: Database) -> None:
    author = repository(Author, library).add(Author(name="Ann"))
    repository(Doc, library).add(Doc(title="a", author_id=author.id))
    with pytest.raises(ConstraintViolation):
        repository(Author, library).delete_where(Author.name == "Ann")
    assert repository(Author, library).count() == 1


def test_a_key_of_several_columns_is_written(db: Database) -> None:
    db.create_all(Pair, Json)
    pairs = repository(Pair, db)
    pair = pairs.add(Pair(shelf="a", place=1))
    pairs.update(pair, note="x")
    assert pairs.get(("a", 1)) == Pair(shelf="a", place=1, note="x")
    pairs.delete(pair)
    assert pairs.count() == 0
