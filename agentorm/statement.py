"""The pure steps from a query to SQLAlchemy's selects: no session, no dialect."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    func,
    select,
    tuple_,
    type_coerce,
)
from sqlalchemy.sql.expression import FromClause, Subquery

from agentorm.errors import InvalidQuery
from agentorm.expressions import (
    AnySelect,
    Distance,
    LeastDistance,
    NearestFirst,
    tables_of,
    vector_operand,
)
from agentorm.fusing import DISTANCE, FUSED_SCORE, HELD, READ, Legs, fused_by, watched
from agentorm.grouping import GROUP, PLACE, grouped_by, placed, within
from agentorm.matching import KEY, SCORE, TextSearch, found_by, same_row
from agentorm.models import key_columns, mapper_of
from agentorm.types import PackedVectorType

if TYPE_CHECKING:
    from agentorm.fusion import Fusion
    from agentorm.query import Query
    from agentorm.rankings import Ranking

Q = TypeVar("Q")


def statement(query: Query[Any], *, indexed: bool = True) -> AnySelect:
    """The whole query as one select: of the entity, and of ``distance`` where it ranks.

    Args:
        query: any query.
        indexed: False writes the distance so that no approximate index serves it.

    Raises:
        InvalidQuery: a threshold without `similar_to`, or a condition on a table not joined.
    """
    check(query)
    if query.fusion is not None:
        return _fused(query, indexed=indexed)
    if query.best_of is not None:
        return _best_of_each(query)
    if query.text is not None:
        return _best_matches(query, query.text)
    made: AnySelect = select(query.model)
    if query.ranking is not None:
        served = indexed and servable(query)
        distance = distance_of(query.ranking, indexed=served).label(_label(query.model))
        made = made.add_columns(distance)
        farthest = farthest_distance(query)
        if farthest is not None:
            made = made.where(distance.element <= farthest)
        made = made.order_by(NearestFirst(distance, key_columns(query.model)))
    else:
        made = made.order_by(*query.ordering, *key_columns(query.model))
    return paged(restricted(made, query).options(*query.loaders), query)


def _best_matches(query: Query[Any], text: TextSearch) -> AnySelect:
    """The rows that match, with ``text_score``, best first."""
    found = beside(query, found_by(text))
    made: AnySelect = restricted(select(query.model), query)
    made = made.add_columns(found.c[SCORE]).join(found, same_row(query.model, found))
    made = made.order_by(found.c[SCORE].desc(), *key_columns(query.model))
    return paged(made.options(*query.loaders), query)


def _fused(query: Query[Any], *, indexed: bool) -> AnySelect:
    """The best of both rankings, with ``distance``, ``text_score`` and ``fused_score``."""
    assert query.fusion is not None
    return _joined_to(query, fused_by(_legs(query, indexed=indexed), query.fusion))


def watched_statement(query: Query[Any], candidates: int) -> AnySelect:
    """The same where an index is asked for so many rows, and behind it what came of that."""
    assert query.fusion is not None
    check(query)
    fused = watched(_legs(query, indexed=True, candidates=candidates), query.fusion)
    return _joined_to(query, fused, READ, HELD)


def _joined_to(query: Query[Any], fused: Subquery, *more: str) -> AnySelect:
    fused = beside(query, fused)
    if query.best_of is not None:
        of_row = same_row(query.model, fused)
        rows = select(*fused.c, grouped_by(_group(query))).join_from(query.model, fused, of_row)
        grouped = rows.subquery("grouped_rows")
        best = placed(grouped, grouped.c[FUSED_SCORE].desc()).subquery("fused_best")
        fused = beside(query, best)
    names = (DISTANCE, SCORE, FUSED_SCORE, *more)
    made = _joined(query, fused).add_columns(*(fused.c[name] for name in names))
    made = made.order_by(fused.c[FUSED_SCORE].desc(), *key_columns(query.model))
    return paged(made.options(*query.loaders), query)


def _joined(query: Query[Any], rows: Subquery) -> AnySelect:
    made: AnySelect = select(query.model).join(rows, same_row(query.model, rows))
    if query.best_of is None:
        return made
    for join in query.joins if query.ordering else ():  # pages compare what rows are sorted by
        made = made.join(join.target, join.onclause) if join.single else made
    return made.where(rows.c[PLACE] == 1)


def _best_of_each(query: Query[Any]) -> AnySelect:
    """The first row of each value of a field, with what it is ranked by, in the same order.

    A sorted query is ranked by the place that its order gives a row.
    """
    rows = _keyed(query).add_columns(grouped_by(_group(query)))
    name = "position"
    if query.text is not None:
        found, name = beside(query, found_by(query.text)), SCORE
        rows = rows.join(found, same_row(query.model, found)).add_columns(found.c[SCORE])
    elif query.ranking is not None:
        name = _label(query.model)
        rows = rows.add_columns(distance_of(query.ranking, indexed=False).label(name))
    else:
        order = [*query.ordering, *key_columns(query.model)]
        rows = rows.add_columns(func.row_number().over(order_by=order).label(name))
    ranked = rows.subquery("ranked")
    made = placed(ranked, ranked.c[name].desc() if query.text is not None else ranked.c[name])
    if query.ranking is not None:
        made = within(made, ranked.c[name], farthest_distance(query))
    best = beside(query, made.subquery("best"))
    made = _joined(query, best)
    made = made.add_columns(best.c[name]) if query.is_ranked else made
    first = best.c[name].desc() if query.text is not None else best.c[name]
    return paged(made.order_by(first, *key_columns(query.model)).options(*query.loaders), query)


def group_of(query: Query[Any]) -> ColumnElement[Any]:
    """The field that `best_per` names, as a column of rows with their group."""
    return _group(query).label(GROUP)


def _group(query: Query[Any]) -> ColumnElement[Any]:
    field: ColumnElement[Any] = getattr(query.model, str(query.best_of))
    return field


def _legs(query: Query[Any], *, indexed: bool, candidates: int | None = None) -> Legs:
    leg = nearest_leg(query)
    assert leg.ranking is not None
    distance = distance_of(leg.ranking, indexed=indexed and servable(leg))
    label = distance.label(_label(query.model))
    nearest = _keyed(leg).add_columns(label)
    if leg.size is not None:
        nearest = nearest.order_by(NearestFirst(label, key_columns(query.model)))
        nearest = nearest.limit(candidates or leg.size)
    return Legs(leg.ranking, nearest, farthest_distance(query), matched_leg(query))


def nearest_leg(query: Query[Q]) -> Query[Q]:
    """The ranking by distance of which a fusion takes the best; any other query as it is."""
    if query.fusion is None:
        return query
    check(query)
    size = None if query.size is None else query.fusion.depth
    alone = replace(query, text=None, fusion=None, size=size, skip=0, loaders=())
    return replace(alone, best_of=None, reranking=None, diversity=None)


def matched_leg(query: Query[Any]) -> AnySelect:
    """The keys and scores of the rows that match, the best that a fusion takes."""
    assert query.ranking is not None
    assert query.fusion is not None
    made, farthest = _matching(query), farthest_distance(query)
    if farthest is not None:
        made = made.where(distance_of(query.ranking, indexed=False) <= farthest)
    return made if query.size is None else made.limit(query.fusion.depth)


def matches_and_vectors(query: Query[Any]) -> AnySelect:
    """The keys and scores of all rows that match, best first, with their packed vectors."""
    assert query.ranking is not None
    return _matching(query).add_columns(_packed(query.ranking))


def _matching(query: Query[Any]) -> AnySelect:
    assert query.text is not None
    found = beside(query, found_by(query.text))
    made = _keyed(query).add_columns(found.c[SCORE]).join(found, same_row(query.model, found))
    return made.order_by(found.c[SCORE].desc(), *key_columns(query.model))


def _keyed(query: Query[Any]) -> AnySelect:
    keys = key_columns(query.model)
    labelled = [key.label(KEY.format(i)) for i, key in enumerate(keys)]
    made: AnySelect = select(*labelled).select_from(query.model)
    return restricted(made, query)


def beside(query: Query[Any], rows: Subquery) -> Subquery:
    """The rows under a name that no table of the query has, to be joined to these."""
    tables: set[Any] = {*mapper_of(query.model).tables}
    tables.update(*(join.tables for join in query.joins))
    taken = {getattr(table, "name", "").lower() for table in tables}
    name = rows.name
    while name in taken:
        name += "_"
    return rows if name == rows.name else rows.element.subquery(name)


def servable(query: Query[Any]) -> bool:
    """Whether the index that the model declares, if any, could serve the ranking."""
    ranking = query.ranking
    if ranking is None or query.search.is_exact:
        return False
    return ranking.served_by_index and query.size is not None


def depth_of(query: Query[Any]) -> int:
    """How many rows a limited query reaches, those of earlier pages included."""
    return (query.size or 0) + query.skip


def keys_and_vectors(query: Query[Any]) -> AnySelect:
    """The primary key and the packed vector of every row that passes the filters, in no order.

    Between them is what `best_per` groups by, if it does.
    """
    check(query)
    assert query.ranking is not None
    columns: list[Any] = [*key_columns(query.model)]
    columns += [] if query.best_of is None else [group_of(query)]
    return restricted(select(*columns, _packed(query.ranking)), query).where(
        query.ranking.field.attribute.is_not(None)
    )


def rows_of_keys(query: Query[Any], keys: Sequence[Sequence[Any]]) -> AnySelect:
    """The entities with these keys, as far as they still pass the filters, with their vectors."""
    assert query.ranking is not None
    made: AnySelect = select(query.model, _packed(query.ranking))
    made = restricted(made, query).options(*query.loaders)
    return made.where(has_key(query.model, keys))


def _packed(ranking: Ranking) -> ColumnElement[Any]:
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
    passing = passing.where(*conditions_of(query))
    if len(keys) == 1:
        return made.where(keys[0].in_(passing))
    return made.where(tuple_(*keys).in_(passing))


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


def check(query: Query[Any]) -> None:
    """What only the finished query can tell.

    Raises:
        InvalidQuery: a threshold without `similar_to`, or a condition on a table not joined.
    """
    if query.fusion is not None:
        _check_fusion(query, query.fusion)
    elif query.ranking is not None and query.text is not None:
        raise InvalidQuery(
            "similar_to() and matching() are two rankings", hint="add .fuse() to make them one"
        )
    if query.ranking is None and (query.farthest is not None or query.lowest_score is not None):
        raise InvalidQuery("a threshold without a ranking", hint="begin with similar_to(vector)")
    _check_looks(query)
    own: set[FromClause] = set(mapper_of(query.model).tables)
    joined = own.union(*(join.tables for join in query.joins))
    for expression in (*query.filters, *query.ordering):
        for table in tables_of(expression) - joined:
            hint = "add .join(...) to the query"
            raise InvalidQuery(f"{table} is named and not joined", hint=hint)
    if all(join.single for join in query.joins):
        return
    if any(tables_of(key) - own for key in query.ordering):
        raise InvalidQuery("a query that joins many rows cannot be sorted by them")


def _check_fusion(query: Query[Any], fusion: Fusion) -> None:
    if query.ranking is None or query.text is None:
        missing = "similar_to(vector)" if query.ranking is None else "matching(text)"
        raise InvalidQuery(
            f"fuse() makes one ranking of two, and {missing} is missing",
            hint="add it, or leave fuse() out",
        )
    if query.size is not None and depth_of(query) > fusion.depth:
        raise InvalidQuery(
            f"limit {query.size} and offset {query.skip} reach beyond the depth "
            f"{fusion.depth} of the fusion",
            hint=f"fuse({type(fusion).__name__}(depth={depth_of(query)})), or more",
        )


def _check_looks(query: Query[Any]) -> None:
    """What `rerank` and `diverse` take: a ranking, and a page within their depth."""
    if query.reranking is not None and not query.is_ranked:
        raise InvalidQuery(
            "rerank() without a ranking", hint="begin with similar_to(vector) or matching(text)"
        )
    if query.diversity is not None and query.ranking is None:
        raise InvalidQuery("diverse() without vectors", hint="begin with similar_to(vector)")
    fused = None if query.fusion is None else query.fusion.depth
    first = query.reranking or query.diversity
    if fused is not None and first is not None and first.depth > fused:
        verb = "diverse" if query.reranking is None else "rerank"
        raise InvalidQuery(
            f"{verb}() looks at {first.depth} rows, beyond the depth {fused} of the fusion",
            hint=f"{verb}(..., depth={fused}), or a fusion of more depth",
        )
    last = 0 if query.size is None else depth_of(query)
    for verb, look in (("rerank", query.reranking), ("diverse", query.diversity)):
        if look is not None and look.depth < last:
            raise InvalidQuery(
                f"limit and offset reach {last} rows, and {verb}() the best {look.depth}",
                hint=f"{verb}(..., depth={last})",
            )


def _label(model: type[Any]) -> str:
    taken = mapper_of(model).columns.keys()
    return "distance" if "distance" not in taken else "distance_to_query"
