"""Queries that cannot mean anything are refused where they are written, before any SQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pytest

from agentorm import (
    ClosedSession,
    Database,
    DimensionMismatch,
    InvalidFilter,
    InvalidMetric,
    InvalidQuery,
    InvalidVector,
    Metric,
    Repository,
    TableMissing,
    UnknownField,
    col,
    repository,
)
from tests.contract.models import Author, Doc, Pair, Picture, vector
from tests.engines import NAMES

QUERY = [1, 2, 2]
Mistake = Callable[[Repository[Doc]], object]
MISTAKES: dict[str, tuple[Mistake, type[Exception], str]] = {
    "wrong dimension": (
        lambda docs: docs.similar_to([1, 2]),
        DimensionMismatch,
        r"^Doc\.embedding: expected a vector of 3 dimensions, got 2$",
    ),
    "nan": (
        lambda docs: docs.similar_to([1, float("nan"), 0]),
        InvalidVector,
        r"^Doc\.embedding: component 1 is nan, which is no finite float32$",
    ),
    "infinity": (
        lambda docs: docs.similar_to(np.array([1, 0, np.inf])),
        InvalidVector,
        r"^Doc\.embedding: component 2 is inf, which is no finite float32$",
    ),
    "empty": (
        lambda docs: docs.similar_to([]),
        InvalidVector,
        r"^Doc\.embedding: a vector has at least one component$",
    ),
    "zero with cosine": (
        lambda docs: docs.similar_to([0, 0, 0]),
        InvalidVector,
        r"^Doc\.embedding: a zero vector has no direction",
    ),
    "no vector": (
        lambda docs: docs.similar_to("science"),
        InvalidVector,
        r"^Doc\.embedding: expected numbers, got str",
    ),
    "none": (
        lambda docs: docs.similar_to(None),  # type: ignore[arg-type]
        InvalidVector,
        r"^Doc\.embedding: expected",
    ),
    "unknown metric": (
        lambda docs: docs.similar_to(QUERY, metric="euclidean"),
        InvalidMetric,
        r"unknown metric 'euclidean'; choose from cosine, l2, inner_product, l1$",
    ),
    "metric of bits": (
        lambda docs: docs.similar_to(QUERY, metric=Metric.HAMMING),
        InvalidMetric,
        r"hamming does not compare float32 vectors; choose from cosine, l2, inner_product, l1$",
    ),
    "metric of sets": (
        lambda docs: docs.similar_to(QUERY, metric="jaccard"),
        InvalidMetric,
        r"jaccard does not compare float32 vectors; choose from",
    ),
    "unknown vector field": (
        lambda docs: docs.similar_to(QUERY, on="embeding"),
        UnknownField,
        r"^Doc has no field 'embeding'; did you mean 'embedding'\?$",
    ),
    "no vector field": (
        lambda docs: docs.similar_to(QUERY, on=Doc.title),
        InvalidQuery,
        r"^Doc\.title is no vector field",
    ),
    "another model's field": (
        lambda docs: docs.similar_to(QUERY, on=Picture.pixels),
        InvalidQuery,
        r"Picture\.pixels is no field of Doc",
    ),
    "ranking with an order": (
        lambda docs: docs.similar_to(QUERY).order_by(Doc.title),
        InvalidQuery,
        r"a ranking has its own order; leave order_by\(\) out",
    ),
    "order with a ranking": (
        lambda docs: docs.order_by(Doc.title).similar_to(QUERY),
        InvalidQuery,
        r"a ranking has its own order; leave order_by\(\) out",
    ),
    "threshold without a ranking": (
        lambda docs: docs.max_distance(1).all(),
        InvalidQuery,
        r"a threshold without a ranking; begin with similar_to\(vector\)",
    ),
    "impossible score": (
        lambda docs: docs.similar_to(QUERY).min_score(1.5),
        InvalidFilter,
        r"min_score: the score of cosine lies in \[-1, 1\], got 1.5",
    ),
    "impossible score first": (
        lambda docs: docs.min_score(0.0).similar_to(QUERY, metric="l2").all(),
        InvalidFilter,
        r"min_score: the score of l2 lies in \(0, 1\], got 0.0",
    ),
    "text as a condition": (
        lambda docs: docs.where("topic = 'science'"),  # type: ignore[call-overload]
        InvalidQuery,
        r"expected a condition, got \"topic = 'science'\"; compare a field, as Document\.topic ==",
    ),
    "a comparison of values": (
        lambda docs: docs.where(Doc.__name__ == "science"),
        InvalidQuery,
        "expected a condition, got False",
    ),
    "a number as a condition": (
        lambda docs: docs.where(1),  # type: ignore[call-overload]
        InvalidQuery,
        "expected a condition, got 1",
    ),
    "text as an order": (
        lambda docs: docs.order_by("title"),
        InvalidQuery,
        r"expected a field to sort by, got 'title'; as Document\.title\.desc\(\)",
    ),
    "a number as an order": (
        lambda docs: docs.order_by(1),
        InvalidQuery,
        "expected a field to sort by, got 1",
    ),
    "a table that is not joined": (
        lambda docs: docs.where(Author.name == "x").count(),
        InvalidQuery,
        r"author is named and not joined; add \.join\(\.\.\.\) to the query",
    ),
    "hits without a ranking": (
        lambda docs: docs.where(Doc.n == 1).hits(),
        InvalidQuery,
        r"hits\(\) needs a ranking; begin with similar_to\(vector\)",
    ),
}


def test_a_mistake_is_refused_before_any_sql(
    library: Database, sent: list[str], subtests: pytest.Subtests
) -> None:
    for name, (mistake, kind, problem) in MISTAKES.items():
        sent.clear()
        with subtests.test(name):
            with pytest.raises(kind, match=problem) as refused:
                mistake(repository(Doc, library))
            assert type(refused.value) is kind
            assert sent == []


@pytest.mark.parametrize("size", [0, -1, True, False, 1.0, 2.5, "3", None, 2**63], ids=repr)
def test_a_limit_is_an_integer_of_one_or_more(size: Any) -> None:
    with pytest.raises(InvalidQuery, match=r"limit takes an integer of 1 or more, got "):
        repository(Doc).limit(size)


@pytest.mark.parametrize("skip", [-1, True, 1.0, "3", None, 2**63], ids=repr)
def test_an_offset_is_an_integer_of_zero_or_more(skip: Any) -> None:
    with pytest.raises(InvalidQuery, match=r"offset takes an integer of 0 or more, got "):
        repository(Doc).offset(skip)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "0.5", True, None], ids=repr)
def test_a_threshold_is_a_finite_number(value: Any) -> None:
    ranking = repository(Doc).similar_to(QUERY)
    with pytest.raises(InvalidFilter, match=r"max_distance: expected a (finite )?number, got "):
        ranking.max_distance(value)
    with pytest.raises(InvalidFilter, match=r"min_score: expected a (finite )?number, got "):
        ranking.min_score(value)


@pytest.mark.engines(*NAMES)
def test_the_largest_numbers_are_taken(library: Database) -> None:
    repository(Doc, library).add_all(
        [Doc(title=str(n), embedding=vector(1, n, 0)) for n in range(3)]
    )
    for query in (repository(Doc, library), repository(Doc, library).similar_to(QUERY)):
        assert len(query.limit(2**63 - 1).all()) == 3
        assert query.offset(2**63 - 1).all() == []
        two, one = cast(int, np.int64(2)), cast(int, np.uint8(1))
        assert len(query.limit(two).offset(one).all()) == 2


def test_on_is_due_with_several_vector_fields() -> None:
    expected = r"Picture has 2 vector fields.*on=Picture\.caption, Picture\.pixels"
    with pytest.raises(InvalidQuery, match=expected):
        repository(Picture).similar_to([1, 2])
    with pytest.raises(DimensionMismatch, match=r"Picture\.pixels: expected a vector of 4"):
        repository(Picture).similar_to([1, 2], on=Picture.pixels)


def test_a_model_without_a_vector_cannot_rank() -> None:
    with pytest.raises(InvalidQuery, match="Author has no vector field"):
        repository(Author).similar_to([1])


@pytest.mark.parametrize("model", [int, "Doc", None, Doc(title="x"), type], ids=str)
def test_a_repository_needs_a_mapped_class(model: Any) -> None:
    expected = r"expected a mapped class, got .*; declare it as `class Name\(Entity, table=True\)`"
    with pytest.raises(InvalidQuery, match=expected):
        repository(model)


@pytest.mark.engines(*NAMES)
def test_a_missing_table_is_told_by_every_ending(db: Database) -> None:
    pairs = repository(Pair, db)
    ranking = pairs.similar_to([1, 2])
    endings: list[Callable[[], object]] = [
        pairs.all,
        pairs.count,
        pairs.exists,
        pairs.first,
        pairs.explain,
        ranking.all,
        ranking.hits,
        ranking.count,
        lambda: list(pairs.stream()),
        lambda: list(ranking.stream()),
        lambda: pairs.get(("a", 1)),
        lambda: pairs.get_many([("a", 1)]),
        lambda: pairs.add(Pair(shelf="a", place=1)),
        lambda: pairs.add_all([Pair(shelf="a", place=1)]),
        lambda: pairs.upsert([Pair(shelf="a", place=1)]),
        lambda: pairs.update_where(Pair.place == 1, note="x"),
    ]
    for ending in endings:
        with pytest.raises(
            TableMissing, match=r"pair.*db\.create_all\(\) or `alembic upgrade head`"
        ):
            ending()


def test_a_missing_column_is_told(library: Database) -> None:
    with library.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE doc DROP COLUMN topic")
    with pytest.raises(TableMissing, match="topic"):
        repository(Doc, library).all()
    with pytest.raises(TableMissing, match="topic"):
        repository(Doc, library).add(Doc(title="a"))


def test_a_closed_session_is_told_by_every_ending(library: Database) -> None:
    with library.session() as session:
        docs = repository(Doc, session)
    ranking = docs.similar_to(QUERY)
    endings: list[Callable[[], object]] = [
        docs.all,
        docs.count,
        docs.exists,
        docs.one_or_none,
        docs.explain,
        ranking.hits,
        lambda: list(docs.stream()),
        lambda: docs.get(1),
        lambda: docs.get_many([1]),
        lambda: docs.add(Doc(title="a")),
        lambda: docs.add_all([Doc(title="a")]),
        lambda: docs.upsert([Doc(title="a")]),
        lambda: docs.update_where(col(Doc.n) == 1, n=2),
        lambda: docs.delete_where(col(Doc.n) == 1),
    ]
    for ending in endings:
        with pytest.raises(ClosedSession, match=r"open a new one: db\.session\(\)"):
            ending()
