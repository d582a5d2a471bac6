"""MySQL servers that compute distances, as HeatWave and Percona Server do: DISTANCE() is used.

The function is written in SQL here, for vectors of a few dimensions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import text

from agentorm import (
    Database,
    Feature,
    Metric,
    Repository,
    UnsupportedFeature,
    Vector,
    col,
    repository,
)
from agentorm import distance as distance_to
from tests.contract.models import Doc, Pair, vector

pytestmark = pytest.mark.engines("mysql")

COMPONENT = """
CREATE FUNCTION float_at(packed LONGBLOB, n INT) RETURNS DOUBLE DETERMINISTIC
BEGIN
  DECLARE bits BIGINT DEFAULT CONV(HEX(REVERSE(SUBSTRING(packed, 4 * n + 1, 4))), 16, 10);
  DECLARE exponent BIGINT DEFAULT (bits >> 23) & 255;
  DECLARE size DOUBLE DEFAULT (bits & 8388607) / 8388608;
  SET size = IF(exponent, (1 + size) * POW(2, exponent - 127), size * POW(2, -126));
  RETURN IF(bits >> 31, -size, size);
END
"""
DISTANCE = """
CREATE FUNCTION DISTANCE(a LONGBLOB, b LONGBLOB, metric VARCHAR(20)) RETURNS DOUBLE DETERMINISTIC
BEGIN
  DECLARE n INT DEFAULT 0;
  DECLARE x, y, product, a_squared, b_squared, squared DOUBLE DEFAULT 0;
  IF metric NOT IN ({known}) THEN SIGNAL SQLSTATE '22023'; END IF;
  IF a IS NULL OR b IS NULL THEN RETURN NULL; END IF;
  WHILE n < LENGTH(a) / 4 DO
    SET x = float_at(a, n), y = float_at(b, n), n = n + 1;
    SET product = product + x * y, squared = squared + (x - y) * (x - y);
    SET a_squared = a_squared + x * x, b_squared = b_squared + y * y;
  END WHILE;
  RETURN CASE metric
    WHEN 'COSINE' THEN 1 - product / NULLIF(SQRT(a_squared * b_squared), 0)
    WHEN 'EUCLIDEAN' THEN SQRT(squared) ELSE {sign} product END;
END
"""
ALL = "'COSINE', 'EUCLIDEAN', 'DOT'"
ROWS = {
    "same": vector(1, 2, 2),
    "double": vector(2, 4, 4),
    "across": vector(2, -2, 1),
    "opposite": vector(-1, -2, -2),
    "axis": vector(0.1, 0, 0),
    "tiny": vector(1e-3, 1e-5, -1e-4),
    "none": None,
    "zero": vector(0, 0, 0),
}
Served = Callable[..., Database]


@pytest.fixture
def served(library: Database) -> Iterator[Served]:
    """A new database on the server, which has the function by then; `library` goes without."""
    made: list[Database] = []
    assert library.capabilities().rankers[Metric.L2] == "scan"

    def serve(*, known: str = ALL, sign: str = "") -> Database:
        with library.engine.begin() as connection:
            for statement in (COMPONENT, DISTANCE.format(known=known, sign=sign)):
                connection.execute(text(statement))
        made.append(type(library)(library.url))
        return made[-1]

    rows = [Doc(title=t, n=n, embedding=v) for n, (t, v) in enumerate(ROWS.items())]
    repository(Doc, library).add_all(rows)
    yield serve
    for database in made:
        database.dispose()


def answers(docs: Repository[Doc], metric: str) -> list[object]:
    """What every kind of ending says."""
    query = docs.similar_to([1, 2, 2], metric=metric)
    ranked = [(hit.entity.title, round(hit.distance, 5)) for hit in query.hits()]
    return [
        ranked,
        [doc.title for doc in query.limit(3).offset(1).all()],
        [doc.title for doc in query.where(Doc.n > 0).limit(2).all()],
        [doc.title for doc in query.max_distance(1.0).all()],
        query.max_distance(1.0).count(),
        query.count(),
        query.where(Doc.title == "zero").exists(),
        [doc.title for doc in query.stream()],
    ]


@pytest.mark.parametrize("sign", ["", "-"], ids=["dot product", "negated dot product"])
def test_the_function_gives_the_answers_of_the_scan(
    library: Database, served: Served, sign: str
) -> None:
    native = served(sign=sign)
    able = native.capabilities()
    assert able.engine == "mysql"
    assert able.rankers == {
        Metric.COSINE: "native",
        Metric.L2: "native",
        Metric.INNER_PRODUCT: "native",
        Metric.L1: "scan",
    }
    assert able.notes[-1] == "the server has DISTANCE()"
    assert Feature.DISTANCE in able.features
    by_function, by_scan = repository(Doc, native), repository(Doc, library)
    for metric in ("cosine", "l2", "inner_product"):
        explained = by_function.similar_to([1, 2, 2], metric=metric).limit(3).explain()
        assert (explained.ranker, explained.exact) == ("native", True)
        assert "DISTANCE(" in explained.statements[0]
        assert answers(by_function, metric) == answers(by_scan, metric)
    ranked = [("double", -18.0), ("same", -9.0), ("axis", -0.1), ("tiny", -0.00082)]
    ranked += [("zero", 0.0), ("across", 0.0), ("opposite", 9.0)]
    assert sorted(answers(by_function, "inner_product")[0]) == sorted(ranked)  # type: ignore[call-overload]


def test_a_function_without_the_inner_product_leaves_that_to_the_scan(served: Served) -> None:
    native = served(known="'COSINE', 'EUCLIDEAN'")
    rankers = native.capabilities().rankers
    assert [rankers[m] for m in (Metric.COSINE, Metric.L2, Metric.INNER_PRODUCT)] == [
        "native",
        "native",
        "scan",
    ]
    hits = repository(Doc, native).similar_to([1, 2, 2], metric="inner_product").limit(2).hits()
    assert [(hit.entity.title, hit.distance) for hit in hits] == [("double", -18), ("same", -9)]
    assert hits.ranker == "scan"


def test_a_function_that_means_something_else_is_not_used(served: Served) -> None:
    native = served(sign="2 *")
    assert native.capabilities().rankers[Metric.INNER_PRODUCT] == "scan"
    assert native.capabilities().rankers[Metric.L2] == "native"


def test_a_plain_select_orders_by_the_distance(library: Database, served: Served) -> None:
    native = served()
    near = distance_to(col(Doc.embedding), [1, 2, 2], metric="l2")
    with native.session() as session:
        made = repository(Doc, session).where(near < 2.5).order_by(col(Doc.title))
        assert [doc.title for doc in made.all()] == ["same"]
    with pytest.raises(UnsupportedFeature, match="mysql does not support"):
        repository(Doc, library).where(near < 2.5).all()


def test_vectors_of_another_dimension_are_ranked_too(served: Served) -> None:
    native = served()
    native.create_all(Pair)
    pairs = repository(Pair, native)
    pairs.add_all(
        Pair(shelf="a", place=n, embedding=Vector([n % 3, 0]) if n else None) for n in range(7)
    )
    hits = pairs.similar_to([1, 0]).limit(4).hits()
    assert [(hit.entity.place, hit.distance) for hit in hits] == [(1, 0), (4, 0), (2, 1), (3, 1)]
    assert (hits.ranker, len(pairs.similar_to([1, 0]).all())) == ("native", 6)
