"""Distance and text as one ranking, by the index in the process and without it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sqlalchemy.orm import registry

from agentorm import (
    RRF,
    Approximate,
    Database,
    Entity,
    Field,
    Vector,
    repository,
    text_field,
    vector_field,
)
from agentorm.rank.held import held_by
from agentorm.switch import indexes_switched

WORDS = ("amber", "birch", "cedar", "dune", "elm", "fern")
CHANCE = np.random.default_rng(11)


class LetterBase(Entity, registry=registry()):
    """What the table derives from."""


class Letter(LetterBase, table=True):
    id: int | None = Field(default=None, primary_key=True)
    kind: int = Field(index=True)
    body: str = text_field(search="simple")
    embedding: Vector = vector_field(8, index=Approximate(recall=0.99))


@pytest.fixture
def letters(tmp_path: Path) -> Database:
    db = Database(f"sqlite:///{tmp_path / 'letters.db'}")
    db.create_all(Letter)
    with db.transaction() as session:
        rows = [
            Letter(
                kind=n % 5,
                body=" ".join(CHANCE.choice(WORDS, size=3)),
                embedding=Vector(CHANCE.normal(size=8)),
            )
            for n in range(1_500)
        ]
        repository(Letter, session).add_all(rows)
    return db


@pytest.mark.parametrize("filtered", [False, True])
def test_a_fusion_finds_the_same_with_and_without_the_index(
    letters: Database, *, filtered: bool
) -> None:
    with letters.session() as session:
        query = repository(Letter, session).matching("cedar elm").fuse(RRF(depth=40)).limit(12)
        if filtered:
            query = query.where(Letter.kind == 3)
        for _ in range(5):
            asked = query.similar_to(CHANCE.normal(size=8))
            with indexes_switched("off"):
                expected = asked.hits()
            found = asked.hits()
            assert not any(held.index.why for held in held_by(session.connection()).values())
            assert [hit.entity.id for hit in found] == [hit.entity.id for hit in expected]
            assert [hit.score for hit in found] == [hit.score for hit in expected]
            assert (expected.exact, found.ranker) == (True, "fusion")
        asked = query.similar_to(CHANCE.normal(size=8))
        assert "index in this process serves" in str(asked.explain())


def test_a_fusion_sees_what_its_own_transaction_changed(letters: Database) -> None:
    vector = CHANCE.normal(size=8)
    with letters.session() as session:
        rows = repository(Letter, session)
        query = rows.similar_to(vector).matching("cedar").fuse().limit(3)
        assert query.hits()[0].distance > 1e-6
        rows.add(Letter(kind=1, body="cedar cedar", embedding=Vector(vector)))
        best = query.hits()[0]
        assert best.entity.body == "cedar cedar"
        assert best.distance == pytest.approx(0, abs=1e-6)
        rows.delete(best.entity)
        assert query.hits()[0].distance > 1e-6
