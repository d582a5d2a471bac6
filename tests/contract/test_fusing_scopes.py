"""What holds for both rankings of a fusion: joins, scopes, examples, the engine's own syntax."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.orm import joinedload, selectinload, with_loader_criteria

from agentorm import (
    RRF,
    Database,
    Field,
    InvalidQuery,
    Metric,
    Relationship,
    Repository,
    SlowPath,
    SyncQuery,
    UnsupportedFeature,
    Vector,
    Weighted,
    col,
    repository,
    text_field,
    vector_field,
)
from agentorm.words import Raw
from tests.contract.models import Contract, vector

pytestmark = pytest.mark.filterwarnings("ignore::agentorm.errors.SlowPath")


class FusedHouse(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    papers: list[FusedPaper] = Relationship(back_populates="house")


class FusedPaper(Contract, table=True):
    """Columns that are called as rankings call theirs, and a key that is no integer."""

    code: str = Field(primary_key=True)
    distance: float
    text_score: str = text_field(search="english")
    key_0: int
    house_id: int | None = Field(default=None, foreign_key="fusedhouse.id")
    embedding: Vector | None = vector_field(2, metric="l2", default=None)
    house: FusedHouse | None = Relationship(back_populates="papers")
    marks: list[FusedMark] = Relationship(back_populates="paper")


class FusedMark(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    paper_code: str = Field(foreign_key="fusedpaper.code")
    paper: FusedPaper = Relationship(back_populates="marks")


ROWS = [
    ("a", "river hill", 1, vector(1, 0), ["x", "x"]),
    ("B", "river river", 1, vector(0, 2), ["y"]),
    ("c", "stone hill", 2, vector(-3, 0), ["x", "y"]),
    ("d", "river C++", None, None, ["x"]),
]


@pytest.fixture
def papers(db: Database) -> Repository[FusedPaper]:
    db.create_all(FusedHouse, FusedPaper, FusedMark)
    repository(FusedHouse, db).add_all([FusedHouse(name="one"), FusedHouse(name="two")])
    repository(FusedPaper, db).add_all(
        FusedPaper(
            code=code, distance=9.5, text_score=body, key_0=7, house_id=house, embedding=embedding
        )
        for code, body, house, embedding, _ in ROWS
    )
    repository(FusedMark, db).add_all(
        FusedMark(name=name, paper_code=code) for code, *_, names in ROWS for name in names
    )
    return repository(FusedPaper, db)


def hybrid(papers: Repository[FusedPaper]) -> SyncQuery[FusedPaper]:
    return papers.similar_to([0, 0]).matching("river").fuse()


def codes(rows: Iterable[FusedPaper]) -> list[str]:
    return [row.code for row in rows]


def test_columns_of_the_same_names_stay_apart(papers: Repository[FusedPaper]) -> None:
    """Keys of text are sorted by code point."""
    for fusion in (RRF(), Weighted()):
        query = hybrid(papers).fuse(fusion)
        assert codes(query.all()) == codes(query.stream())
        assert set(codes(query.limit(4).all())) == {"a", "B", "c", "d"}
        assert {(row.distance, row.key_0) for row in query.all()} == {(9.5, 7)}
    hits = hybrid(papers).hits()
    assert [(hit.entity.code, hit.score) for hit in hits] == [
        ("B", 1 / 62 + 1 / 61),
        ("a", 1 / 61 + 1 / 62),
        ("c", 1 / 63),
        ("d", 1 / 63),
    ]
    assert [hit.distance for hit in hits][:3] == [2.0, 1.0, 3.0]


def test_conditions_on_a_joined_row_hold_for_both(papers: Repository[FusedPaper]) -> None:
    query = hybrid(papers).join(FusedPaper.house).where(FusedHouse.name == "one")
    assert codes(query.all()) == codes(query.stream()) == ["B", "a"]
    assert (query.count(), codes(query.limit(1).all())) == (2, ["B"])


def test_a_row_with_many_others_comes_once(papers: Repository[FusedPaper]) -> None:
    query = hybrid(papers).join(FusedPaper.marks).where(FusedMark.name == "x")
    assert codes(query.all()) == codes(query.stream()) == ["a", "c", "d"]
    assert (query.count(), codes(query.limit(1).offset(1).all())) == (3, ["c"])
    hits = query.limit(3).hits()
    assert [hit.score for hit in hits][1:] == [1 / 62, 1 / 62]


def test_a_scope_of_the_session_holds_for_both(papers: Repository[FusedPaper]) -> None:
    """As one that keeps tenants apart; it leaves no page short."""
    db = papers.where_to_run
    assert isinstance(db, Database)
    scope = with_loader_criteria(FusedPaper, col(FusedPaper.house_id) == 2)

    def restrict(state: Any) -> None:
        if state.is_select:
            state.statement = state.statement.options(scope)

    with db.session() as session:
        query = hybrid(repository(FusedPaper, session)).fuse(RRF(depth=1))
        event.listen(session, "do_orm_execute", restrict)
        assert codes(query.limit(1).all()) == ["c"]
        assert codes(query.all()) == codes(query.stream()) == ["c"]
        assert query.count() == 1


def test_a_scope_of_the_query_holds_for_every_ending(papers: Repository[FusedPaper]) -> None:
    scope = with_loader_criteria(FusedPaper, col(FusedPaper.house_id) == 2)
    near = papers.similar_to([0, 0])
    for query in (near, papers.matching("hill"), near.matching("river").fuse(RRF(depth=1))):
        kept = query.options(scope)
        assert codes(kept.all()) == codes(kept.stream()) == codes(kept.page(size=1)) == ["c"]
        assert codes(kept.limit(1).all()) == ["c"]
        assert codes(kept.best_per(FusedPaper.distance).limit(1).all()) == ["c"]
        assert (kept.count(), kept.best_per("code").count(), kept.exists()) == (1, 1, True)
        none = kept.where(FusedPaper.code == "a")
        assert (none.count(), none.exists(), none.limit(1).all()) == (0, False, [])


@pytest.mark.parametrize("loader", [selectinload, joinedload])
def test_what_it_names_is_loaded(papers: Repository[FusedPaper], loader: Any) -> None:
    query = hybrid(papers).options(loader(FusedPaper.marks), loader(FusedPaper.house))
    for made in (query.limit(2), query):
        rows = made.all()[:2]
        assert [sorted(mark.name for mark in row.marks) for row in rows] == [["y"], ["x", "x"]]
        assert [row.house and row.house.name for row in rows] == ["one", "one"]


def test_an_example_is_left_out_of_both(papers: Repository[FusedPaper]) -> None:
    example = papers.get("a")
    assert example is not None
    query = papers.similar_to(example).matching("river").fuse()
    assert codes(query.all()) == ["B", "c", "d"]
    assert query.count() == 3


def test_words_that_no_index_holds_are_read_in_the_rows(papers: Repository[FusedPaper]) -> None:
    query = papers.similar_to([0, 0]).matching("++").fuse()
    with pytest.warns(SlowPath, match=r"FusedPaper\.text_score are read, row by row"):
        hits = query.limit(4).hits()
    assert [(hit.entity.code, hit.score) for hit in hits] == [
        ("a", 1 / 61),
        ("d", 1 / 61),
        ("B", 1 / 62),
        ("c", 1 / 63),
    ]
    assert [hit.text_score is not None for hit in hits] == [False, True, False, False]
    assert query.count() == 4
    assert codes(query.max_distance(2).all()) == ["a", "B"]
    assert any("row by row" in note for note in query.explain().notes)


def test_a_search_in_the_syntax_of_the_engine(
    papers: Repository[FusedPaper], engine_name: str
) -> None:
    written = {"sqlite": "stone OR meadow", "postgresql": "stone | meadow"}
    raw = Raw(engine_name, written.get(engine_name, "stone meadow"))
    assert codes(papers.similar_to([-3, 0]).matching(raw).fuse().limit(1).all()) == ["c"]
    bad = papers.similar_to([-3, 0]).matching(Raw(engine_name, '("')).fuse()
    for made in (bad, bad.limit(2), bad.max_distance(1)):
        with pytest.raises(InvalidQuery, match="does not take the search"):
            made.all()
    other = "postgresql" if engine_name == "sqlite" else "sqlite"
    with pytest.raises(UnsupportedFeature, match=f"in the syntax of {other}"):
        papers.similar_to([-3, 0]).matching(Raw(other, "stone")).fuse().all()


@pytest.mark.parametrize("metric", [m for m in Metric if m not in {Metric.HAMMING, Metric.JACCARD}])
def test_every_metric_is_fused(papers: Repository[FusedPaper], metric: Metric) -> None:
    """The best by its own score gets all of its weight, the worst nothing."""
    near = papers.similar_to([1, 1], metric=metric)
    scores = {hit.entity.code: hit.score for hit in near.hits()}
    best, worst = max(scores.values()), min(scores.values())
    hits = near.matching("desert").fuse(Weighted()).hits()
    assert {hit.entity.code: hit.score for hit in hits} == pytest.approx(
        {code: 0.5 * (score - worst) / (best - worst) for code, score in scores.items()}, abs=1e-6
    )
    assert {hit.entity.code: hit.distance for hit in hits} == {
        hit.entity.code: hit.distance for hit in near.hits()
    }
