"""MariaDB: vectors, two distances and an index from 11.7 on; before, vectors are BLOB."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, ClassVar
from warnings import filterwarnings

import numpy as np
from sqlalchemy import Connection, Table, text
from sqlalchemy.exc import SAWarning

from agentorm import errors
from agentorm.dialects import mariadb_indexes, mysql_types, text_forms, text_storage
from agentorm.dialects.base import Dialect, Feature
from agentorm.dialects.built import BuiltIndex
from agentorm.dialects.effort import Effort
from agentorm.dialects.json_forms import MARIADB, OLD_MARIADB
from agentorm.dialects.mysql import MySQL, session_settings
from agentorm.dialects.mysql_probe import answer
from agentorm.vectors import AnyVector, Kind, Metric

_COSINE = "VEC_DISTANCE_COSINE({column}, {vector})"
_EUCLIDEAN = "VEC_DISTANCE_EUCLIDEAN({column}, {vector})"
_NOT_A_NUMBER_IS_NULL = "CAST({} AS DOUBLE)"
_SHORTEST = 1e-16
_LONGEST = float(np.finfo(np.float32).max) ** 0.5 * (1 - 1e-6)
_FEWEST_LINKS = 3
_ITS_INDEX_IS_UNKNOWN = "Unknown schema content: '  VECTOR KEY"
_CANDIDATES, _MOST_CANDIDATES, _WIDER = 100, 10000, 8
_USUAL_CANDIDATES = f"SET SESSION mhnsw_ef_search = GREATEST(@@mhnsw_ef_search, {_CANDIDATES})"
_LOOK_AT_MORE = text(
    "SET @agentorm_ef_search = @@mhnsw_ef_search,"
    " mhnsw_ef_search = LEAST(:most, COALESCE(:asked, GREATEST(@@mhnsw_ef_search, :least)))"
)
_COLLATES = f"SELECT CONVERT('a' USING utf8mb4) COLLATE {text_storage.MARIADB.otherwise}"
_NO_COLLATION = "the server, older than 10.10, cannot ignore case alone: no text is indexed"
_AS_BEFORE = text("SET mhnsw_ef_search = @agentorm_ef_search")


class MariaDB(MySQL):
    name = "mariadb"
    url_names = ("mariadb",)
    features = frozenset(
        {
            Feature.VECTOR_TYPE,
            Feature.DISTANCE,
            Feature.FULL_TEXT,
            Feature.HNSW,
            Feature.UPSERT,
            Feature.CONCURRENT_WRITERS,
        }
    )
    distances = MappingProxyType(
        {
            Kind.FLOAT32: {
                Metric.COSINE: f"GREATEST({_NOT_A_NUMBER_IS_NULL.format(_COSINE)}, 0.0)",
                Metric.L2: _NOT_A_NUMBER_IS_NULL.format(_EUCLIDEAN),
            }
        }
    )
    sorted_characters = 256  # of 4 bytes each in the 1,024 of max_sort_length
    grouped = "SHA2({expression}, 256)"  # a window tells texts apart by these alone
    index_order = MappingProxyType({Metric.COSINE: _COSINE, Metric.L2: _EUCLIDEAN})
    indexed_metrics = MappingProxyType({Kind.FLOAT32: frozenset({Metric.COSINE, Metric.L2})})
    reads_what_it_changes = True
    upsert_returns = True
    defaults_long_values = True
    index_dimensions = MappingProxyType({Kind.FLOAT32: MySQL.most_dimensions})
    few_passing = 2_000
    index_reach = _MOST_CANDIDATES
    collation: ClassVar[str] = "utf8mb4_nopad_bin"
    json = MARIADB
    text = text_forms.MARIADB
    text_storage = text_storage.MARIADB
    vector_bits = Dialect.vector_bits
    beyond_reflection = _ITS_INDEX_IS_UNKNOWN
    stored_types = MappingProxyType({"BOOL": "TINYINT(1)", "BIGINT": "BIGINT(20)"})
    json_collation = "utf8mb4_bin"
    explain_prefix = "EXPLAIN FORMAT=JSON"
    vector_column = mysql_types.VECTOR
    modes = (*MySQL.modes, "SIMULTANEOUS_ASSIGNMENT")
    settings: ClassVar[str] = session_settings(collation, *modes)

    def encode(self, vector: AnyVector) -> object:
        """The server squares in float32: beyond its range it refuses, or computes nonsense."""
        if Feature.VECTOR_TYPE in self.features and vector.kind in self.typed:
            length = float(np.linalg.norm(np.asarray(vector, np.float64)))
            if not (_SHORTEST <= length <= _LONGEST or length == 0.0):
                raise errors.InvalidVector(
                    f"a vector of length {length:.3g}, "
                    f"and MariaDB takes {_SHORTEST:.0e} to {_LONGEST:.2e}",
                    hint="scale the vectors, to length 1 if cosine compares them",
                )
        return vector.tobytes()

    def encode_all(self, vectors: Sequence[AnyVector]) -> Sequence[object]:
        checked = Feature.VECTOR_TYPE in self.features and vectors[0].kind in self.typed
        if checked and not _are_in_range([vector.tobytes() for vector in vectors]):
            return [*map(self.encode, vectors)]
        return super().encode_all(vectors)

    def index_options(
        self, method: Feature, field: str, metric: Metric, kind: Kind, **parameters: int
    ) -> dict[str, Any]:
        return {"mariadb_prefix": "VECTOR", "mysql_prefix": "VECTOR"}

    def index_suffix(self, method: Feature, metric: Metric, **parameters: int) -> str:
        links = f" M={max(parameters['m'], _FEWEST_LINKS)}" if "m" in parameters else ""
        return f"{links} DISTANCE={mariadb_indexes.NAMES[metric]}"

    def built_parameters(self, method: Feature, **parameters: int) -> dict[str, int]:
        return {"m": max(parameters["m"], _FEWEST_LINKS)} if "m" in parameters else {}

    def vector_indexes(
        self, connection: Connection, table: str, schema: str | None = None
    ) -> dict[str, BuiltIndex]:
        return mariadb_indexes.vector_indexes(connection, table, schema)

    @contextmanager
    def searching(self, connection: Connection, method: Feature, effort: Effort) -> Generator[None]:
        """Every connection looks at enough candidates for the usual limits."""
        candidates, least = effort.ef, max(2 * effort.depth, effort.least)
        if effort.widened:
            candidates = _WIDER * max(effort.ef or _CANDIDATES, least)
        elif candidates is None and least <= _CANDIDATES:
            yield
            return
        asked = {"asked": candidates, "least": least, "most": _MOST_CANDIDATES}
        connection.execute(_LOOK_AT_MORE, asked)
        try:
            yield
        finally:
            if not connection.invalidated:
                connection.execute(_AS_BEFORE)

    def index_in(self, plan: str, column: str) -> str | None:
        return mariadb_indexes.serving(plan, column)

    def on_connect(self, connection: Any) -> None:
        super().on_connect(connection)
        answer(connection, _USUAL_CANDIDATES)
        filterwarnings("ignore", _ITS_INDEX_IS_UNKNOWN, SAWarning)

    def check_table(self, table: Table) -> None:
        super().check_table(table)
        built = [index for index in table.indexes if self.builds(index)]
        if len(built) > 1:
            names = ", ".join(sorted(column.name for index in built for column in index.columns))
            raise errors.UnsupportedFeature(
                f"two vector indexes on one table: {table.name} has them on {names}",
                dialect=self.name,
                hint="declare the index on one of the fields, the others are ranked exactly",
            )
        if any(column.nullable for index in built for column in index.columns):
            raise errors.UnsupportedFeature(
                f"a vector index over NULL: {table.name}.{built[0].columns[0].name} is nullable",
                dialect=self.name,
                hint="annotate the field Vector, or leave the index out to rank exactly",
            )

    def probe(self, connection: Any) -> Dialect:
        probed = self._of_version(connection, "MariaDB")
        if answer(connection, _COLLATES, trusted=False) is None:
            probed = probed.without(Feature.FULL_TEXT, note=_NO_COLLATION)
        if answer(connection, "SELECT VEC_DISTANCE_COSINE(X'0000803F', X'0000803F')"):
            return probed
        probed.json = OLD_MARIADB
        return probed.without(
            Feature.VECTOR_TYPE,
            Feature.DISTANCE,
            Feature.HNSW,
            note="the server, older than 11.7, has no vectors: they are BLOB, numpy ranks them",
        )


def _are_in_range(packed: Sequence[bytes]) -> bool:
    """Whether the lengths of all are well within what MariaDB takes, or 0."""
    if len({*map(len, packed)}) > 1:
        return False
    matrix = np.frombuffer(b"".join(packed), np.dtype("<f4")).reshape(len(packed), -1)
    lengths = np.sqrt(np.einsum("ij,ij->i", matrix, matrix, dtype=np.float64))
    fits = (lengths > _SHORTEST * 2) & (lengths < _LONGEST / 2) | (lengths == 0)
    return bool(fits.all())
