"""Prepared queries of every kind give what the same queries give that are not prepared."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
from sqlalchemy.orm import Session

from agentorm import (
    RRF,
    AsyncDatabase,
    Database,
    Repository,
    Search,
    Weighted,
    col,
    param,
    repository,
)
from tests.contract.chunks import Chunk, fill_chunks
from tests.contract.searched import QUERY, SearchedGraph, builds_graphs, fill, indexed

pytestmark = [
    pytest.mark.sync("what awaits is asked for by itself"),
    pytest.mark.usefixtures("switched"),
    pytest.mark.filterwarnings("ignore::agentorm.errors.SlowPath"),
]
Asked = Callable[[Repository[Chunk], Any, Any], Any]


@dataclass
class Found:
    id: int
    votes: int
    distance: float | None = None
    score: float | None = None
    text_score: float | None = None


class Short(NamedTuple):
    body: str


def by_votes(chunks: list[Chunk]) -> list[float]:
    return [chunk.votes for chunk in chunks]


def by_votes_read(found: list[Found]) -> list[float]:
    return [one.votes for one in found]


def near(rows: Repository[Chunk], v: Any, t: Any) -> Any:
    return rows.similar_to(v).where(Chunk.votes >= t)


def red(rows: Repository[Chunk], t: Any) -> Any:
    return rows.where(Chunk.votes >= t).matching("red blue")


KINDS: dict[str, Asked] = {
    "near": lambda r, v, t: near(r, v, t).limit(4),
    "without a limit": near,
    "behind others": lambda r, v, t: near(r, v, t).limit(2).offset(1),
    "within": lambda r, v, t: near(r, v, t).max_distance(3).limit(4),
    "within, all": lambda r, v, t: near(r, v, t).max_distance(3),
    "by score": lambda r, v, t: near(r, v, t).min_score(0.2).limit(3),
    "read into": lambda r, v, t: near(r, v, t).limit(3).into(Found),
    "read into few": lambda r, v, t: near(r, v, t).limit(3).into(Short),
    "best of each": lambda r, v, t: near(r, v, t).best_per(Chunk.document).limit(3),
    "best of each, read": lambda r, v, t: near(r, v, t).best_per("document").limit(3).into(Found),
    "reranked": lambda r, v, t: near(r, v, t).rerank(by_votes, depth=4).limit(2),
    "reranked behind": lambda r, v, t: (
        near(r, v, t).rerank(by_votes).limit(2).offset(1).into(Found)
    ),
    "reranked, read": lambda r, v, t: near(r, v, t).into(Found).rerank(by_votes_read).limit(3),
    "diverse": lambda r, v, t: near(r, v, t).diverse(0.3).limit(3),
    "joined ways": lambda r, v, t: near(r, v, t).matching("red blue").fuse().limit(4),
    "by places": lambda r, v, t: near(r, v, t).matching("red").fuse(RRF(k=2)).limit(4).into(Found),
    "by weights": lambda r, v, t: near(r, v, t).matching("red").fuse(Weighted((9, 1))).limit(4),
    "matching": lambda r, _, t: red(r, t).limit(3),
    "matching, read": lambda r, _, t: red(r, t).into(Found).limit(3),
    "exact": lambda r, v, t: near(r, v, t).tune(Search(ranker="exact")).limit(3),
    "by another metric": lambda r, v, t: (
        r.similar_to(v, metric="l1").where(Chunk.votes >= t).limit(3)
    ),
    "sorted": lambda r, _, t: r.where(Chunk.votes >= t).order_by(col(Chunk.votes).desc()).limit(3),
    "sorted, best": lambda r, _, t: (
        r.where(Chunk.votes >= t).order_by(Chunk.votes).best_per(Chunk.document).into(Found)
    ),
}
VALUES = [([8.6, 0], 0), ([1.2, 0], 2), ([3, 4], 9), ([3, 4], 10)]


def told(found: Any) -> Any:
    """What came: rows by their key, hits with all that they say."""
    if hasattr(found, "ranker"):
        shown = (found.complete, found.exact, found.ranker)
        scores = ("distance", "score", "text_score", "fused_score")
        hits = [(told(hit.entity), [getattr(hit, name, None) for name in scores]) for hit in found]
        return shown, hits
    if isinstance(found, list):
        return [told(one) for one in found]  # pyright: ignore[reportUnknownVariableType]
    return found.id if isinstance(found, Chunk) else found


@pytest.fixture
def chunks(db: Database) -> Database:
    fill_chunks(db)
    return db


def test_prepared_or_not(chunks: Database, subtests: pytest.Subtests) -> None:
    for kind, asked in KINDS.items():
        find = asked(repository(Chunk), param("v"), param("t")).prepared()
        with subtests.test(kind), chunks.session() as session:
            for v, t in VALUES * 2:
                plain = asked(repository(Chunk, session), v, t)
                given = {name: x for name, x in (("v", v), ("t", t)) if name in find.names}
                assert told(find(session, **given)) == told(plain.all())
                assert told(find.first(session, **given)) == told(plain.first())
                if plain.is_ranked:
                    assert told(find.hits(session, **given)) == told(plain.hits())
                session.expunge_all()


def graph_answers(session: Session, query: Any, find: Any, v: list[float], t: int) -> None:
    plain, found = query.hits(), find.hits(session, v=v, t=t)
    assert (found.complete, found.exact, found.ranker) == (True, plain.exact, plain.ranker)
    assert len(found) == len(plain)
    assert [hit.distance for hit in found] == pytest.approx([hit.distance for hit in plain])


@builds_graphs
@pytest.mark.parametrize("search", [Search(), Search(ef=400), Search(ranker="exact")])
def test_an_index_that_finds_too_few(db: Database, search: Search) -> None:
    fill(db)
    unbound = repository(SearchedGraph).similar_to(param("v"))
    find = unbound.where(SearchedGraph.topic == param("t")).tune(search).limit(5).prepared()
    with indexed(db) as session:
        rows = repository(SearchedGraph, session)
        for _ in range(3):
            for v, t in ((QUERY, 0), ([1.0] * 8, 7), (QUERY, 999)):
                query = rows.similar_to(v).where(SearchedGraph.topic == t).tune(search).limit(5)
                graph_answers(session, query, find, v, t)
                assert len(find(session, v=v, t=t)) == (0 if t == 999 else 5)


def test_awaited(chunks: Database) -> None:
    finds = {
        kind: asked(repository(Chunk), param("v"), param("t")).prepared()
        for kind, asked in KINDS.items()
    }

    async def ask() -> None:
        url = chunks.engine.url
        async with (
            AsyncDatabase(url.set(drivername=url.get_backend_name())) as db,
            db.session() as session,
        ):
            for kind, find in finds.items():
                for v, t in VALUES[:2] * 2:
                    plain = KINDS[kind](repository(Chunk, session), v, t)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
                    given = {name: x for name, x in (("v", v), ("t", t)) if name in find.names}
                    assert told(await find(session, **given)) == told(await plain.all()), kind
                    assert told(await find.first(db, **given)) == told(await plain.first()), kind

    asyncio.run(ask())
