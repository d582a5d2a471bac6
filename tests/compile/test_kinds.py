"""Columns, indexes and distances of every kind of vector, in the SQL of each engine."""

from __future__ import annotations

from typing import Any, cast

import pytest
from sqlalchemy import Column, MetaData, Table, select
from sqlalchemy.orm import registry

from agentorm import (
    HNSW,
    BitVector,
    Entity,
    Field,
    HalfVector,
    Int8Vector,
    InvalidMetric,
    InvalidModel,
    InvalidVector,
    IVFFlat,
    Kind,
    SparseVector,
    UnsupportedFeature,
    Vector,
    VectorType,
    distance,
    repository,
    vector_field,
)
from agentorm.indexes import vector_index
from tests.compile.sql_of import UNSUPPORTED, assert_sql, dialect, schema_of, sql_of, unsupported


class Kinds(Entity, registry=registry()):
    """What the tables here derive from."""


class Sketch(Kinds, table=True):
    id: int | None = Field(default=None, primary_key=True)
    half: HalfVector = vector_field(3, kind="float16", metric="l2", index=HNSW(m=8))
    small: Int8Vector = vector_field(5, kind="int8", index=HNSW())
    bits: BitVector | None = vector_field(9, kind="bit", default=None, index=IVFFlat(lists=7))


class Term(Kinds, table=True):
    id: int | None = Field(default=None, primary_key=True)
    sparse: SparseVector = vector_field(30000, kind="sparse", index=HNSW())


def test_columns_and_indexes_of_each_kind() -> None:
    packed = """
        CREATE TABLE sketch (id BIGINT NOT NULL AUTO_INCREMENT, half LONGBLOB NOT NULL,
        small LONGBLOB NOT NULL, bits LONGBLOB, PRIMARY KEY (id))"""
    assert_sql(
        schema_of(Kinds.metadata, "sketch"),
        sqlite="""
            CREATE TABLE sketch (id INTEGER NOT NULL, half F16_BLOB(3) NOT NULL,
            small I8_BLOB(5) NOT NULL, bits BIT_BLOB(9), PRIMARY KEY (id))""",
        postgresql="""
            CREATE TABLE sketch (id BIGSERIAL NOT NULL, half HALFVEC(3) NOT NULL,
            small BYTEA NOT NULL, bits BIT(9), PRIMARY KEY (id));
            CREATE INDEX ix_sketch_bits_ivfflat ON sketch
                USING ivfflat (bits bit_hamming_ops) WITH (lists = 7);
            CREATE INDEX ix_sketch_half_hnsw ON sketch
                USING hnsw (half halfvec_l2_ops) WITH (m = 8, ef_construction = 64)""",
        mysql=packed,
        mariadb=packed,
    )


def test_sparse_columns_are_postgresqls() -> None:
    refused = unsupported("does not support sparse vectors; store them dense, as float32, or on")
    assert_sql(
        schema_of(Kinds.metadata, "term"),
        sqlite=refused,
        postgresql="""
            CREATE TABLE term (id BIGSERIAL NOT NULL, sparse SPARSEVEC(30000) NOT NULL,
            PRIMARY KEY (id));
            CREATE INDEX ix_term_sparse_hnsw ON term
                USING hnsw (sparse sparsevec_cosine_ops) WITH (m = 16, ef_construction = 64)""",
        mysql=refused,
        mariadb=refused,
    )


OPEN: dict[str, dict[str, str]] = {
    "float16": {"sqlite": "BLOB", "postgresql": "HALFVEC", "mysql": "LONGBLOB"},
    "int8": {"sqlite": "BLOB", "postgresql": "BYTEA", "mysql": "LONGBLOB"},
}


@pytest.mark.parametrize("kind", OPEN)
@pytest.mark.parametrize("engine", ["sqlite", "postgresql", "mysql"])
def test_a_column_of_an_open_dimension(kind: str, engine: str) -> None:
    written = VectorType(kind=kind).compile(dialect=dialect(engine))
    assert written == OPEN[kind][engine]


def test_bits_have_a_dimension() -> None:
    with pytest.raises(InvalidModel, match="a vector of bits has a dimension"):
        VectorType(kind="bit")


OPERATORS = {
    ("float16", "cosine"): "halfvec_cosine_ops",
    ("float16", "l2"): "halfvec_l2_ops",
    ("float16", "inner_product"): "halfvec_ip_ops",
    ("float16", "l1"): "halfvec_l1_ops",
    ("bit", "hamming"): "bit_hamming_ops",
    ("bit", "jaccard"): "bit_jaccard_ops",
    ("sparse", "cosine"): "sparsevec_cosine_ops",
    ("sparse", "l2"): "sparsevec_l2_ops",
    ("sparse", "inner_product"): "sparsevec_ip_ops",
    ("sparse", "l1"): "sparsevec_l1_ops",
}


def indexed(kind: str, dimension: int, index: Any, metric: Any) -> MetaData:
    """A table with one index over vectors of a kind."""
    metadata = MetaData()
    table = Table("plain", metadata, Column("v", VectorType(dimension, kind)))
    table.append_constraint(vector_index(table.c.v, index, metric))
    return metadata


@pytest.mark.parametrize(("kind", "metric"), OPERATORS)
def test_the_operator_classes_of_a_graph(kind: str, metric: str) -> None:
    made = sql_of(schema_of(indexed(kind, 8, HNSW(), metric), "plain"), "postgresql")
    assert made.endswith(
        f"CREATE INDEX ix_plain_v_hnsw ON plain USING hnsw (v {OPERATORS[kind, metric]})"
        " WITH (m = 16, ef_construction = 64)"
    )


@pytest.mark.parametrize(
    ("kind", "dimension", "most"),
    [("float16", 4001, 4000), ("bit", 64001, 64000)],
)
def test_an_index_over_too_many_dimensions_is_refused(kind: str, dimension: int, most: int) -> None:
    metric = "hamming" if kind == "bit" else "l2"
    schema = schema_of(indexed(kind, dimension, HNSW(), metric), "plain")
    with pytest.raises(UnsupportedFeature, match=f"it takes up to {most}"):
        sql_of(schema, "postgresql")
    assert "INDEX" not in sql_of(schema, "mariadb")


@pytest.mark.parametrize(
    ("kind", "index", "metric", "problem"),
    [
        ("bit", IVFFlat(), "jaccard", "IVFFlat cannot rank by jaccard; it knows hamming"),
        (
            "float16",
            IVFFlat(),
            "l1",
            "IVFFlat cannot rank by l1; it knows cosine, inner_product, l2",
        ),
        ("sparse", IVFFlat(), "cosine", r"IVFFlat cannot rank sparse vectors; HNSW\(\) can"),
    ],
)
def test_an_index_that_cannot_rank_the_kind_is_refused(
    kind: str, index: Any, metric: str, problem: str
) -> None:
    with pytest.raises(InvalidModel, match=problem):
        vector_field(8, kind=kind, index=index, metric=metric)
    with pytest.raises(InvalidModel, match=problem):
        indexed(kind, 8, index, metric)


def test_an_index_takes_so_many_components_of_a_sparse_vector() -> None:
    assert (
        len(Term(sparse=SparseVector(dict.fromkeys(range(1000), 1), 30000)).sparse.indices) == 1000
    )
    with pytest.raises(InvalidVector, match=r"1001 components are not 0, and the index takes up"):
        Term(sparse=SparseVector(dict.fromkeys(range(1001), 1), 30000))


SQLITE_HAMMING = """
    SELECT CASE WHEN sketch.bits IS NOT NULL
    THEN vec_distance_hamming(vec_bit(sketch.bits), vec_bit(:bits_1)) END AS far FROM sketch"""
SQLITE_L1 = """
    SELECT (1.0 * CASE WHEN sketch.small IS NOT NULL
    THEN vec_distance_l1(vec_int8(sketch.small), vec_int8(:small_1)) END) AS far FROM sketch"""
MYSQL_JACCARD = """
    SELECT (CASE WHEN BIT_COUNT(sketch.bits | :bits_1) = 0 THEN 1e0
    ELSE 1e0 - 1e0 * BIT_COUNT(sketch.bits & :bits_1) / BIT_COUNT(sketch.bits | :bits_1) END) AS far
    FROM sketch"""


def test_distances_of_bits() -> None:
    def far(metric: str) -> Any:
        return select(distance(Sketch.bits, [0] * 9, metric).label("far"))

    assert_sql(
        far("hamming"),
        sqlite=SQLITE_HAMMING,
        postgresql="SELECT (sketch.bits <~> :bits_1) AS far FROM sketch",
        mysql="SELECT BIT_COUNT(sketch.bits ^ :bits_1) AS far FROM sketch",
        mariadb=unsupported("the distance hamming of bit vectors in SQL"),
    )
    assert_sql(
        far("jaccard"),
        sqlite=unsupported("the distance jaccard of bit vectors in SQL"),
        postgresql="SELECT (sketch.bits <%> :bits_1) AS far FROM sketch",
        mysql=MYSQL_JACCARD,
        mariadb=UNSUPPORTED,
    )
    assert sql_of(far("jaccard"), "postgresql") != sql_of(far("hamming"), "postgresql")
    printed = sql_of(far("jaccard"), "postgresql", paramstyle="pyformat")
    assert printed == "SELECT (sketch.bits <%%> %(bits_1)s) AS far FROM sketch"


def test_distances_of_small_integers() -> None:
    assert_sql(
        select(distance(Sketch.small, [0] * 5, "l1").label("far")),
        sqlite=SQLITE_L1,
        postgresql=unsupported("the distance l1 of int8 vectors in SQL"),
        mysql=UNSUPPORTED,
        mariadb=UNSUPPORTED,
    )
    assert_sql(
        select(distance(Sketch.small, [0] * 5, "cosine")),
        sqlite=unsupported("the distance cosine of int8 vectors in SQL"),
        postgresql=UNSUPPORTED,
        mysql=UNSUPPORTED,
        mariadb=UNSUPPORTED,
    )


def test_distances_of_half_and_sparse_vectors() -> None:
    assert_sql(
        select(cast("Any", Sketch).half.l1_distance([1, 2, 3]).label("far")),
        sqlite=unsupported("the distance l1 of float16 vectors in SQL"),
        postgresql="SELECT (sketch.half <+> :half_1) AS far FROM sketch",
        mysql=UNSUPPORTED,
        mariadb=UNSUPPORTED,
    )
    assert_sql(
        select(distance(Term.sparse, {3: 1}).label("far")),
        sqlite=unsupported("sparse vectors"),
        postgresql="SELECT (term.sparse <=> :sparse_1) AS far FROM term",
        mysql=UNSUPPORTED,
        mariadb=UNSUPPORTED,
    )


def test_the_usual_metric_is_that_of_the_kind() -> None:
    made = select(distance(Sketch.bits, "0" * 9).label("far"))
    assert sql_of(made, "postgresql") == "SELECT (sketch.bits <~> :bits_1) AS far FROM sketch"
    assert repository(Sketch).similar_to([0] * 9, on="bits").ranking.metric == "hamming"  # type: ignore[union-attr]  # pyright: ignore[reportOptionalMemberAccess]


def test_a_ranking_by_bits() -> None:
    ranking = repository(Sketch).similar_to([1] * 9, on="bits").limit(3)
    assert "(sketch.bits <~> :bits_1) AS distance FROM sketch ORDER BY" in sql_of(
        ranking, "postgresql"
    )
    assert "BIT_COUNT(sketch.bits ^ :bits_1) AS distance FROM sketch" in sql_of(ranking, "mysql")
    assert "vec_bit(:bits_1)) END AS distance FROM sketch" in sql_of(ranking, "sqlite")
    assert "distance" not in sql_of(ranking, "mariadb")


def test_the_kind_and_the_metric_are_in_the_cache_key() -> None:
    def key(kind: Kind, metric: str) -> Any:
        table = Table("plain", MetaData(), Column("v", VectorType(8, kind)))
        return select(distance(table.c.v, [0] * 8, metric))._generate_cache_key()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]

    keys = [
        key(Kind.FLOAT32, "l2").key,
        key(Kind.FLOAT16, "l2").key,
        key(Kind.INT8, "l2").key,
        key(Kind.FLOAT16, "l1").key,
        key(Kind.BIT, "hamming").key,
        key(Kind.BIT, "jaccard").key,
    ]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("vector", "metric", "error"),
    [
        (Vector([0] * 9), "hamming", InvalidVector),
        ([0] * 8, "hamming", InvalidVector),
        ([0] * 9, "l2", InvalidMetric),
    ],
)
def test_what_does_not_fit_the_kind_is_refused(vector: Any, metric: str, error: Any) -> None:
    with pytest.raises(error):
        distance(Sketch.bits, vector, metric)


LITERALS = {
    "float16": ([0.1, -2], "'[0.0999755859375,-2.0]'", "X'662e00c0'"),
    "int8": ([-128, 1], "'\\x8001'", "X'8001'"),
    "bit": ([1, 0], "'10'", "X'80'"),
    "sparse": ([0, 1.5], "'{2:1.5}/2'", None),
}


@pytest.mark.parametrize("kind", LITERALS)
def test_a_vector_as_it_stands_in_a_script(kind: str) -> None:
    value, in_postgresql, elsewhere = LITERALS[kind]
    table = Table("plain", MetaData(), Column("v", VectorType(2, kind)))
    statement = table.insert().values(v=value)
    expected = {"postgresql": in_postgresql}
    if elsewhere is not None:
        expected |= dict.fromkeys(["sqlite", "mysql", "mariadb"], elsewhere)
    for engine, literal in expected.items():
        written = statement.compile(
            dialect=dialect(engine, "named"), compile_kwargs={"literal_binds": True}
        )
        assert str(written).partition("VALUES ")[2] == f"({literal})"


def test_the_annotation_is_the_class_of_the_kind() -> None:
    with pytest.raises(InvalidModel) as refused:

        class KindsWrong(Kinds, table=True):  # pyright: ignore[reportUnusedClass]
            id: int | None = Field(default=None, primary_key=True)
            v: Vector = vector_field(3, kind="float16")

    assert "hint" not in str(refused.value)
    assert str(refused.value).startswith("the float16 vector field v is annotated ")
    assert str(refused.value).endswith("; annotate it HalfVector, or HalfVector | None")


def test_a_class_of_vectors_without_its_field_is_told_the_way() -> None:
    with pytest.raises(
        InvalidModel, match=r"declare it with vector_field\(dimension, kind='bit'\)"
    ):

        class KindsBare(Kinds, table=True):  # pyright: ignore[reportUnusedClass]
            id: int | None = Field(default=None, primary_key=True)
            v: BitVector


def test_a_type_shows_its_kind() -> None:
    shown = [repr(VectorType(3)), repr(VectorType(3, "float16")), repr(VectorType(kind="int8"))]
    assert shown == ["VectorType(3)", "VectorType(3, kind='float16')", "VectorType(kind='int8')"]
    assert VectorType(3, "bit").python_type is BitVector
