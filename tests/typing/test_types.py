"""What type checkers make of a query: `assert_type`, checked by mypy and by pyright."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, assert_type

import pytest

from agentorm import (
    RRF,
    AsyncDatabase,
    AsyncQuery,
    Database,
    Entity,
    Explanation,
    Field,
    Hit,
    Hits,
    Page,
    Repository,
    SyncQuery,
    Vector,
    col,
    cross_encoder,
    distance,
    json_field,
    repository,
    vector_field,
)
from agentorm.expressions import Distance

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sqlmodel import Session

ROOT = Path(__file__).parents[2]


class Paper(Entity):
    """No table: the type checkers alone read it."""

    id: int | None = Field(default=None, primary_key=True)
    topic: str
    year: int | None = None
    meta: dict[str, Any] = json_field()
    embedding: Vector = vector_field(3)


def a_repository(session: Session, db: Database) -> None:
    papers = repository(Paper, session)
    assert_type(papers, Repository[Paper])
    assert_type(repository(Paper), Repository[Paper])
    assert_type(repository(Paper, db), Repository[Paper])
    assert_type(repository(Paper).on(session), Repository[Paper])
    assert_type(papers.get(1), Paper | None)
    assert_type(papers.get_many([1, 2]), list[Paper])


def the_writes(papers: Repository[Paper], paper: Paper) -> None:
    assert_type(papers.add(paper), Paper)
    assert_type(papers.add_all([paper]), list[Paper])
    assert_type(papers.add_all(iter([paper])), list[Paper])
    assert_type(papers.upsert([paper], on=Paper.topic, update=["year"]), list[Paper])
    assert_type(papers.update(paper, topic="x"), Paper)
    assert_type(papers.update_where(Paper.topic == "x", topic="y"), int)
    assert_type(papers.delete_where(Paper.topic == "x"), int)


def the_verbs(papers: Repository[Paper], session: Session) -> None:
    query = papers.where(Paper.topic == "x")
    assert_type(query, SyncQuery[Paper])
    assert_type(query.where(Paper.year != 3, col(Paper.year).is_(None)), SyncQuery[Paper])
    assert_type(query.where(col(Paper.topic).in_(["x"])), SyncQuery[Paper])
    assert_type(query.similar_to([1, 2, 3], on=Paper.embedding, metric="l2"), SyncQuery[Paper])
    assert_type(query.similar_to([1]).matching("x").fuse(RRF(k=1)), SyncQuery[Paper])
    assert_type(query.order_by(Paper.year, col(Paper.topic).desc()), SyncQuery[Paper])
    assert_type(query.limit(1).offset(2), SyncQuery[Paper])
    assert_type(query.max_distance(0.5).min_score(0.5), SyncQuery[Paper])
    assert_type(query.join(Paper), SyncQuery[Paper])
    assert_type(query.options(), SyncQuery[Paper])
    assert_type(query.on(session), SyncQuery[Paper])


def votes(papers: list[Paper]) -> list[float]:
    return [float(paper.year or 0) for paper in papers]


def the_second_looks(query: SyncQuery[Paper], predict: Callable[[Any], NDArray[Any]]) -> None:
    assert_type(query.best_per(Paper.topic), SyncQuery[Paper])
    assert_type(query.diverse(0.3, depth=20), SyncQuery[Paper])
    assert_type(query.rerank(votes, depth=20), SyncQuery[Paper])
    assert_type(
        query.rerank(lambda papers: [len(paper.topic) for paper in papers]).all(), list[Paper]
    )
    assert_type(query.rerank(cross_encoder(predict, "x", Paper.topic)), SyncQuery[Paper])


@dataclass
class Card:
    topic: str
    distance: float


class Row(NamedTuple):
    topic: str


def what_is_read_into(
    papers: Repository[Paper], query: SyncQuery[Paper], db: AsyncDatabase
) -> None:
    assert_type(papers.into(Row), SyncQuery[Row])
    assert_type(papers.into(Row).all(), list[Row])
    cards = query.into(Card)
    assert_type(cards, SyncQuery[Card])
    assert_type(cards.where(Paper.year == 2020).limit(5).diverse(), SyncQuery[Card])
    assert_type(cards.rerank(lambda rows: [row.distance for row in rows]), SyncQuery[Card])
    assert_type(cards.hits(), Hits[Card])
    assert_type(cards.hits()[0], Hit[Card])
    assert_type(cards.first(), Card | None)
    assert_type(cards.one(), Card)
    assert_type(cards.one_or_none(), Card | None)
    assert_type(cards.stream(), Generator[Card])
    assert_type(cards.page(), Page[Card])
    assert_type(cards.into(Row), SyncQuery[Row])
    assert_type(repository(Paper).into(Card).on(db), AsyncQuery[Card])


def the_endings(query: SyncQuery[Paper]) -> None:
    assert_type(query.all(), list[Paper])
    assert_type(query.first(), Paper | None)
    assert_type(query.one(), Paper)
    assert_type(query.one_or_none(), Paper | None)
    rows: Iterator[Paper] = query.stream()
    assert_type(list(rows), list[Paper])
    assert_type(query.count(), int)
    assert_type(query.exists(), bool)
    assert_type(query.explain(), Explanation)
    assert_type(query.sql("postgresql"), str)
    assert_type([paper.topic for paper in query.all()], list[str])


def the_hits(query: SyncQuery[Paper]) -> None:
    page = query.page()
    assert_type(page, Page[Paper])
    assert_type(page[0], Paper)
    assert_type(page[:2], Sequence[Paper])
    assert_type(page.hits, Hits[Paper] | None)
    assert_type(query.page(page.next, size=5).next, str | None)
    hits = query.hits()
    assert_type(hits, Hits[Paper])
    assert_type(hits[0], Hit[Paper])
    assert_type(hits[:2], Sequence[Hit[Paper]])
    assert_type(hits.entities, list[Paper])
    assert_type([hit.entity for hit in hits], list[Paper])
    for hit in hits:
        assert_type(hit.entity, Paper)
        assert_type(hit.entity.embedding, Vector)
        assert_type(hit.score, float)
        assert_type(hit.distance, float)


def an_entity(numbers: Any) -> None:
    paper = Paper(topic="x", embedding=Vector([1, 2, 3]))
    assert_type(paper.id, int | None)
    assert_type(paper.topic, str)
    assert_type(paper.meta, dict[str, Any])
    assert_type(list(paper.embedding), list[float])
    assert_type(paper.embedding[0], float)
    assert_type(paper.embedding[:1], list[float])
    assert_type(distance(Paper.embedding, numbers), Distance)


def what_is_refused(papers: Repository[Paper], query: SyncQuery[Paper]) -> None:
    """Each comment is itself an error to mypy when it is not needed."""
    papers.add("x")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    papers.where("x")  # type: ignore[call-overload] # pyright: ignore[reportArgumentType]
    query.limit("x")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    query.similar_to([1], on=Paper.embedding, metric=3)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    query.al()  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    repository(Paper, "x")  # type: ignore[call-overload] # pyright: ignore[reportArgumentType]
    Database(3)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


async def later(papers: list[Paper]) -> list[float]:
    return votes(papers)


def years(papers: list[int]) -> list[float]:
    return [float(paper) for paper in papers]


def scorers_that_are_refused(query: SyncQuery[Paper]) -> None:
    query.into(Card).rerank(votes)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    query.rerank(later)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    query.rerank(years)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """The checker on this file, by the project's configuration."""
    return subprocess.run(
        [sys.executable, "-m", *command, __file__],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_mypy_agrees() -> None:
    pytest.importorskip("mypy")
    ran = run("mypy", "--warn-unused-ignores")
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_pyright_agrees() -> None:
    pytest.importorskip("pyright")
    ran = run("pyright", "--pythonpath", sys.executable, "--outputjson")
    report = json.loads(ran.stdout[ran.stdout.index("{") :])
    found = [
        f"{entry['range']['start']['line'] + 1}: {entry['message']}"
        for entry in report["generalDiagnostics"]
        if entry["severity"] in {"error", "warning"}
    ]
    assert found == []
    assert ran.returncode == 0, ran.stdout
