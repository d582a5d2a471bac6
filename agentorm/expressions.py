"""The SQL that agentorm adds to SQLAlchemy's: `@compiles` for all but JSON paths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Double,
    Executable,
    Label,
    Select,
    UnaryExpression,
    bindparam,
    cast,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import coercions, operators, roles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.sql.expression import FromClause
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.sql.visitors import InternalTraversal
from sqlalchemy.types import TypeEngine

from agentorm import dialects
from agentorm.dialects import Dialect, Feature
from agentorm.errors import DimensionMismatch, InvalidQuery, UnsupportedFeature
from agentorm.types import VectorType
from agentorm.vectors import Kind, Metric, VectorLike


class Distance(ColumnElement[float]):
    """How far a vector column is from a vector; see `distance`."""

    inherit_cache = True
    _traverse_internals = [
        ("column", InternalTraversal.dp_clauseelement),
        ("vector", InternalTraversal.dp_clauseelement),
        ("metric", InternalTraversal.dp_plain_obj),
        ("kind", InternalTraversal.dp_plain_obj),
        ("dimension", InternalTraversal.dp_plain_obj),
        ("indexed", InternalTraversal.dp_plain_obj),
    ]

    def __init__(
        self,
        column: ColumnElement[Any],
        vector: ColumnElement[Any],
        metric: Metric,
        *,
        indexed: bool = True,
    ) -> None:
        self.column = column
        self.vector = vector
        self.metric = metric
        self.kind = getattr(column.type, "kind", Kind.FLOAT32)
        self.dimension = getattr(column.type, "dimension", None)
        self.indexed = indexed
        self.type = Double()

    @property
    def _from_objects(self) -> list[Any]:
        return [*self.column._from_objects, *self.vector._from_objects]


class LeastDistance(ColumnElement[float]):
    """The least of the distances of one column to several vectors."""

    inherit_cache = True
    _traverse_internals = [("distances", InternalTraversal.dp_clauseelement_list)]

    def __init__(self, distances: Sequence[Distance]) -> None:
        self.distances = list(distances)
        self.type = Double()

    @property
    def _from_objects(self) -> list[Any]:
        return [table for each in self.distances for table in tables_of(each)]


@compiles(LeastDistance)
def _least_distance(element: LeastDistance, compiler: SQLCompiler, **kw: Any) -> str:
    inner = {k: v for k, v in kw.items() if k not in OUTERMOST_ONLY}
    every = ", ".join(compiler.process(each, **inner) for each in element.distances)
    return dialects.of(compiler.dialect).least.format(expressions=every)


def distance(column: Any, vector: VectorLike | Any, metric: str | Metric | None = None) -> Distance:
    """The distance of a vector column to a vector or another vector column, for any select.

    Smaller is nearer on every metric; the formulas are those of `Metric`. Where there is no
    distance it is NULL, on PostgreSQL NaN. MariaDB's index serves `similar_to`, not this.

    Args:
        column: a column of `VectorType`.
        vector: whatever a value of the column's kind and dimension is made of; or a column.
        metric: one that fits the column's kind; without it hamming of bits, cosine of all else.

    Raises:
        InvalidQuery: the first argument is no vector column.
        InvalidMetric: an unknown metric, or one that does not fit.
        InvalidVector: the second argument is no vector of that kind and dimension.
        UnsupportedFeature: when compiled for an engine that cannot compute it.

    Example:
        ``select(Doc.id, distance(Doc.embedding, vec, metric="l2"))`` is, on PostgreSQL,
        ``SELECT doc.id, (doc.embedding <-> :embedding_1) AS anon_1 FROM doc``.
    """
    expression = coercions.expect(roles.ExpressionElementRole, column)
    kind = getattr(expression, "type", None)
    if not isinstance(kind, VectorType):
        raise InvalidQuery(f"distance() needs a vector column, got {column!r}")
    usual = Metric.usual(kind.kind) if metric is None else metric
    measured = Metric.named(usual, kind.kind)
    return Distance(expression, vector_operand(expression, vector, kind), measured)


def is_expression(value: object) -> bool:
    """Whether a value is SQL: a column, an attribute of a model, a subquery."""
    return isinstance(value, ClauseElement) or hasattr(value, "__clause_element__")


def vector_operand(
    column: ColumnElement[Any], vector: VectorLike | Any, kind: VectorType
) -> ColumnElement[Any]:
    """The other side of a distance: a bound vector, or the column that was given."""
    if is_expression(vector):
        other = coercions.expect(roles.ExpressionElementRole, vector)
        _check_comparable(column, other, kind)
        return other
    name = str(getattr(column, "key", None) or "vector")
    checked = kind.vector(vector, field=str(column))
    return bindparam(name, checked, type_=kind, unique=True)


def _check_comparable(
    column: ColumnElement[Any], other: ColumnElement[Any], kind: VectorType
) -> None:
    if not isinstance(other.type, VectorType):
        raise InvalidQuery(f"{other} is no vector column to compare {column} with")
    sizes = (kind.dimension, other.type.dimension)
    if None not in sizes and sizes[0] != sizes[1]:
        raise DimensionMismatch(field=str(other), expected=sizes[0] or 0, got=sizes[1] or 0)


@compiles(Distance)
def _distance(element: Distance, compiler: SQLCompiler, **kw: Any) -> str:
    dialect = dialects.of(compiler.dialect)
    if not dialect.computes(element.metric, element.kind):
        of_kind = "" if element.kind is Kind.FLOAT32 else f" of {element.kind} vectors"
        raise UnsupportedFeature(
            f"the distance {element.metric}{of_kind} in SQL",
            dialect=dialect.name,
            hint="rank with repository(Model).similar_to(vector), which works on every engine",
        )
    text = _filled(dialect.distances[element.kind][element.metric], element, compiler, **kw)
    return text if element.indexed else dialect.unindexed.format(distance=text)


def _filled(template: str, element: Distance, compiler: SQLCompiler, **kw: Any) -> str:
    inner = {k: v for k, v in kw.items() if k not in OUTERMOST_ONLY}
    column = compiler.process(element.column, **inner)
    vector = compiler.process(element.vector, **inner)
    operands = (column,) if isinstance(element.vector, BindParameter) else (column, vector)
    present = " AND ".join(f"{operand} IS NOT NULL" for operand in operands)
    if compiler.preparer._double_percents:  # pyright: ignore[reportPrivateUsage]
        template = template.replace("%", "%%")
    return template.format(column=column, vector=vector, present=present)


OUTERMOST_ONLY = frozenset({"add_to_result_map", "result_map_targets", "within_columns_clause"})


class NearestFirst(UnaryExpression[float]):
    """Sorts by a distance, then by the key, so that rows which have no distance come last.

    Where an index serves the bare distance alone, that is what is sorted by.
    """

    inherit_cache = True
    _traverse_internals = [
        *UnaryExpression._traverse_internals,
        ("keys", InternalTraversal.dp_clauseelement_list),
    ]

    def __init__(self, distance: Label[float], keys: Sequence[Any]) -> None:
        super().__init__(distance, modifier=operators.nulls_last_op, type_=Double())
        self.keys = [coercions.expect(roles.OrderByRole, key) for key in keys]


@compiles(NearestFirst)
def _nearest_first(element: NearestFirst, compiler: SQLCompiler, **kw: Any) -> str:
    dialect = dialects.of(compiler.dialect)
    distance = getattr(element.element, "element", None)
    if isinstance(distance, Distance) and distance.indexed:
        template = dialect.index_order.get(distance.metric)
        if template is not None:
            return _filled(template, distance, compiler, **kw)
        narrowed = _narrowed(distance, dialect)
        if narrowed is not None:
            return compiler.process(narrowed, **kw)
    label = compiler.process(element.element, **kw)
    bare = label
    if isinstance(distance, Distance | LeastDistance):
        bare = compiler.process(distance, **kw)
    nearest = dialect.nearest_first.format(distance=label, expression=bare)
    return ", ".join([nearest, *(compiler.process(key, **kw) for key in element.keys)])


def _narrowed(distance: Distance, dialect: Dialect) -> Distance | None:
    """The distance by which an index ranks that is not over the column itself.

    The vector is cast twice: a parameter takes the type of the first cast.
    """
    wide = distance.column.type
    narrow = wide.narrowed(dialect) if isinstance(wide, VectorType) else None
    if narrow is None or dialect.indexed_by(Feature.HNSW, distance.metric, distance.kind) is None:
        return None
    vector = cast(cast(distance.vector, wide), narrow)
    return Distance(cast(distance.column, narrow), vector, distance.metric)


class Sorted(UnaryExpression[Any]):
    """Sorts by an expression; NULL comes before every value, unless it is told where."""

    inherit_cache = True
    _traverse_internals = [
        *UnaryExpression._traverse_internals,
        ("nulls", InternalTraversal.dp_operator),
    ]

    def __init__(
        self, expression: ColumnElement[Any], *, descending: bool, nulls: OperatorType | None = None
    ) -> None:
        direction = operators.desc_op if descending else operators.asc_op
        super().__init__(expression, modifier=direction, type_=expression.type)
        self.nulls = nulls


@compiles(Sorted)
def _sorted(element: Sorted, compiler: SQLCompiler, **kw: Any) -> str:
    dialect = dialects.of(compiler.dialect)
    descending = element.modifier is operators.desc_op
    expression = compiler.process(element.element, **kw)
    if element.nulls is None:
        template = dialect.descending if descending else dialect.ascending
        return template.format(expression=expression)
    first = element.nulls is operators.nulls_first_op
    template = dialect.nulls_first if first else dialect.nulls_last
    sort = f"{expression} DESC" if descending else expression
    grouped = element.element.self_group(against=operators.is_)
    tested = compiler.process(grouped, **kw)
    if isinstance(grouped, UnaryExpression):
        tested = f"({tested})"
    return template.format(expression=tested, sorted=sort)


def sorted_by(key: ColumnElement[Any]) -> ColumnElement[Any]:
    """The sort key with one meaning of NULL on every engine, its own if it states one."""
    element = key.element if key.__visit_name__ == "label_reference" else key
    nulls = getattr(element, "modifier", None)
    if nulls in _NULLS:
        element = element.element
    else:
        nulls = None
    direction = getattr(element, "modifier", None)
    expression = element.element if direction in _DIRECTIONS else element
    if nulls is None and not getattr(expression, "nullable", True):
        return key
    return Sorted(expression, descending=direction is operators.desc_op, nulls=nulls)


_NULLS = (operators.nulls_first_op, operators.nulls_last_op)
_DIRECTIONS = (operators.asc_op, operators.desc_op)


class Spelt(ColumnElement[Any]):
    """An expression that each engine writes in its own way, by the template of that name.

    The names are attributes of `Dialect`: ``vector_bits``.
    """

    inherit_cache = True
    _traverse_internals = [
        ("operand", InternalTraversal.dp_clauseelement),
        ("template", InternalTraversal.dp_string),
    ]

    def __init__(
        self, operand: ColumnElement[Any], template: str, kind: TypeEngine[Any] | None = None
    ) -> None:
        self.operand = operand
        self.template = template
        self.type = kind or operand.type

    @property
    def _from_objects(self) -> list[Any]:
        return [*self.operand._from_objects]


@compiles(Spelt)
def _spelt(element: Spelt, compiler: SQLCompiler, **kw: Any) -> str:
    inner = {k: v for k, v in kw.items() if k not in OUTERMOST_ONLY}
    template: str = getattr(dialects.of(compiler.dialect), element.template)
    return template.format(expression=compiler.process(element.operand, **inner))


def tables_of(expression: ColumnElement[Any]) -> set[FromClause]:
    """The tables an expression names outside of its subqueries."""
    return set(expression._from_objects)  # pyright: ignore[reportPrivateUsage]


AnySelect: TypeAlias = Select[*tuple[Any, ...]]


class Explain(Executable, ClauseElement):
    """Asks the engine for its plan of a statement."""

    inherit_cache = False

    def __init__(self, statement: AnySelect) -> None:
        self.statement = statement


def _forget_result_columns(compiler: Any) -> None:
    """The plan has other columns than the statement it explains."""
    compiler._result_columns = []


@compiles(Explain)
def _explain(element: Explain, compiler: SQLCompiler, **kw: Any) -> str:
    prefix = dialects.of(compiler.dialect).explain_prefix
    text = f"{prefix} {compiler.process(element.statement, **kw)}"
    _forget_result_columns(compiler)
    return text
