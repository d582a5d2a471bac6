"""SQLAlchemy's cache of compiled statements: used whenever it can be, and never too often."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, Select, event, select
from sqlalchemy.engine.interfaces import CacheStats
from sqlalchemy.orm import Session, aliased, selectinload

from agentorm import Database, Metric, Repository, Vector, col, dialects, distance, repository
from agentorm.statement import statement
from agentorm.switch import plans_switched
from tests.compile.library import Author, Book, Chapter, Loan, Note, Page, Picture, Stamp
from tests.compile.sql_of import folded

MODELS = (Author, Book, Chapter, Loan, Stamp, Page, Note)

pytestmark = [
    pytest.mark.engines("sqlite", "postgresql", "postgresql-without-pgvector", "mariadb", "mysql"),
    # what an engine does not compute is a scan, announced as such
    pytest.mark.filterwarnings("ignore::agentorm.errors.SlowPath"),
]


@contextmanager
def recorded(engine: Engine) -> Generator[list[tuple[str, CacheStats]]]:
    """The queries and writes that are sent within, and whether each was compiled anew."""
    seen: list[tuple[str, CacheStats]] = []

    def before(
        conn: Connection, cursor: Any, statement: str, _: Any, context: Any, *__: Any
    ) -> None:
        if context.compiled is not None and "SAVEPOINT" not in statement:
            seen.append((statement, context.cache_hit))

    event.listen(engine, "before_cursor_execute", before)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", before)


@pytest.fixture(autouse=True)
def through_the_orm() -> Generator[None]:
    """Plans keep what they compile in a cache of their own."""
    with plans_switched(on=False):
        yield


@pytest.fixture
def library(db: Database) -> Database:
    db.create_all(*MODELS)
    with db.transaction() as session:
        repository(Author, session).add_all(Author(id=n, name=f"author {n}") for n in range(1, 6))
        repository(Book, session).add_all(
            Book(title=f"book {n}", year=n, author_id=n % 5 + 1, embedding=Vector([n, 1, -n]))
            for n in range(1, 30)
        )
        repository(Loan, session).add_all(
            Loan(branch="abc"[n % 3], number=n, embedding=Vector([n, 1])) for n in range(1, 30)
        )
        repository(Page, session).add_all(
            Page(distance=n, text=Vector([n, 1]), image=Vector([1, n, 1, n])) for n in range(1, 30)
        )
    return db


def books(session: Session) -> Repository[Book]:
    return repository(Book, session)


def loans(session: Session) -> Repository[Loan]:
    return repository(Loan, session)


def pages(session: Session) -> Repository[Page]:
    return repository(Page, session)


SHAPES: dict[str, Callable[[Session, int], object]] = {
    "all": lambda s, n: books(s).where(Book.title == f"book {n}").limit(n).offset(n).all(),
    "list": lambda s, n: books(s).where(col(Book.year).in_(range(n))).all(),
    "like": lambda s, n: books(s).where(col(Book.title).like(f"%{n}")).order_by(Book.year).all(),
    "equal": lambda s, n: books(s).where(col(Book.embedding) == Vector([n, 1, -n])).all(),
    "json": lambda s, n: repository(Note, s).where(col(Note.meta)["a"].as_string() == f"{n}").all(),
    "first": lambda s, n: books(s).where(Book.year == n).first(),
    "one_or_none": lambda s, n: books(s).where(Book.year == n).one_or_none(),
    "count": lambda s, n: books(s).where(col(Book.year) > n).count(),
    "exists": lambda s, n: books(s).where(Book.year == n).exists(),
    "stream": lambda s, n: list(books(s).where(col(Book.year) < n).stream()),
    "to one": lambda s, n: books(s).join(Book.author).where(Author.name == f"{n}").all(),
    "to many": lambda s, n: books(s).join(Book.chapters).where(col(Chapter.id) > n).all(),
    "loaded": lambda s, n: books(s).options(selectinload(Book.author)).limit(n).all(),  # type: ignore[arg-type]
    "cosine": lambda s, n: books(s).similar_to([n, n, 1], metric="cosine").limit(n).hits(),
    "l2": lambda s, n: books(s).similar_to([n, n, 1], metric="l2").limit(n).hits(),
    "l1": lambda s, n: books(s).similar_to([n, n, 1], metric="l1").limit(n).hits(),
    "inner_product": lambda s, n: books(s).similar_to([n, 1, 1], metric="inner_product").all(),
    "page": lambda s, n: loans(s).similar_to([n, 1]).limit(n).offset(n).all(),
    "filtered": lambda s, n: loans(s).similar_to([n, 1]).where(Loan.number > n).limit(n).all(),
    "threshold": lambda s, n: loans(s).similar_to([n, 1]).max_distance(n / 50).all(),
    "score": lambda s, n: loans(s).similar_to([n, 1]).min_score(0.1 / n).all(),
    "nearest": lambda s, n: loans(s).similar_to([n, 1]).first(),
    "near": lambda s, n: loans(s).similar_to([n, 1]).max_distance(n / 50).count(),
    "nearby": lambda s, n: list(loans(s).similar_to([n, 1]).max_distance(n / 50).stream()),
    "composite": lambda s, n: loans(s).similar_to([n, 1]).join(Loan.stamps).limit(n).all(),
    "hnsw": lambda s, n: pages(s).similar_to([n, 1], on=Page.text).limit(n).hits(),
    "deep": lambda s, n: pages(s).similar_to([n, 1], on="text").limit(n).offset(n * 25).hits(),
    "ivfflat": lambda s, n: (
        pages(s).similar_to([n, 1, 1, 1], on="image").where(Page.distance > n).limit(n).hits()
    ),
    "get": lambda s, n: books(s).get(n + 10),
    "get_many": lambda s, n: loans(s).get_many(("a", 3 * i) for i in range(n)),
    "add": lambda s, n: books(s).add(Book(title=f"new {n}", embedding=Vector([n, n, n]))),
    "upsert": lambda s, n: loans(s).upsert([Loan(branch="z", number=n, embedding=Vector([n, n]))]),
    "update": lambda s, n: books(s).update_where(Book.year == n, title=f"changed {n}"),
    "delete": lambda s, n: books(s).delete_where(Book.year == n),
}


@pytest.mark.untraced
def test_a_query_of_a_shape_seen_before_compiles_nothing(
    library: Database, subtests: pytest.Subtests
) -> None:
    def run(shape: Callable[[Session, int], object], number: int) -> list[CacheStats]:
        with recorded(library.engine) as seen, library.transaction() as session:
            shape(session, number)
        return [hit for _, hit in seen]

    for name, shape in SHAPES.items():
        with subtests.test(name):
            assert run(shape, 2)
            for number in (3, 5):
                assert set(run(shape, number)) == {CacheStats.CACHE_HIT}


@pytest.mark.engines("sqlite", "postgresql", "mariadb")
def test_a_plain_select_with_a_distance_compiles_once(library: Database) -> None:
    hits: list[CacheStats] = []
    for vector in ([1, 2], [3, 4], [5, 6]):
        near = distance(Loan.embedding, vector, "l2")
        with recorded(library.engine) as seen, library.session() as session:
            session.connection().execute(select(col(Loan.number), near).order_by(near)).all()
        hits += [hit for _, hit in seen]
    assert hits == [CacheStats.CACHE_MISS, CacheStats.CACHE_HIT, CacheStats.CACHE_HIT]


FROM_1_0_TO_3_4 = {
    Metric.COSINE: 0.4,
    Metric.L2: 4.47213595,
    Metric.INNER_PRODUCT: -3.0,
    Metric.L1: 6.0,
}


def test_the_sql_of_one_metric_never_answers_for_another(db: Database) -> None:
    db.create_all(Loan)
    with db.transaction() as session:
        rows = repository(Loan, session)
        rows.add(Loan(branch="a", number=1, embedding=Vector([3, 4])))
        for metric in [*Metric][:4] * 2:
            (hit,) = rows.similar_to([1, 0], metric=metric).limit(1).hits()
            assert hit.distance == pytest.approx(FROM_1_0_TO_3_4[metric], rel=1e-6)
            near = FROM_1_0_TO_3_4[metric] + 1e-3
            assert rows.similar_to([1, 0], metric=metric).max_distance(near).count() == 1
            assert rows.similar_to([1, 0], metric=metric).max_distance(near - 0.1).count() == 0


@pytest.mark.engines("sqlite", "postgresql", "mariadb")
def test_a_plain_distance_is_that_of_its_metric(db: Database) -> None:
    db.create_all(Loan)
    metrics = [m for m in FROM_1_0_TO_3_4 if dialects.declared(db.engine.name).computes(m)]
    with db.transaction() as session:
        repository(Loan, session).add(Loan(branch="a", number=1, embedding=Vector([3, 4])))
        for metric in metrics * 2:
            found = (
                session.connection()
                .execute(select(distance(Loan.embedding, [1, 0], metric)))
                .scalar_one()
            )
            assert found == pytest.approx(FROM_1_0_TO_3_4[metric], rel=1e-6)


def test_one_place_in_a_document_never_answers_for_another(db: Database) -> None:
    db.create_all(Note)
    with db.transaction() as session:
        rows = repository(Note, session)
        rows.add(Note(meta={"a": "x", "b": "y"}, tags=["y", "x"]))
        meta, tags = col(Note.meta), col(Note.tags)
        for _ in range(2):
            assert rows.where(meta["a"].as_string() == "x").count() == 1
            assert rows.where(meta["b"].as_string() == "x").count() == 0
            assert rows.where(tags[1].as_string() == "x").count() == 1
            assert rows.where(tags[0].as_string() == "x").count() == 0


def test_one_vector_never_answers_for_another(db: Database) -> None:
    db.create_all(Loan)
    one, other = aliased(Loan, name="one"), aliased(Loan, name="other")
    with db.transaction() as session:
        rows = [Loan(branch="a", number=n, embedding=Vector([n, 1])) for n in (1, 2)]
        repository(Loan, session).add_all(rows)
        pairs = select(col(one.number)).where(col(one.number) < col(other.number))
        for _ in range(2):
            for side, vector, found in ((one, 1, 1), (one, 2, 0), (other, 1, 0), (other, 2, 1)):
                same = pairs.where(col(side.embedding) == Vector([vector, 1]))
                assert len(session.connection().execute(same).all()) == found


def test_one_direction_never_answers_for_the_other(db: Database) -> None:
    db.create_all(Author, Book)
    with db.transaction() as session:
        rows = repository(Book, session)
        rows.add_all(
            [Book(id=1, title="a", year=5), Book(id=2, title="b"), Book(id=3, title="c", year=7)]
        )
        year = col(Book.year)
        for _ in range(2):
            assert [book.id for book in rows.order_by(year).all()] == [2, 1, 3]
            assert [book.id for book in rows.order_by(year.desc()).all()] == [3, 1, 2]
            assert [book.id for book in rows.order_by(year.nulls_last()).all()] == [1, 3, 2]
            assert [book.id for book in rows.order_by(year.desc().nulls_first()).all()] == [2, 3, 1]


SERVED = {
    "postgresql": (
        "text",
        [1, 1],
        "(page.text <#> %(text_1)s) AS",
        "((page.text <#> %(text_1)s) + 0) AS",
    ),
    "mariadb": (
        "image",
        [1, 1, 1, 1],
        "ORDER BY VEC_DISTANCE_EUCLIDEAN(page.image, %(image_1)s) LIMIT",
        "ORDER BY -CAST(VEC_DISTANCE_EUCLIDEAN(page.image, %(image_1)s) AS DOUBLE) DESC, page.id",
    ),
}


@pytest.mark.engines("postgresql", "mariadb")
def test_what_an_index_may_answer_is_other_sql_than_what_it_may_not(
    library: Database, engine_name: str
) -> None:
    on, vector, indexed, exact = SERVED[engine_name]
    with library.session() as session:
        query = pages(session).similar_to(vector, on=on).limit(3)
        for _ in range(2):
            with recorded(library.engine) as seen:
                query.all()
                list(query.stream())
            assert [folded(sql).count(indexed) for sql, _ in seen] == [1, 0]
            assert [folded(sql).count(exact) for sql, _ in seen] == [0, 1]


@pytest.mark.engines("mariadb")
def test_the_order_of_one_metric_never_answers_for_another(db: Database) -> None:
    """The nearest by angle is the farthest by length, with an index and without."""
    db.create_all(Author, Picture)
    with db.transaction() as session:
        rows = repository(Picture, session)
        rows.add_all(
            [
                Picture(id=1, pixels=Vector([9, 0, 0])),
                Picture(id=2, pixels=Vector([3, 1, 0])),
                Picture(id=3, pixels=Vector([1, 1, 0])),
            ]
        )
        for _ in range(2):
            for metric, nearest in (("cosine", [1, 2, 3]), ("l2", [3, 2, 1])):
                ranked = rows.similar_to([1, 0, 0], metric=metric)
                assert [picture.id for picture in ranked.limit(3).all()] == nearest
                assert [picture.id for picture in ranked.all()] == nearest
                assert [picture.id for picture in ranked.stream()] == nearest


def test_metric_and_index_tell_statements_apart() -> None:
    """SQLAlchemy compares the parts that its keys of the cache are made of."""

    def made(metric: str, *, indexed: bool = True) -> Select[Any]:
        query = repository(Picture).similar_to([1, 0, 0], metric=metric).limit(3)
        return statement(query, indexed=indexed)

    assert made("cosine").compare(made("cosine"))
    assert not made("cosine").compare(made("l2"))
    assert not made("cosine").compare(made("cosine", indexed=False))
