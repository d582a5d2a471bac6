"""What rows are read into, against the entities of the same rows: field by field."""

from __future__ import annotations

import collections
from collections.abc import Callable
from dataclasses import make_dataclass
from functools import cache
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from pydantic import create_model

from agentorm import Database
from agentorm.models import mapper_of
from tests import strategies
from tests.property.models import World
from tests.property.running import fewer_examples, on_every_engine, paged, ranking, stored
from tests.strategies import Case, Page

pytestmark = on_every_engine

KINDS: dict[str, Callable[[list[str]], Any]] = {
    "dataclass": lambda names: make_dataclass("Read", names),
    "tuple": lambda names: collections.namedtuple("Read", names),  # noqa: PYI024  # pyright: ignore[reportUntypedNamedTuple]
    "struct": lambda names: msgspec.defstruct("Read", names),
    "pydantic": lambda names: create_model("Read", **dict.fromkeys(names, (Any, ...))),  # type: ignore[call-overload]
}


@cache
def read_class(kind: str, names: tuple[str, ...]) -> Any:
    return KINDS[kind]([*names])


def fields_of(model: type[World]) -> list[str]:
    return [attribute.key for attribute in mapper_of(model).column_attrs]


@fewer_examples
@given(strategies.cases(), strategies.pages, st.sampled_from([*KINDS]), st.data())
def test_hits_are_those_of_entities(
    world: Database, case: Case, page: Page, kind: str, data: st.DataObject
) -> None:
    known = fields_of(case.model)
    first = st.sampled_from(known)
    names = data.draw(st.lists(st.sampled_from([*known, "distance", "score"]), unique=True))
    names += [name for name in [data.draw(first)] if name not in names]
    cls = read_class(kind, tuple(names))
    with stored(world, (case.model, case.rows)) as session:
        query = paged(ranking(case, session), page)
        cards, hits = query.into(cls).hits(), query.hits()
        streamed = [*query.into(cls).stream()]
        assert [(card.distance, card.score) for card in cards] == [
            (hit.distance, hit.score) for hit in hits
        ]
        expected = [
            [getattr(hit.entity if name in known else hit, name) for name in names] for hit in hits
        ]
        assert [[getattr(card.entity, name) for name in names] for card in cards] == expected
        assert (cards.exact, cards.complete, cards.ranker) == (
            hits.exact,
            hits.complete,
            hits.ranker,
        )
        if hits.exact:
            assert [[getattr(card, name) for name in names] for card in streamed] == expected


@fewer_examples
@given(strategies.cases(), strategies.pages, st.data())
def test_rows_are_those_of_entities(
    world: Database, case: Case, page: Page, data: st.DataObject
) -> None:
    known = fields_of(case.model)
    names = data.draw(st.lists(st.sampled_from(known), unique=True, min_size=1))
    cls = read_class("tuple", tuple(names))
    with stored(world, (case.model, case.rows)) as session:
        asked: Any = ranking(case, session)
        query = paged(type(asked)(model=case.model, where_to_run=session), page)
        cards, entities = query.into(cls).all(), query.all()
        assert [tuple(card) for card in cards] == [
            tuple(getattr(entity, name) for name in names) for entity in entities
        ]
