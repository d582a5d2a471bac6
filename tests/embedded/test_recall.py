"""Tables so large that candidates are found by their codes: near rows, and none that is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy.orm import registry
from sqlmodel import Session

from agentorm import HNSW, Database, Entity, Field, Vector, repository, vector_field
from agentorm.embedded.index import EmbeddedIndex
from agentorm.rank.held import Held, held_by
from tests.embedded.files import copied
from tests.embedded.oracle import Everything, Question, check_rows, recall
from tests.filling import insert_rows

SIZE, ROWS, CLUSTERS, QUERIES = 64, 5_000, 100, 30
pytestmark = [pytest.mark.engines("sqlite"), pytest.mark.untraced]


class Coded(Entity, registry=registry()):
    """What the three derive from."""


class CodedByCosine(Coded, table=True):
    id: int | None = Field(default=None, primary_key=True)
    n: int
    embedding: Vector | None = vector_field(SIZE, default=None, index=HNSW())


class CodedByL2(Coded, table=True):
    name: str = Field(primary_key=True)
    n: int
    embedding: Vector | None = vector_field(SIZE, default=None, metric="l2", index=HNSW())


class CodedByProduct(Coded, table=True):
    id: int | None = Field(default=None, primary_key=True)
    n: int
    embedding: Vector | None = vector_field(
        SIZE, default=None, metric="inner_product", index=HNSW()
    )


MODELS: tuple[Any, ...] = (CodedByCosine, CodedByL2, CodedByProduct)


@pytest.fixture(scope="module", params=MODELS)
def model(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, model: Any) -> Iterator[Database]:
    """Rows around centres, one of ten without a vector."""
    with Database(f"sqlite:///{tmp_path_factory.mktemp('codes') / 'codes.db'}") as db:
        db.create_all(model)
        insert_rows(db, model, rows_of(model, clustered(np.random.default_rng(1), ROWS)))
        yield db


def clustered(random: np.random.Generator, count: int) -> NDArray[np.float32]:
    centres = np.random.default_rng(0).normal(size=(CLUSTERS, SIZE))
    of = random.integers(0, CLUSTERS, count)
    return (centres[of] + 0.4 * random.normal(size=(count, SIZE))).astype(np.float32)


def rows_of(model: Any, vectors: NDArray[np.float32], first: int = 1) -> list[dict[str, Any]]:
    numbers = range(first, first + len(vectors))
    keys = [{"id": i} if "id" in model.model_fields else {"name": f"k{i}"} for i in numbers]
    return [
        {**key, "n": i % 50, "embedding": None if i % 10 == 0 else vector}
        for i, key, vector in zip(numbers, keys, vectors.tolist(), strict=True)
    ]


def recalled(db: Database, model: Any, size: int, below: int | None = None) -> float:
    """The mean recall over some queries, every answer of which is right otherwise."""
    found: list[float] = []
    with db.session() as session:
        everything = Everything(model, session)
        for vector in clustered(np.random.default_rng(7), QUERIES).tolist():
            question = Question(vector, size, below=below)
            hits, true = question.of(model, session).hits(), everything.truth(question)
            check_rows(hits, true, question)
            assert hits.ranker == "embedded"
            found.append(recall(hits, true, question))
        assert [is_measured_whole(held.index, size) for held in indexes(session)] == [size > 10]
    return float(np.mean(found))


def indexes(session: Session) -> list[Held]:
    return [*held_by(session.connection()).values()]


def is_measured_whole(index: EmbeddedIndex, size: int) -> bool:
    assert index.version is not None
    return index.version.is_measured_whole(size)


@pytest.mark.parametrize("size", [1, 10, 100])
def test_the_nearest_are_found(filled: Database, model: Any, size: int) -> None:
    assert recalled(filled, model, size) >= 0.97


@pytest.mark.parametrize("below", [40, 5, 1], ids=["most", "a tenth", "few"])
def test_the_nearest_of_those_that_pass_are_found(filled: Database, model: Any, below: int) -> None:
    assert recalled(filled, model, 10, below) >= 0.97


def test_what_changes_is_found_before_it_is_merged_and_after(
    filled: Database, model: Any, tmp_path: Path
) -> None:
    path = tmp_path / "changed.db"
    copied(Path(filled.url.database or ""), path)
    with Database(f"sqlite:///{path}") as db:
        check_changed(db, model)


def check_changed(db: Database, model: Any) -> None:
    assert recalled(db, model, 10) >= 0.97
    random = np.random.default_rng(3)
    rows = repository(model, db)
    for first, count in ((ROWS + 1, 30), (ROWS + 101, 900)):
        insert_rows(db, model, rows_of(model, clustered(random, count), first))
        rows.delete_where(model.n == count % 7)
        vector = Vector(clustered(random, 1)[0])
        rows.update_where(model.n == 20, embedding=vector)
        assert recalled(db, model, 10) >= 0.97
