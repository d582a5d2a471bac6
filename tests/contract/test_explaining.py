"""How a query is answered: its SQL, its statement, the engine's plan, and what the engine can."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt
from typing import Any

import pytest
from sqlalchemy import event, func, tuple_
from sqlalchemy.orm import Session, selectinload
from sqlmodel import select

from agentorm import (
    Database,
    Feature,
    InvalidMetric,
    InvalidQuery,
    InvalidVector,
    Metric,
    Query,
    UnsupportedFeature,
    Vector,
    col,
    distance,
    repository,
)
from agentorm.switch import plans_switched
from tests.contract.models import Author, Doc, Tag
from tests.engines import NAMES

pytestmark = pytest.mark.engines(*NAMES)
native = pytest.mark.engines("sqlite", "postgresql")
knows_l2 = pytest.mark.engines("sqlite", "postgresql", "mariadb")
SCANS = {
    "postgresql-without-pgvector": ("doc.embedding", "Seq Scan on doc"),
    "mysql": ("CAST(doc.embedding AS BINARY)", "Table scan on doc"),
    "mariadb-10.11": ("doc.embedding", '"table_name": "doc"'),
}
scans_only = pytest.mark.engines(*SCANS)

QUERY = [1, 2, 2]
NO_INDEX = "Doc.embedding declares no index: every row is ranked, exactly"
COLUMNS = "doc.id, doc.title, doc.topic, doc.n, doc.meta, doc.author_id, doc.embedding"


@pytest.fixture(autouse=True)
def with_plans() -> Iterator[None]:
    """Notes tell where plans do not serve, so they are on."""
    with plans_switched(on=True):
        yield


def one_line(sql: str) -> str:
    return " ".join(sql.split())


def answers(db: Database, statement: Any) -> list[Any]:
    """What a session of SQLAlchemy's own makes of a statement."""
    with Session(db.engine) as session:
        return [*session.execute(statement).all()]


@pytest.mark.engines("sqlite")
def test_sqlite_explains_its_scan(ranked: Database) -> None:
    explained = repository(Doc, ranked).similar_to(QUERY).where(Doc.n == 1).limit(5).explain()
    assert (explained.ranker, explained.exact, explained.notes) == ("native", True, (NO_INDEX,))
    assert explained.plan.splitlines() == [
        "SEARCH doc USING INTEGER PRIMARY KEY (rowid=?)",
        "LIST SUBQUERY 1",
        "SCAN doc",
        "USE TEMP B-TREE FOR ORDER BY",
        "USE TEMP B-TREE FOR ORDER BY",
    ]
    (sql,) = map(one_line, explained.statements)
    assert sql.removeprefix(f"SELECT {COLUMNS}, ") == (
        "CASE WHEN doc.embedding IS NOT NULL THEN "
        "max(vec_distance_cosine(doc.embedding, :embedding_1), 0.0) END AS distance FROM doc "
        "WHERE doc.id IN (SELECT doc.id FROM doc WHERE doc.n = :n_1 "
        "ORDER BY CASE WHEN doc.embedding IS NOT NULL THEN "
        "max(vec_distance_cosine(doc.embedding, :embedding_1), 0.0) END NULLS LAST, "
        "doc.id LIMIT :param_1 OFFSET :param_2) ORDER BY distance NULLS LAST, doc.id"
    )
    assert str(explained).startswith(
        f"ranker: native (exact)\nnote: {NO_INDEX}\nsql:\nSELECT doc.id"
    )


@pytest.mark.engines("postgresql")
def test_postgresql_explains_its_scan(ranked: Database) -> None:
    explained = repository(Doc, ranked).similar_to(QUERY).where(Doc.n == 1).limit(5).explain()
    assert (explained.ranker, explained.exact, explained.notes) == ("native", True, (NO_INDEX,))
    assert "Seq Scan on doc" in explained.plan
    (sql,) = map(one_line, explained.statements)
    assert sql.removeprefix(f"SELECT {COLUMNS}, ") == (
        "((doc.embedding <=> :embedding_1) + 0) AS distance FROM doc "
        "WHERE doc.n = :n_1::BIGINT ORDER BY distance, doc.id LIMIT :param_1::INTEGER"
    )


@scans_only
def test_a_scan_explains_its_two_statements(ranked: Database, engine_name: str) -> None:
    read, plan = SCANS[engine_name]
    explained = repository(Doc, ranked).similar_to(QUERY).where(Doc.n == 1).limit(5).explain()
    assert (explained.ranker, explained.exact) == ("scan", True)
    assert "the vectors of Doc.embedding are read and ranked in this process" in explained.notes[0]
    first, second = map(one_line, explained.statements)
    assert first.removeprefix(f"SELECT doc.id, {read} AS embedding ").startswith(
        "FROM doc WHERE doc.n = :n_1"
    )
    assert second.startswith(f"SELECT {COLUMNS.replace('doc.embedding', read)}")
    assert plan in explained.plan


DISTANCE = "GREATEST(CAST(VEC_DISTANCE_COSINE(doc.embedding, :embedding_1) AS DOUBLE), 0.0)"


@pytest.mark.engines("mariadb")
def test_mariadb_explains_its_scan(ranked: Database) -> None:
    explained = repository(Doc, ranked).similar_to(QUERY).where(Doc.n == 1).limit(5).explain()
    assert (explained.ranker, explained.exact, explained.notes) == ("native", True, (NO_INDEX,))
    assert '"table_name": "doc"' in explained.plan
    (sql,) = map(one_line, explained.statements)
    assert sql.removeprefix(f"SELECT {COLUMNS}, ") == (
        f"{DISTANCE} AS distance FROM doc "
        f"WHERE doc.n = :n_1 ORDER BY -{DISTANCE} DESC, doc.id LIMIT :param_1"
    )


def test_a_query_without_a_ranking_is_explained(ranked: Database) -> None:
    explained = repository(Doc, ranked).where(Doc.n == 4).explain()
    assert (explained.ranker, explained.exact, explained.notes) == ("none", True, ())
    assert len(explained.statements) == 1
    assert "doc" in explained.plan


def test_explaining_changes_and_ranks_nothing(ranked: Database, sent: list[str]) -> None:
    sent.clear()
    repository(Doc, ranked).similar_to(QUERY).limit(5).explain()
    assert [one_line(statement).split()[0] for statement in sent] == ["EXPLAIN"]


def test_a_query_within_a_session_is_explained_there(ranked: Database) -> None:
    with ranked.transaction() as session:
        docs = repository(Doc, session)
        docs.add(Doc(title="new"))
        assert docs.join(Doc.tags).where(Tag.name == "x").explain().ranker == "none"
        assert docs.join(Doc.author).where(Author.name == "x").explain().exact is True
        assert docs.count() == 8


@knows_l2
def test_a_statement_is_a_select_of_rows_and_distances(ranked: Database) -> None:
    made = repository(Doc).similar_to(QUERY, metric="l2").limit(2).statement()
    rows = [(doc.title, round(d, 4)) for doc, d in answers(ranked, made)]
    assert rows == [("same", 0.0), ("axis", 2.8284)]


def test_a_statement_without_a_ranking_is_a_select_of_rows(ranked: Database) -> None:
    made = repository(Doc).where(Doc.n > 4).statement()
    assert [doc.title for (doc,) in answers(ranked, made)] == ["none", "zero"]
    assert answers(ranked, select(func.count()).select_from(made.subquery())) == [(2,)]


@knows_l2
def test_distance_is_an_expression_of_any_select(ranked: Database) -> None:
    l2 = distance(Doc.embedding, QUERY, metric="l2")
    query = select(Doc.title, l2).where(l2 < 3.5).order_by(l2, Doc.title).limit(3)
    found = [(title, round(d, 4)) for title, d in answers(ranked, query)]
    assert found == [("same", 0.0), ("axis", round(sqrt(8), 4)), ("double", 3.0)]


@native
@pytest.mark.parametrize(
    ("comparator", "expected"),
    [
        ("cosine_distance", 2 / 3),
        ("l2_distance", sqrt(8)),
        ("l1_distance", 4.0),
        ("max_inner_product", -1.0),
    ],
)
def test_the_comparators_of_pgvector_are_there(
    ranked: Database, comparator: str, expected: float
) -> None:
    made = getattr(Doc.embedding, comparator)(QUERY)
    ((found,),) = answers(ranked, select(made).where(Doc.title == "axis"))
    assert found == pytest.approx(expected, rel=1e-5)


@native
def test_the_distance_of_two_columns_and_of_two_metrics_in_one_select(ranked: Database) -> None:
    other = distance(Doc.embedding, Doc.embedding, metric="l2")
    cosine = distance(Doc.embedding, Vector([0, 1, 0]))
    l1 = distance(Doc.embedding, [0, 1, 0], metric="l1")
    query = select(other, cosine, l1).where(Doc.title == "axis")
    assert answers(ranked, query) == [(0.0, 1.0, 2.0)]


@scans_only
def test_distance_in_a_select_is_refused_where_the_engine_has_none(
    ranked: Database, sent: list[str], engine_name: str
) -> None:
    server = engine_name.partition("-")[0]
    expected = rf"{server} does not support the distance l2 in SQL; rank with .*similar_to"
    sent.clear()
    with pytest.raises(UnsupportedFeature, match=expected):
        answers(ranked, select(distance(Doc.embedding, QUERY, metric="l2")))
    assert sent == []


def test_distance_checks_what_it_is_given() -> None:
    with pytest.raises(InvalidQuery, match=r"distance\(\) needs a vector column"):
        distance(Doc.title, QUERY)
    with pytest.raises(InvalidVector, match="expected a vector of 3 dimensions, got 2"):
        distance(Doc.embedding, [1, 2])
    with pytest.raises(InvalidMetric, match="unknown metric 'euclid'; choose from cosine"):
        distance(Doc.embedding, QUERY, metric="euclid")


def test_sql_needs_no_connection() -> None:
    query = repository(Doc).similar_to(QUERY).where(Doc.topic == "x").limit(5)
    assert isinstance(query, Query)
    assert "ORDER BY distance NULLS LAST, doc.id" in query.sql("sqlite")
    assert "(doc.embedding <=> :embedding_1)" in query.sql("postgresql")
    assert "science" not in query.where(Doc.topic == "science").sql("postgresql")
    with pytest.raises(InvalidQuery, match="no engine 'oracel'; known are sqlite, postgresql"):
        query.sql("oracel")


@native
def test_the_capabilities_of_an_engine_with_distances(db: Database, engine_name: str) -> None:
    known = db.capabilities()
    assert known.engine == engine_name
    assert set(known.rankers) == {Metric.COSINE, Metric.L2, Metric.INNER_PRODUCT, Metric.L1}
    assert set(known.rankers.values()) == {"native"}
    assert (Feature.HNSW in known.features) == (engine_name == "postgresql")
    assert "rank by inner_product      native" in str(known)


@pytest.mark.engines("mariadb")
def test_the_capabilities_of_an_engine_with_some_distances(db: Database) -> None:
    known = db.capabilities()
    assert known.rankers == {
        Metric.COSINE: "native",
        Metric.L2: "native",
        Metric.INNER_PRODUCT: "scan",
        Metric.L1: "scan",
    }
    assert Feature.HNSW in known.features


@pytest.mark.engines("postgresql-without-pgvector")
def test_the_capabilities_of_an_engine_without_them(db: Database) -> None:
    known = db.capabilities()
    assert set(known.rankers.values()) == {"scan"}
    assert known.features == {
        *(Feature.UPSERT, Feature.CONCURRENT_WRITERS),
        *(Feature.GIN, Feature.JSON_PATH_INDEX, Feature.FULL_TEXT),
    }
    assert known.notes[-1] == "the server has no pgvector: vectors are BYTEA, numpy ranks them"


BY_ORM = "SQLAlchemy's ORM loads the rows: "


def test_a_note_tells_when_and_why_the_orm_loads(library: Database) -> None:
    with library.session() as session:
        docs = repository(Doc, session)
        some = docs.join(Doc.author).where(Doc.n == 1, col(Doc.n).in_([1, 2]))
        asked: dict[str, Any] = {
            "": some.order_by(Doc.title).limit(3).offset(1),
            "lists of tuples": docs.where(tuple_(col(Doc.id), col(Doc.n)).in_([(1, 2)])),
            "loader options": docs.options(selectinload(Doc.tags)),  # type: ignore[arg-type]
            "text, fusion and groups": docs.best_per(Doc.topic),
        }
        for why, query in asked.items():
            notes: tuple[str, ...] = query.explain().notes
            assert [n for n in notes if n.startswith(BY_ORM)] == ([BY_ORM + why] if why else [])
        with plans_switched(on=False):
            assert docs.explain().notes == (BY_ORM + "plans are switched off",)
        event.listen(session, "do_orm_execute", _listens)
        assert docs.explain().notes == (
            BY_ORM + "the session's events or options decide what is loaded",
        )
        event.remove(session, "do_orm_execute", _listens)
        assert docs.explain().notes == ()


def _listens(state: object) -> None:
    """Nothing: that somebody listens is enough."""
