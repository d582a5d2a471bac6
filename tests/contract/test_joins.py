"""Other tables: joined for conditions, loaded when asked for, and never by surprise."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.orm import contains_eager, joinedload, selectinload

from agentorm import (
    Database,
    Field,
    InvalidQuery,
    Relationship,
    Repository,
    col,
    repository,
)
from tests.contract.models import Author, Contract, Doc, Tag, vector
from tests.engines import NAMES

pytestmark = pytest.mark.engines(*NAMES)


class Ticket(Contract, table=True):
    """A table whose names must not be taken for a closed session."""

    id: int | None = Field(default=None, primary_key=True)
    author_id: int | None = Field(default=None, foreign_key="author.id")
    closed_by: Author | None = Relationship()


@pytest.fixture
def docs(library: Database) -> Repository[Doc]:
    """Document a of Ann with tags x, y; b of Bob with x; c of Ann without tags; d of nobody."""
    ann, bob = repository(Author, library).add_all([Author(name="Ann"), Author(name="Bob")])
    made = repository(Doc, library)
    a, b, _, d = made.add_all(
        [
            Doc(title="a", author_id=ann.id, embedding=vector(1, 0, 0)),
            Doc(title="b", author_id=bob.id, embedding=vector(1, 1, 0)),
            Doc(title="c", author_id=ann.id, embedding=vector(0, 1, 0)),
            Doc(title="d", embedding=vector(1, 0, 1)),
        ]
    )
    assert a.id is not None
    assert b.id is not None
    assert d.id is not None
    repository(Tag, library).add_all(
        [
            Tag(name="x", doc_id=a.id),
            Tag(name="y", doc_id=a.id),
            Tag(name="x", doc_id=b.id),
            Tag(name="z", doc_id=d.id),
        ]
    )
    return made


def titles(rows: list[Doc]) -> str:
    return "".join(doc.title for doc in rows)


def test_a_join_to_one(docs: Repository[Doc]) -> None:
    joined = docs.join(Doc.author)
    assert titles(joined.where(Author.name == "Ann").all()) == "ac"
    assert titles(joined.order_by(col(Author.name).desc()).all()) == "bac"
    assert joined.where(Author.name == "Ann").count() == 2
    assert joined.where(Author.name == "Eve").exists() is False


def test_a_join_to_many_gives_each_row_once(docs: Repository[Doc]) -> None:
    joined = docs.join(Doc.tags).where(col(Tag.name).in_(["x", "y"]))
    assert titles(joined.all()) == "ab"
    assert joined.count() == 2
    assert titles(joined.limit(1).offset(1).all()) == "b"
    assert titles(list(joined.stream())) == "ab"


def test_a_join_with_an_onclause(docs: Repository[Doc]) -> None:
    joined = docs.join(Tag, col(Tag.doc_id) == Doc.id).where(Tag.name == "z")
    assert titles(joined.all()) == "d"
    assert titles(docs.join(Tag).where(Tag.name == "y").all()) == "a"


def test_several_joins(docs: Repository[Doc]) -> None:
    joined = docs.join(Doc.author).join(Doc.tags)
    assert titles(joined.where(Author.name == "Ann", Tag.name == "x").all()) == "a"
    assert joined.where(Tag.name == "x").count() == 2


def test_a_join_over_two_steps(docs: Repository[Doc], library: Database) -> None:
    tags = repository(Tag, library).join(Tag.doc).join(Doc.author)
    assert [tag.name for tag in tags.where(Author.name == "Ann").all()] == ["x", "y"]


def test_a_ranking_is_joined(docs: Repository[Doc]) -> None:
    nearest = docs.similar_to([1, 0, 0])
    assert titles(nearest.join(Doc.author).where(Author.name == "Ann").all()) == "ac"
    by_tags = nearest.join(Doc.tags).where(Tag.name != "nothing")
    assert titles(by_tags.all()) == "abd"
    assert titles(by_tags.limit(2).all()) == "ab"
    assert by_tags.count() == 3
    assert [hit.entity.title for hit in by_tags.max_distance(0.1).hits()] == ["a"]


def test_conditions_on_relationships_need_no_join(docs: Repository[Doc]) -> None:
    tags: Any = Doc.tags
    author: Any = Doc.author
    assert titles(docs.where(tags.any(Tag.name == "x")).all()) == "ab"
    assert titles(docs.where(~tags.any()).all()) == "c"
    assert titles(docs.where(author.has(Author.name == "Bob")).all()) == "b"
    assert titles(docs.similar_to([1, 0, 0]).where(tags.any(Tag.name == "x")).all()) == "ab"


def test_an_inner_join_leaves_out_rows_without_a_match(docs: Repository[Doc]) -> None:
    assert titles(docs.join(Doc.author).all()) == "abc"
    assert titles(docs.join(Doc.tags).all()) == "abd"


def test_sorting_by_many_rows_is_refused(docs: Repository[Doc], sent: list[str]) -> None:
    sent.clear()
    with pytest.raises(InvalidQuery, match="joins many rows cannot be sorted by them"):
        docs.join(Doc.tags).order_by(Tag.name).all()
    assert sent == []


def test_a_table_that_is_not_joined_is_refused(docs: Repository[Doc], sent: list[str]) -> None:
    sent.clear()
    for query in (docs.where(Author.name == "Ann"), docs.order_by(Author.name)):
        with pytest.raises(InvalidQuery, match=r"author is named and not joined; add \.join"):
            query.all()
    assert sent == []


def test_what_cannot_be_joined_is_refused() -> None:
    for target in (Doc.title, "author", 7):
        with pytest.raises(InvalidQuery):
            repository(Doc).join(target)


@pytest.mark.parametrize("loader", [selectinload, joinedload])
def test_relationships_are_loaded_when_asked_for(
    docs: Repository[Doc], sent: list[str], loader: Any
) -> None:
    loaded = docs.options(loader(Doc.author), loader(Doc.tags))
    rows = [
        loaded.all(),
        loaded.similar_to([1, 0, 0]).all(),
        loaded.similar_to([1, 0, 0]).limit(9).hits().entities,
        list(loaded.stream()) if loader is selectinload else loaded.all(),
    ]
    sent.clear()
    for found in rows:
        by_title = {doc.title: doc for doc in found}
        authors = {t: doc.author.name if doc.author else None for t, doc in by_title.items()}
        assert authors == {"a": "Ann", "b": "Bob", "c": "Ann", "d": None}
        assert sorted(tag.name for tag in by_title["a"].tags) == ["x", "y"]
        assert by_title["c"].tags == []
    assert sent == []


def test_options_and_limit_count_rows_of_the_model(docs: Repository[Doc]) -> None:
    loaded = docs.options(joinedload(Doc.tags))  # type: ignore[arg-type]
    assert titles(loaded.limit(2).all()) == "ab"
    assert titles(loaded.similar_to([1, 0, 0]).limit(2).all()) == "ab"
    assert loaded.count() == 4


def test_a_relationship_never_loads_by_surprise(docs: Repository[Doc], sent: list[str]) -> None:
    assert isinstance(docs.where_to_run, Database)
    with docs.where_to_run.session() as session:
        doc = docs.on(session).where(Doc.title == "a").one()
        sent.clear()
        with pytest.raises(Exception, match="author"):
            _ = doc.author
        with pytest.raises(Exception, match="tags"):
            _ = doc.tags
    assert sent == []


def test_a_stream_loads_relationships_too(docs: Repository[Doc]) -> None:
    rows = docs.similar_to([1, 0, 0]).options(selectinload(Doc.tags)).stream()  # type: ignore[arg-type]
    assert {doc.title: len(doc.tags) for doc in rows} == {"a": 2, "b": 1, "c": 0, "d": 1}


def test_a_joined_collection_is_streamed_by_selectinload_alone(docs: Repository[Doc]) -> None:
    with pytest.raises(InvalidQuery, match="selectinload"):
        list(docs.options(joinedload(Doc.tags)).stream())  # type: ignore[arg-type]
    rows = docs.options(selectinload(Doc.tags)).stream()  # type: ignore[arg-type]
    assert {doc.title: len(doc.tags) for doc in rows} == {"a": 2, "b": 1, "c": 0, "d": 1}


def test_options_of_another_model_are_refused(docs: Repository[Doc]) -> None:
    with pytest.raises(InvalidQuery):
        docs.options(selectinload(Ticket.closed_by)).all()  # type: ignore[arg-type]


def test_a_loader_option_is_due() -> None:
    with pytest.raises(InvalidQuery, match="expected a loader option"):
        repository(Doc).options("author")


def test_a_ranking_that_loads_from_the_rows_it_joins(docs: Repository[Doc]) -> None:
    loading = docs.join(Doc.author).options(contains_eager(Doc.author))  # type: ignore[arg-type]
    found = loading.where(col(Author.name) == "Ann").similar_to([0, 1, 0]).limit(1).one()
    assert found.author is not None
    assert (found.title, found.author.name) == ("c", "Ann")
