"""What only the finished query can tell: whether its verbs go together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.sql.expression import FromClause

from agentorm.errors import InvalidQuery
from agentorm.expressions import (
    tables_of,
)
from agentorm.models import mapper_of

if TYPE_CHECKING:
    from agentorm.fusion import Fusion
    from agentorm.query import Query


def depth_of(query: Query[Any]) -> int:
    """How many rows a limited query reaches, those of earlier pages included."""
    return (query.size or 0) + query.skip


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
    _check_targets(query)
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


def _check_targets(query: Query[Any]) -> None:
    scored = None if query.reranking is None else query.reranking.target
    for target in (query.target, scored):
        if target is not None:
            target.check(query.gives)


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
