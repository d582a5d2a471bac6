"""Vector indexes: declared once, built by the engines that have that kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, ClassVar, NamedTuple, TypeAlias

from sqlalchemy import Column, Index, MetaData, Table, cast
from sqlalchemy.engine.interfaces import Dialect as SQLAlchemyDialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateIndex
from sqlalchemy.types import TypeEngine

from agentorm import change_logs, dialects
from agentorm.dialects import Dialect, Feature
from agentorm.dialects.naming import short_name
from agentorm.errors import InvalidModel, UnsupportedFeature
from agentorm.types import VectorType
from agentorm.vectors import Kind, Metric

MOST_INDEXED = 1000
"""How many components of a sparse vector an index takes that are not 0."""


@dataclass(frozen=True, slots=True)
class HNSW:
    """A hierarchical navigable small world graph (Malkov and Yashunin 2018).

    Above 2,000 dimensions PostgreSQL's is over the vectors cast to ``halfvec``, up to 4,000.

    Args:
        m: links per node and layer, 2 to 100; more is better recall, more memory.
        ef_construction: candidates while building, 4 to 1000, at least ``2 * m``.

    Raises:
        InvalidModel: a parameter outside its range.

    Example:
        ``vector_field(384, index=HNSW(m=16, ef_construction=64))`` is, on PostgreSQL,
        ``CREATE INDEX ... USING hnsw (embedding vector_cosine_ops)
        WITH (m = 16, ef_construction = 64)``.
    """

    method: ClassVar[Feature] = Feature.HNSW
    metrics: ClassVar[frozenset[Metric]] = frozenset(Metric)
    kinds: ClassVar[frozenset[Kind]] = frozenset(Kind)
    m: int = 16
    ef_construction: int = 64

    def __post_init__(self) -> None:
        _within("m", self.m, 2, 100)
        _within("ef_construction", self.ef_construction, 4, 1000)
        if self.ef_construction < 2 * self.m:
            raise InvalidModel(
                f"ef_construction of {self.ef_construction} is below 2 * m = {2 * self.m}"
            )

    @property
    def parameters(self) -> Mapping[str, int]:
        """What an engine builds it by."""
        return asdict(self)

    def check(self, metric: Metric, kind: Kind) -> None:
        """See that it can rank such vectors by this metric.

        Raises:
            InvalidModel: it cannot.
        """
        _check(self, metric, kind)


@dataclass(frozen=True, slots=True)
class IVFFlat:
    """Inverted lists around centres that are found when the index is built.

    Built on an empty table it finds none: create it after the rows are there.

    Args:
        lists: how many lists, 1 to 32768; rows / 1000 up to a million rows is usual.

    Raises:
        InvalidModel: a parameter outside its range.

    Example:
        ``vector_field(384, index=IVFFlat(lists=100))`` is, on PostgreSQL,
        ``CREATE INDEX ... USING ivfflat (embedding vector_cosine_ops) WITH (lists = 100)``.
    """

    method: ClassVar[Feature] = Feature.IVFFLAT
    metrics: ClassVar[frozenset[Metric]] = frozenset(
        {Metric.COSINE, Metric.L2, Metric.INNER_PRODUCT, Metric.HAMMING}
    )
    kinds: ClassVar[frozenset[Kind]] = frozenset(Kind) - {Kind.SPARSE}
    lists: int = 100

    def __post_init__(self) -> None:
        _within("lists", self.lists, 1, 32768)

    @property
    def parameters(self) -> Mapping[str, int]:
        """What an engine builds it by."""
        return asdict(self)

    def check(self, metric: Metric, kind: Kind) -> None:
        """See that it can rank such vectors by this metric.

        Raises:
            InvalidModel: it cannot.
        """
        _check(self, metric, kind)


@dataclass(frozen=True, slots=True)
class Approximate:
    """The approximate index that each engine has, for so many of the true nearest.

    PostgreSQL and MariaDB build an `HNSW` by the parameters of this table, and search it with
    so many candidates at least; SQLite's index in the process measures on the rows themselves
    how many it takes. The recall is that of ten nearest rows without a filter.

    | recall up to | ``m`` | ``ef_construction`` | candidates |
    | --- | --- | --- | --- |
    | 0.95 | 16 | 64 | 40 |
    | 0.98 | 16 | 64 | 100 |
    | 0.99 | 16 | 64 | 200 |
    | 0.995 | 16 | 64 | 400 |
    | 1 | 24 | 128 | 400 |

    pgvector 0.8 found .958, .985, .993, .997 and .9995 so, MariaDB 11.8, which keeps 100
    candidates at least, .990, .990, .994, .996 and .998: by 300 to 400 queries in 99,940
    embeddings of texts in 384 dimensions by all-MiniLM-L6-v2, the data of ``docs/recall.md``.
    Other data differ: measure the recall there, and tune the search.

    Args:
        recall: the share of the true nearest that is to be found, from 0.5 to below 1.

    Raises:
        InvalidModel: no such share.

    Example:
        ``vector_field(384, index=Approximate(recall=0.95))`` is, on PostgreSQL,
        ``CREATE INDEX ... USING hnsw (embedding vector_cosine_ops)
        WITH (m = 16, ef_construction = 64)``.
    """

    method: ClassVar[Feature] = Feature.HNSW
    metrics: ClassVar[frozenset[Metric]] = frozenset(Metric)
    kinds: ClassVar[frozenset[Kind]] = frozenset(Kind)
    recall: float = 0.99

    def __post_init__(self) -> None:
        given: Any = self.recall
        is_number = isinstance(given, int | float) and not isinstance(given, bool)
        if not (is_number and _LEAST_RECALL <= given < 1):
            raise InvalidModel(
                f"recall is a number from {_LEAST_RECALL} to below 1, got {given!r}",
                hint="declare no index to rank all rows exactly",
            )

    @property
    def parameters(self) -> Mapping[str, int]:
        """What an engine builds it by."""
        graph = self._graph
        return {"m": graph.m, "ef_construction": graph.ef_construction}

    @property
    def ef(self) -> int:
        """How many candidates a search keeps at least."""
        return self._graph.ef

    @property
    def _graph(self) -> _Graph:
        return next(graph for graph in _GRAPHS if self.recall <= graph.recall)

    def check(self, metric: Metric, kind: Kind) -> None:
        """See that it can rank such vectors by this metric.

        Raises:
            InvalidModel: it cannot.
        """
        _check(self, metric, kind)


class _Graph(NamedTuple):
    """A graph that finds so many of the true nearest, if it is searched with `ef` candidates."""

    recall: float
    m: int
    ef_construction: int
    ef: int


_LEAST_RECALL = 0.5
_GRAPHS = (
    _Graph(0.95, 16, 64, 40),
    _Graph(0.98, 16, 64, 100),
    _Graph(0.99, 16, 64, 200),
    _Graph(0.995, 16, 64, 400),
    _Graph(1.0, 24, 128, 400),
)


VectorIndex: TypeAlias = HNSW | IVFFlat | Approximate
"""Any declaration of a vector index."""


def _check(index: VectorIndex, metric: Metric, kind: Kind) -> None:
    name = type(index).__name__
    if metric not in index.metrics:
        known = sorted(known for known in index.metrics if known.fits(kind))
        raise InvalidModel(f"{name} cannot rank by {metric}", hint=f"it knows {', '.join(known)}")
    if kind not in index.kinds:
        raise InvalidModel(f"{name} cannot rank {kind} vectors", hint="HNSW() can")


def _within(name: str, value: Any, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InvalidModel(f"{name} is an integer from {low} to {high}, got {value!r}")


def vector_index(column: Column[Any], index: VectorIndex, metric: Metric) -> Index:
    """The index as a plain SQLAlchemy `Index` of the column's table.

    An engine without this kind of index leaves it out of its DDL and ranks exactly.

    Raises:
        InvalidModel: this kind of index does not know the metric.
    """
    name = usual_name(column.table.name, column.name, index)
    made = named_index(name, column, index, metric).ddl_if(callable_=partial(asked_of, is_built))
    change_logs.follow(made)
    return made


def usual_name(table: str, column: str, index: VectorIndex) -> str:
    """What an index is called: by what the engines build."""
    built = HNSW if isinstance(index, Approximate) else type(index)
    return short_name(f"ix_{table}_{column}_{built.__name__.lower()}")


def named_index(name: str, column: Column[Any], index: VectorIndex, metric: Metric) -> Index:
    """The same by a given name, for whoever knows that the engine builds it.

    Raises:
        InvalidModel: this kind of index does not know the metric.
    """
    kind: Kind = getattr(column.type, "kind", Kind.FLOAT32)
    dimension: int | None = getattr(column.type, "dimension", None)
    index.check(metric, kind)
    options: dict[str, Any] = {}
    for engine in dialects.names():
        dialect = dialects.declared(engine)
        over = dialect.narrowed(kind, dimension) or kind
        options |= dialect.index_options(
            index.method, column.name, metric, over, **index.parameters
        )
    info = {"agentorm": index, "agentorm_metric": metric}
    return Index(name, column, info=info, **options)


def asked_of(
    builds: Callable[[Index, Dialect], bool],
    ddl: Any,
    target: Any,
    bind: Any,
    *_: Any,
    dialect: SQLAlchemyDialect,
    **__: Any,
) -> bool:
    """What ``Index.ddl_if`` calls: whether an engine builds an index, asked of its dialect."""
    return builds(target, dialects.of(dialect))


def is_built(index: Index, known: Dialect) -> bool:
    """Whether an engine builds a vector index.

    Raises:
        UnsupportedFeature: it does, but not over so many dimensions.
    """
    if not known.builds(index):
        return False
    check_dimension(index, known)
    return True


def check_dimension(index: Index, known: Dialect) -> None:
    """See that the engine builds a vector index over so many dimensions.

    Raises:
        UnsupportedFeature: it does not.
    """
    (column,) = index.columns
    assert isinstance(column.type, VectorType)
    kind, dimension = column.type.kind, column.type.dimension
    if dimension is None or not known.indexes(kind, dimension):
        raise UnsupportedFeature(
            f"{index.info['agentorm'].method} over {dimension or 'an open number of'} dimensions",
            dialect=known.name,
            hint=_ways_out(known, kind),
        )


def wide_dimension(type_: TypeEngine[Any]) -> int | None:
    """The dimension, where an engine cannot have an index over the column itself."""
    if not isinstance(type_, VectorType) or type_.dimension is None:
        return None
    every = map(dialects.declared, dialects.names())
    itself = all(known.takes(type_.kind, type_.dimension) for known in every)
    return None if itself else type_.dimension


def _ways_out(known: Dialect, kind: Kind) -> str:
    most, narrower = known.index_dimensions, known.narrower.get(kind)
    if narrower is None:
        return f"it takes up to {most.get(kind)}: leave the index out to rank exactly"
    return (
        f"it takes up to {most[narrower]}, above {most[kind]} cast to {narrower}: leave the index"
        f" out to rank exactly, or rank a field of bits (up to {most[Kind.BIT]}) or a shorter"
        f" {narrower} field first and these vectors behind it, or take a model of fewer dimensions"
    )


@compiles(CreateIndex)
def _create_index(element: CreateIndex, compiler: Any, **kw: Any) -> str:
    """What SQLAlchemy writes, and behind it what only this engine's vector indexes take."""
    info = element.element.info
    if "agentorm" not in info:
        plain: str = compiler.visit_create_index(element, **kw)
        return plain
    index, metric = info["agentorm"], info["agentorm_metric"]
    known = dialects.of(compiler.dialect)
    text: str = compiler.visit_create_index(_over_the_cast(element, known), **kw)
    return text + known.index_suffix(index.method, metric, **index.parameters)


def _over_the_cast(element: CreateIndex, known: Dialect) -> CreateIndex:
    """The same, or that of a twin over the narrowed column, where the engine indexes that instead.

    The index of the model stays one of a column, for all that ask which one it is of.
    """
    index: Index = element.element
    (column,) = index.columns
    narrow = column.type.narrowed(known) if isinstance(column.type, VectorType) else None
    if narrow is None:
        return element
    bare: Column[Any] = Column(column.name, column.type)
    Table(column.table.name, MetaData(), bare, schema=column.table.schema)
    given: Any = dict(index.dialect_kwargs)
    twin = Index(index.name, cast(bare, narrow).label(column.name), **given)
    return CreateIndex(twin, if_not_exists=element.if_not_exists)
