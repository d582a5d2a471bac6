"""What every select of a query is made of: its rows, their keys, their distances."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from sys import float_info
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, select, tuple_, type_coerce
from sqlalchemy.orm import LoaderCriteriaOption
from sqlalchemy.sql.expression import Subquery

from agentorm.checking import check
from agentorm.expressions import AnySelect, Distance, LeastDistance, vector_operand
from agentorm.grouping import GROUP
from agentorm.matching import KEY
from agentorm.models import key_columns, mapper_of
from agentorm.types import PackedVectorType

if TYPE_CHECKING:
    from agentorm.query import Query
    from agentorm.rankings import Ranking


def selected(query: Query[Any]) -> AnySelect:
    """A select of the rows: of the entity, or of the columns that are read instead."""
    if query.target is None:
        return select(query.model)
    return select(*query.target.selected).select_from(query.model)


def group_of(query: Query[Any]) -> ColumnElement[Any]:
    """The field that `best_per` names, as a column of rows with their group."""
    return field_of_groups(query).label(GROUP)


def keyed(query: Query[Any]) -> AnySelect:
    """The keys of the rows that pass, by the names that joins know them by."""
    keys = key_columns(query.model)
    labelled = [key.label(KEY.format(i)) for i, key in enumerate(keys)]
    made: AnySelect = select(*labelled).select_from(query.model)
    return restricted(made, query)


def servable(query: Query[Any]) -> bool:
    """Whether the index that the model declares, if any, could serve the ranking."""
    ranking = query.ranking
    if ranking is None or query.search.is_exact:
        return False
    return ranking.served_by_index and query.size is not None


def keys_and_vectors(query: Query[Any]) -> AnySelect:
    """The primary key and the packed vector of every row that passes the filters, in no order.

    Between them is what `best_per` groups by, if it does.
    """
    check(query)
    assert query.ranking is not None
    columns: list[Any] = [*key_columns(query.model)]
    columns += [] if query.best_of is None else [group_of(query)]
    made = scoped(restricted(select(*columns, packed(query.ranking)), query), query)
    return made.where(query.ranking.field.attribute.is_not(None))


def rows_of_keys(query: Query[Any], keys: Sequence[Sequence[Any]]) -> AnySelect:
    """The rows with these keys, as far as they still pass the filters, with their vectors."""
    assert query.ranking is not None
    made = selected(query).add_columns(packed(query.ranking))
    made = restricted(made, query).options(*query.loaders)
    return made.where(has_key(query.model, keys))


def packed(ranking: Ranking) -> ColumnElement[Any]:
    """The packed vector of a row."""
    declared, attribute = ranking.field.type, ranking.field.attribute
    packed = PackedVectorType(declared.dimension, declared.kind)
    return type_coerce(attribute, packed).label(str(attribute.key))


def has_key(model: type[Any], keys: Iterable[Sequence[Any]]) -> ColumnElement[bool]:
    """Whether a row has one of these primary keys, each a sequence in the key's order."""
    columns = key_columns(model)
    if len(columns) == 1:
        return columns[0].in_([key[0] for key in keys])
    return tuple_(*columns).in_([tuple(key) for key in keys])


def conditions_of(query: Query[Any]) -> tuple[ColumnElement[bool], ...]:
    """What every row has to pass: the filters, and not to be an example that is ranked by."""
    apart = () if query.ranking is None else query.ranking.apart
    return (*query.filters, *apart)


def restricted(made: AnySelect, query: Query[Any]) -> AnySelect:
    """The select with the query's joins and filters; every row of the model stays one row."""
    if all(join.single for join in query.joins):
        for join in query.joins:
            made = made.join(join.target, join.onclause)
        return made.where(*conditions_of(query))
    keys = key_columns(query.model)
    passing: AnySelect = select(*keys)
    for join in query.joins:
        passing = passing.join(join.target, join.onclause)
    return made.where(among(keys, passing.where(*conditions_of(query))))


def among(keys: Sequence[Any], rows: AnySelect) -> ColumnElement[bool]:
    """Whether a key, of one column or several, is among those that a select gives."""
    found: ColumnElement[bool] = (keys[0] if len(keys) == 1 else tuple_(*keys)).in_(rows)
    return found


def scopes_of(query: Query[Any]) -> tuple[Any, ...]:
    """Those of its options that are conditions: SQLAlchemy's `with_loader_criteria`."""
    return tuple(option for option in query.loaders if isinstance(option, LoaderCriteriaOption))


def scoped(made: AnySelect, query: Query[Any]) -> AnySelect:
    """A select without entities, of the rows that its options leave."""
    scopes = scopes_of(query)
    return made.options(*scopes) if scopes else made


def paged(made: AnySelect, query: Query[Any]) -> AnySelect:
    """The select with the query's limit and offset."""
    if query.size is not None:
        made = made.limit(query.size)
    return made.offset(query.skip) if query.skip else made


def distance_of(ranking: Ranking, *, indexed: bool = True) -> Distance | LeastDistance:
    """The ranking as an expression."""
    column = ranking.field.attribute.__clause_element__()
    operands = [vector_operand(column, vector, ranking.field.type) for vector in ranking.vectors]
    found = [Distance(column, vector, ranking.metric, indexed=indexed) for vector in operands]
    return LeastDistance(found) if len(found) > 1 else found[0]


def farthest_distance(query: Query[Any]) -> float | None:
    """The distance beyond which no row counts, from both thresholds; None without any."""
    ranking = query.ranking
    assert ranking is not None
    limits = [] if query.farthest is None else [query.farthest]
    if query.lowest_score is not None:
        limits.append(ranking.metric.farthest_of(query.lowest_score, len(ranking.vector)))
    return min(limits, default=None)


def farthest_of_all(query: Query[Any]) -> float:
    """The same; without a threshold every distance counts that there is."""
    farthest = farthest_distance(query)
    return float_info.max if farthest is None else farthest


def label_of(model: type[Any]) -> str:
    """What the distance is called, which no column of the model is."""
    taken = mapper_of(model).columns.keys()
    return "distance" if "distance" not in taken else "distance_to_query"


def field_of_groups(query: Query[Any]) -> ColumnElement[Any]:
    """The field that `best_per` names."""
    field: ColumnElement[Any] = getattr(query.model, str(query.best_of))
    return field


def beside(query: Query[Any], rows: Subquery) -> Subquery:
    """The rows under a name that no table of the query has, to be joined to these."""
    tables: set[Any] = {*mapper_of(query.model).tables}
    tables.update(*(join.tables for join in query.joins))
    taken = {getattr(table, "name", "").lower() for table in tables}
    name = rows.name
    while name in taken:
        name += "_"
    return rows if name == rows.name else rows.element.subquery(name)
