"""pgvector's indexes: what they can rank by, and those that are there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from sqlalchemy import Connection, text

from agentorm.dialects.base import Dialect, Feature
from agentorm.dialects.built import BuiltIndex, BuiltText
from agentorm.dialects.text_storage import shadow_name
from agentorm.vectors import Kind, Metric

_TYPES = {
    Kind.FLOAT32: "vector",
    Kind.FLOAT16: "halfvec",
    Kind.BIT: "bit",
    Kind.SPARSE: "sparsevec",
}
_METRICS = {
    Metric.COSINE: "cosine",
    Metric.L2: "l2",
    Metric.INNER_PRODUCT: "ip",
    Metric.L1: "l1",
    Metric.HAMMING: "hamming",
    Metric.JACCARD: "jaccard",
}
METRICS: Mapping[Kind, frozenset[Metric]] = MappingProxyType(
    {kind: frozenset(metric for metric in Metric if metric.fits(kind)) for kind in _TYPES}
)
OPERATOR_CLASSES: Mapping[tuple[Kind, Metric], str] = MappingProxyType(
    {
        (kind, metric): f"{_TYPES[kind]}_{_METRICS[metric]}_ops"
        for kind, metrics in METRICS.items()
        for metric in metrics
    }
)
RANKED_BY = {name: ranked for ranked, name in OPERATOR_CLASSES.items()}
"""The kind and the metric behind an operator class."""

_METHODS: dict[str, tuple[Feature, dict[str, int]]] = {
    "hnsw": (Feature.HNSW, {"m": 16, "ef_construction": 64}),
    "ivfflat": (Feature.IVFFLAT, {"lists": 100}),
}
_VECTOR_INDEXES = text("""
    SELECT named.relname, attname, amname, opcname, named.reloptions,
        CASE WHEN indkey[0] = 0 THEN atttypmod END
    FROM pg_index
    JOIN pg_class named ON named.oid = indexrelid JOIN pg_am ON pg_am.oid = named.relam
    JOIN pg_class owner ON owner.oid = indrelid
    JOIN pg_namespace ON pg_namespace.oid = owner.relnamespace
    JOIN pg_opclass ON pg_opclass.oid = indclass[0]
    JOIN pg_attribute ON attrelid = indrelid AND (attnum = indkey[0] OR (
        indkey[0] = 0 AND attnum > 0 AND NOT attisdropped AND atttypmod > 0
        AND (SELECT typname FROM pg_type WHERE pg_type.oid = atttypid) = 'vector'
        AND pg_get_expr(indexprs, indrelid)
            = '(' || quote_ident(attname) || ')::' || format_type(opcintype, atttypmod)))
    WHERE owner.relname = :table AND nspname = coalesce(CAST(:schema AS name), current_schema())
        AND indnatts = 1 AND indpred IS NULL AND amname IN ('hnsw', 'ivfflat')
""")
_TEXT_INDEXES = text("""
    SELECT named.relname, searched.attname, shadow.attname, pg_get_expr(adbin, adrelid)
    FROM pg_index
    JOIN pg_class named ON named.oid = indexrelid JOIN pg_am ON pg_am.oid = named.relam
    JOIN pg_class owner ON owner.oid = indrelid
    JOIN pg_namespace ON pg_namespace.oid = owner.relnamespace
    JOIN pg_attribute shadow ON shadow.attrelid = owner.oid AND shadow.attnum = indkey[0]
    JOIN pg_attrdef ON adrelid = owner.oid AND adnum = shadow.attnum
    JOIN pg_depend ON classid = CAST('pg_attrdef' AS regclass) AND objid = pg_attrdef.oid
        AND refclassid = CAST('pg_class' AS regclass) AND refobjid = owner.oid
    JOIN pg_attribute searched ON searched.attrelid = owner.oid AND searched.attnum = refobjsubid
    WHERE owner.relname = :table AND nspname = coalesce(CAST(:schema AS name), current_schema())
        AND indnatts = 1 AND indpred IS NULL AND amname = 'gin' AND shadow.attgenerated = 's'
""")
_WORDS_OF = re.compile(r"""to_tsvector\('(\w+)'::regconfig, "left"\(translate\(""")


def text_indexes(connection: Connection, table: str, schema: str | None) -> dict[str, BuiltText]:
    """The full-text indexes of a table that were made of a column alone."""
    found = connection.execute(_TEXT_INDEXES, {"table": table, "schema": schema})
    return {
        name: BuiltText(column, language[1], shadow)
        for name, column, shadow, written in found
        if shadow == shadow_name(column) and (language := _WORDS_OF.match(written))
    }


def vector_indexes(
    known: Dialect, connection: Connection, table: str, schema: str | None
) -> dict[str, BuiltIndex]:
    """The vector indexes of a table that can be declared."""
    found = connection.execute(_VECTOR_INDEXES, {"table": table, "schema": schema})
    return {
        name: built
        for name, column, method, operators, options, cast_to in found
        if (built := _as_declared(known, column, method, operators, options, cast_to)) is not None
    }


def _as_declared(  # what PostgreSQL tells of an index
    known: Dialect,
    column: str,
    method: str,
    operators: str,
    options: list[str] | None,
    cast_to: int | None,
) -> BuiltIndex | None:
    """The index as one of ours; None for one over another type, or with other parameters."""
    feature, defaults = _METHODS[method]
    given = dict(option.split("=", 1) for option in options or ())
    if operators not in RANKED_BY or given.keys() - defaults.keys():
        return None
    over, metric = RANKED_BY[operators]
    kind = over if cast_to is None else Kind.FLOAT32
    if cast_to is not None and known.narrowed(kind, cast_to) is not over:
        return None
    parameters = defaults | {name: int(value) for name, value in given.items()}
    return BuiltIndex(column, feature, metric, parameters, kind)
