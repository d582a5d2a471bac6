"""Queries of random shapes and values: by plans, through the ORM and prepared, the same answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st
from sqlalchemy import and_, func, not_, or_
from sqlalchemy.orm import Session

from agentorm import AgentORMError, Database, InvalidValue, col, param, repository
from agentorm.switch import plans_switched
from tests.contract.planned import Maker, Ware, wares
from tests.property.running import fewer_examples, on_every_engine

pytestmark = [*on_every_engine, pytest.mark.sync("a session that blocks is held")]
n, price, name = col(Ware.n), col(Ware.price), col(Ware.name)

whole = st.one_of(st.integers(-1, 5), st.sampled_from([2**31, 2**63 - 1, 2**63, 2**70]))
real = st.one_of(st.integers(0, 3), st.sampled_from([0.5, 2.5, 1e300, float("nan")]))
words = st.one_of(st.sampled_from(["apple", "bread", "5%", "", "%e%", "a'b", "a\0"]))
vectors = st.lists(st.sampled_from([0.0, 0.5, 1, -2]), min_size=3, max_size=3) | st.sampled_from(
    [[1, 0], [float("inf"), 0, 0], [0, 0, 0], "x"]
)

CONDITIONS: list[tuple[Callable[[list[Any]], Any], tuple[st.SearchStrategy[Any], ...]]] = [
    (lambda given: n == given[0], (whole,)),
    (lambda given: n != given[0], (whole,)),
    (lambda given: n < given[0], (whole,)),
    (lambda given: price >= given[0], (real,)),
    (lambda given: name == given[0], (words,)),
    (lambda given: name.like(given[0]), (words,)),
    (lambda given: func.length(name) > given[0], (whole,)),
    (lambda given: n.between(given[0], given[1]), (whole, whole)),
    (lambda given: or_(n == given[0], name == given[1]), (whole, words)),
    (lambda given: and_(n > given[0], not_(price < given[1])), (whole, real)),
    (lambda given: Ware.meta["a"].as_integer() == given[0], (whole,)),
    (lambda _: price.is_(None), ()),
    (lambda _: n == col(Ware.id), ()),
]
ORDERS = [(), (name,), (n.desc(),), (price, name.desc()), (func.abs(n - 2),)]


@dataclass
class Card:
    id: int
    name: str
    price: float | None
    distance: float = -1.0


@dataclass(frozen=True)
class Asked:
    """A shape of a query."""

    conditions: tuple[int, ...]
    order: int
    limited: bool
    skipping: bool
    metric: str | None
    far: float | None
    read: bool
    best: bool

    def values(self) -> st.SearchStrategy[dict[str, Any]]:
        """Of one query of the shape, by the names of its parameters."""
        drawn: dict[str, st.SearchStrategy[Any]] = {}
        for place, condition in enumerate(self.conditions):
            for i, kind in enumerate(CONDITIONS[condition][1]):
                drawn[f"c{place}_{i}"] = kind
        if self.metric is not None:
            drawn["v"] = vectors
        if self.limited:
            drawn["size"] = st.integers(0, 3)
        if self.skipping:
            drawn["skip"] = st.integers(-1, 2)
        return st.fixed_dictionaries(drawn)

    def query(self, session: Session | None, given: dict[str, Any]) -> Any:
        query: Any = repository(Ware) if session is None else repository(Ware, session)
        if self.metric is not None:
            query = query.similar_to(given["v"], metric=self.metric)
            query = query if self.far is None else query.max_distance(self.far)
        for place, condition in enumerate(self.conditions):
            made, kinds = CONDITIONS[condition]
            query = query.where(made([given[f"c{place}_{i}"] for i in range(len(kinds))]))
        if self.metric is None and ORDERS[self.order]:
            query = query.order_by(*ORDERS[self.order])
        query = query.limit(given["size"]) if self.limited else query
        query = query.offset(given["skip"]) if self.skipping else query
        query = query.best_per(Ware.maker_id) if self.best else query
        return query.into(Card) if self.read else query


shapes = st.builds(
    Asked,
    st.lists(st.integers(0, len(CONDITIONS) - 1), max_size=3).map(tuple),
    st.integers(0, len(ORDERS) - 1),
    limited=st.booleans(),
    skipping=st.booleans(),
    metric=st.sampled_from([None, None, "l2", "cosine"]),
    far=st.sampled_from([None, None, 0.5]),
    read=st.booleans(),
    best=st.sampled_from([False, False, False, True]),
)


def told(found: Any) -> Any:
    if isinstance(found, Ware):
        return [(key, getattr(found, key)) for key in Ware.model_fields]
    if isinstance(found, Card):
        return [getattr(found, field.name) for field in fields(found)]
    return None if found is None else [told(one) for one in found]


def hits_told(hits: Any) -> Any:
    rows = [(told(hit.entity), hit.distance, hit.score) for hit in hits]
    return rows, hits.exact, hits.complete, hits.ranker


def outcome(ask: Callable[[], Any]) -> Any:
    """What is told of the answer, or which error is raised."""
    try:
        found = ask()
    except OverflowError:  # SQLite's driver raises it, and SQLAlchemy's ORM lets it through
        return InvalidValue
    except AgentORMError as error:
        return type(error)
    return hits_told(found) if hasattr(found, "ranker") else told(found)


@pytest.fixture
def stocked(db: Database) -> Database:
    db.create_all(Maker, Ware)
    with db.transaction() as session:
        repository(Maker, session).add(Maker(id=7, name="Ann"))
        repository(Ware, session).add_all(wares())
    return db


def _ended(asked: Asked, session: Session, given: dict[str, Any], ending: str) -> Any:
    return getattr(asked.query(session, given), ending)()


def answers(session: Session, asked: Asked, values: Sequence[dict[str, Any]], ending: str) -> Any:
    """What an ending says of each of the values, twice: not prepared, and prepared."""
    find = asked.query(None, {key: param(key) for key in values[0]}).prepared()
    called = find if ending == "all" else getattr(find, ending)
    said: list[Any] = []
    for one in [*values, *values]:
        plain = outcome(partial(_ended, asked, session, one, ending))
        session.expunge_all()
        said.append((plain, outcome(partial(called, session, **one))))
        session.rollback() if isinstance(plain, type) else session.expunge_all()
    return said


@fewer_examples
@hypothesis.given(shapes, st.sampled_from(["all", "first", "hits"]), st.data())
def test_the_same_answers_however_they_come(
    stocked: Database, asked: Asked, ending: str, data: st.DataObject
) -> None:
    values = [data.draw(asked.values()) for _ in range(2)]
    by: dict[bool, Any] = {}
    for on in (True, False):
        with plans_switched(on=on), stocked.session() as session:
            by[on] = answers(session, asked, values, ending)
    assert by[True] == by[False]
    assert [plain for plain, _ in by[False]] == [prepared for _, prepared in by[False]]
