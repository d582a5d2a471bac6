"""One row and many: written at once, all or none, and transient again after a rollback."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import inspect
from sqlalchemy.orm import selectinload

from agentorm import (
    ConstraintViolation,
    Database,
    DatabaseError,
    InvalidQuery,
    InvalidValue,
    MissingValue,
    UnknownField,
    repository,
)
from tests.contract.models import Author, Doc, Tag, vector
from tests.contract.undone import undone

NO_TITLE: dict[str, Any] = {"topic": "x"}


def titles(db: Database) -> list[str]:
    return [doc.title for doc in repository(Doc, db).order_by(Doc.title).all()]


def tag(name: str) -> Tag:
    """A tag that gets its document by the relationship."""
    values: dict[str, Any] = {"name": name}
    return Tag(**values)


def is_new(entity: object) -> bool:
    state: Any = inspect(entity)
    return bool(state.transient)


def test_a_row_that_is_added_has_its_key_and_stays_readable(library: Database) -> None:
    doc = repository(Doc, library).add(Doc(title="a", embedding=vector(1, 2, 3)))
    assert isinstance(doc.id, int)
    assert doc == Doc(id=doc.id, title="a", embedding=vector(1, 2, 3))
    assert repository(Doc, library).get(doc.id) == doc


@pytest.mark.untraced
def test_rows_that_are_added_have_their_keys_in_order(library: Database) -> None:
    given = [Doc(title=str(n)) for n in range(1500)]
    docs = repository(Doc, library).add_all(given)
    assert docs == given
    assert [doc.id for doc in docs] == list(range(1, 1501))
    assert repository(Doc, library).get_many([doc.id for doc in docs]) == docs


def test_nothing_to_add_is_fine(library: Database) -> None:
    assert repository(Doc, library).add_all([]) == []
    assert repository(Doc, library).upsert([]) == []


def test_given_and_generated_keys_are_mixed(library: Database) -> None:
    docs = repository(Doc, library)
    made = docs.add_all([Doc(id=10, title="a"), Doc(title="b", topic="x"), Doc(title="c")])
    assert made[0].id == 10
    assert len({doc.id for doc in made}) == 3
    assert titles(library) == ["a", "b", "c"]


def test_all_rows_are_added_or_none(library: Database) -> None:
    docs = repository(Doc, library)
    docs.add(Doc(title="taken"))
    rows = [Doc(title=str(n)) for n in range(1000)] + [Doc(title="taken")]
    with pytest.raises(ConstraintViolation):
        docs.add_all(rows)
    assert titles(library) == ["taken"]
    assert all(is_new(row) for row in rows)
    assert docs.add_all(rows[:-1]) == rows[:-1]
    assert docs.count() == 1001


def test_a_session_goes_on_after_rows_are_refused(library: Database) -> None:
    with library.transaction() as session:
        docs = repository(Doc, session)
        kept = docs.add(Doc(title="kept"))
        with pytest.raises(ConstraintViolation):
            docs.add_all([Doc(title="new"), Doc(title="kept")])
        assert kept in session
        assert docs.where(Doc.title == "new").all() == []
        docs.add_all([Doc(title="after")])
        kept.topic = "still written"
    assert titles(library) == ["after", "kept"]
    assert repository(Doc, library).where(Doc.topic == "still written").count() == 1


def test_a_session_goes_on_after_one_row_is_refused_in_a_savepoint(library: Database) -> None:
    with library.transaction() as session:
        docs = repository(Doc, session)
        docs.add(Doc(title="kept"))
        refused = Doc(title="kept")
        with pytest.raises(ConstraintViolation), library.transaction():
            docs.add(refused)
        docs.add(Doc(title="after"))
    assert titles(library) == ["after", "kept"]
    assert is_new(refused)


def test_a_missing_value_is_named_before_any_sql(library: Database, sent: list[str]) -> None:
    docs = repository(Doc, library)
    sent.clear()
    with pytest.raises(MissingValue, match=r"Doc\.title: a value is required"):
        docs.add(Doc(**NO_TITLE))
    with pytest.raises(MissingValue, match=r"Doc\.title: a value is required"):
        docs.add_all([Doc(title="fine"), Doc(**NO_TITLE)])
    with pytest.raises(MissingValue, match=r"Doc\.title: a value is required"):
        docs.upsert([Doc(**NO_TITLE, id=1)])
    assert not any("INSERT" in statement for statement in sent)
    assert docs.count() == 0


def test_an_unknown_field_is_refused_where_it_is_given() -> None:
    values: dict[str, Any] = {"title": "a", "topik": "x"}
    with pytest.raises(UnknownField, match=r"Doc has no field 'topik'; did you mean 'topic'\?"):
        Doc(**values)
    doc: Any = Doc(title="a")
    with pytest.raises(UnknownField, match=r"Doc has no field 'topik'; did you mean 'topic'\?"):
        doc.topik = "x"
    assert doc == Doc(title="a")


@pytest.mark.parametrize(
    "make",
    [
        lambda: Doc(title="same"),
        lambda: Doc(id=1, title="other"),
        lambda: Doc(title="other", author_id=99),
    ],
    ids=["unique", "primary key", "foreign key"],
)
def test_a_constraint_that_refuses_is_told(library: Database, make: Any) -> None:
    docs = repository(Doc, library)
    docs.add(Doc(id=1, title="same"))
    row = make()
    with pytest.raises(ConstraintViolation) as refused:
        docs.add(row)
    assert refused.value.__cause__ is not None
    assert titles(library) == ["same"]
    assert is_new(row)


def test_rows_of_a_failed_transaction_are_new_again(library: Database) -> None:
    row, more = Doc(title="a", embedding=vector(1, 0, 0)), [Doc(title="b"), Doc(title="c")]
    with undone(library) as session:
        repository(Doc, session).add(row)
        repository(Doc, session).add_all(more)
    assert [is_new(entity) for entity in (row, *more)] == [True, True, True]
    repository(Doc, library).add_all([row, *more])
    assert titles(library) == ["a", "b", "c"]


def test_rows_of_a_rolled_back_session_are_new_again(library: Database) -> None:
    row = Doc(title="a")
    with library.session() as session:
        repository(Doc, session).add(row)
        session.rollback()
    assert is_new(row)
    repository(Doc, library).add(row)
    assert titles(library) == ["a"]


def test_a_refused_row_fails_the_transaction_of_its_session(library: Database) -> None:
    with library.session() as session:
        docs = repository(Doc, session)
        docs.add(Doc(title="kept"))
        with pytest.raises(ConstraintViolation):
            docs.add(Doc(title="kept"))
        with pytest.raises(DatabaseError, match="roll the session back, then begin anew"):
            docs.count()
        session.rollback()
        assert docs.count() == 0


def test_rows_are_saved_with_their_relationships(library: Database) -> None:
    author = Author(name="Ann", docs=[Doc(title="a", tags=[tag("x")]), Doc(title="b")])
    repository(Author, library).add(author)
    doc = repository(Doc, library).options(selectinload(Doc.tags)).where(Doc.title == "a").one()  # type: ignore[arg-type]
    assert doc.author_id == author.id
    assert [tag.name for tag in doc.tags] == ["x"]


def test_another_model_is_refused_before_any_sql(library: Database, sent: list[str]) -> None:
    docs: Any = repository(Doc, library)
    other = Tag(name="x", doc_id=1)
    sent.clear()
    for write, given in (
        (docs.add, other),
        (docs.update, other),
        (docs.delete, other),
        (docs.add_all, [other]),
        (docs.upsert, [other]),
    ):
        with pytest.raises(InvalidValue, match="expected a Doc, got Tag"):
            write(given)
    with pytest.raises(InvalidValue, match="expected a Doc, got dict"):
        docs.upsert([{"title": "x"}])
    assert sent == []


def test_a_row_of_a_session_that_has_ended_is_not_lost_silently(library: Database) -> None:
    row = Doc(title="a")
    with library.session() as session:
        repository(Doc, session).add(row)
    with pytest.raises(InvalidQuery, match="was in a session that has ended"):
        repository(Doc, library).add(row)
    repository(Doc, library).add(row.model_copy(update={"id": None}))
    assert titles(library) == ["a"]
