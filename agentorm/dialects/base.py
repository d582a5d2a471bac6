"""What every engine is asked, and the answers of one that knows nothing of vectors.

A dialect is data first: a subclass overrides class attributes, and methods only for what
attributes cannot say. The defaults describe an engine that stores vectors as bytes and leaves
the ranking to numpy, so a new dialect starts out correct and becomes faster line by line.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from copy import copy
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Self

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Double,
    Interval,
    LargeBinary,
    Numeric,
    String,
    Text,
    Time,
    Uuid,
)
from sqlalchemy.sql.elements import quoted_name
from sqlalchemy.types import TypeEngine

from agentorm.dialects.holding import HoldsVectors
from agentorm.dialects.json_forms import READABLE, JSONForms
from agentorm.dialects.searching import SearchesText
from agentorm.dialects.sending import Sends
from agentorm.errors import DatabaseError, UnsupportedFeature
from agentorm.vectors import Kind, Metric

if TYPE_CHECKING:
    from sqlalchemy import URL, Column, Connection, Engine, Index, Insert, Table

    from agentorm.dialects.built import BuiltIndex
    from agentorm.dialects.effort import Effort
    from agentorm.embedded.source import Opener

IMMEDIATE = {"agentorm_begin": "IMMEDIATE"}
"""Execution options of a transaction that is going to write."""
ASIDE = {"agentorm_aside": True}
"""Execution options of a read that leaves it to the next statement how the transaction begins."""

CHANGES = "agentorm_changes"
"""Where a connection keeps how many rows it had changed when its transaction began."""


class Feature(StrEnum):
    """What an engine may have; the support matrix is made of these."""

    VECTOR_TYPE = "vector type"
    DISTANCE = "distance in SQL"
    HNSW = "HNSW index"
    IVFFLAT = "IVFFlat index"
    GIN = "GIN index of JSON"
    JSON_PATH_INDEX = "index of a JSON path"
    FULL_TEXT = "full-text index"
    EMBEDDED_INDEX = "index in the process"
    UPSERT = "upsert by any unique key"
    CONCURRENT_WRITERS = "concurrent writers"


class Dialect(HoldsVectors, SearchesText, Sends):
    """One engine: what it can do, and how that is written in its SQL.

    Templates take compiled fragments only, and carry their own parentheses.

    Attributes:
        name: the name SQLAlchemy gives the engine.
        url_names: what may stand before ``://`` in a URL that names no driver.
        driver: the driver such a URL means.
        extra: the extra that installs this driver, None when Python brings it.
        async_driver: the driver it means where statements are awaited.
        async_extra: the extra that installs that one.
        features: what it has, before or after the probe of a real server.
        unindexed: the same distance in a form that no index serves, of ``{distance}``.
        stores_packed: whether its driver gives a vector back as the packed bytes that it took.
        least: the least of several ``{expressions}``.
        nearest_first: how to sort by a distance so that none at all comes last, of its label
            ``{distance}``, or of the same ``{expression}`` for engines that take a label within
            an expression for a column of that name.
        sorts_whole_rows: whether it carries every column of a row through a sort, so that sorting
            keys first and reading the rows that remain takes less.
        index_order: metric to what to sort by alone so that an index serves, of ``{column}`` and
            ``{vector}``; without it an index serves the distance followed by the key.
        indexed_metrics: by kind, the metrics by which its vector indexes rank.
        ascending: how to sort by an ``{expression}`` so that NULL comes before every value.
        descending: the reverse of it.
        nulls_first: how to sort NULL before all else, of an ``{expression}`` and the same
            ``{sorted}``, in its direction.
        nulls_last: the same behind all else.
        sorted_characters: how many of a text, or bytes of another value, it sorts by; None is all.
        grouped: what stands for a long text ``{expression}`` that rows are grouped by.
        vector_bits: how a vector ``{expression}`` is compared for equality.
        json: how a path into a JSON document is written, and what is asked there.
        beyond_reflection: the start of SQLAlchemy's warning about what it does not know here.
        stored_types: the types that reflection names otherwise than DDL does, and how.
        json_collation: the collation by which JSON is known where it is kept as text.
        alters_columns: whether its ALTER TABLE changes a column that is there.
        preparation: the statement that creates what columns of vectors need first, if any.
        explain_prefix: what asks for the plan of the statement that follows.
        connection_hint: what to look at when no connection can be had.
        few_passing: below how many rows that pass the filters all are ranked, since the engine's
            planner does not see that its index would search long; None where it does.
        index_reach: the deepest row that a vector index is asked for, None without a limit.
        longest_name: the most characters in a name of the schema, None without a limit.
        statement_bytes: how long an insert of many rows may become, None without a limit.
        statement_rows: how many rows it then has at most.
        adds_durations: whether a duration can be added to a point in time in its SQL.
        reads_what_it_changes: whether an update may ask its own table in a subquery.
        upsert_returns: whether the statement of `upsert` gives back the rows it wrote.
        streams_alone: whether a second statement on a connection ends the stream of the first.
        transactional_schema: whether a transaction takes back what it did to the schema.
        errors: how the engine's refusals are told apart, see `classify`.
        notes: what the probe found worth telling.
    """

    name: ClassVar[str] = "generic"
    url_names: ClassVar[tuple[str, ...]] = ()
    driver: ClassVar[str] = ""
    extra: ClassVar[str | None] = None
    async_driver: ClassVar[str] = ""
    async_extra: ClassVar[str] = "agentorm[async]"
    features: frozenset[Feature] = frozenset()
    unindexed: ClassVar[str] = "{distance}"
    stores_packed: ClassVar[bool] = False
    least: ClassVar[str] = "LEAST({expressions})"
    nearest_first: ClassVar[str] = "{distance}"
    sorts_whole_rows: ClassVar[bool] = False
    index_order: Mapping[Metric, str] = MappingProxyType({})
    indexed_metrics: ClassVar[Mapping[Kind, frozenset[Metric]]] = MappingProxyType({})
    ascending: ClassVar[str] = "{expression}"
    descending: ClassVar[str] = "{expression} DESC"
    nulls_first: ClassVar[str] = "{sorted} NULLS FIRST"
    nulls_last: ClassVar[str] = "{sorted} NULLS LAST"
    sorted_characters: ClassVar[int | None] = None
    grouped: ClassVar[str] = "{expression}"
    vector_bits: ClassVar[str] = "{expression}"
    json: JSONForms = READABLE
    beyond_reflection: ClassVar[str | None] = None
    stored_types: ClassVar[Mapping[str, str]] = MappingProxyType({})
    json_collation: ClassVar[str | None] = None
    alters_columns: ClassVar[bool] = True
    preparation: ClassVar[str | None] = None
    explain_prefix: ClassVar[str] = "EXPLAIN"
    connection_hint: ClassVar[str] = "check host, port and database of the URL"
    few_passing: ClassVar[int | None] = None
    index_reach: ClassVar[int | None] = None
    longest_name: ClassVar[int | None] = None
    statement_bytes: int | None = None
    statement_rows: ClassVar[int] = 1000
    adds_durations: ClassVar[bool] = False
    reads_what_it_changes: ClassVar[bool] = True
    upsert_returns: ClassVar[bool] = True
    streams_alone: ClassVar[bool] = False
    transactional_schema: ClassVar[bool] = False
    errors: ClassVar[Mapping[str, type[DatabaseError]]] = MappingProxyType({})
    notes: tuple[str, ...] = ()

    def without(self, *features: Feature, note: str) -> Self:
        """This dialect on a server that lacks these features."""
        probed = self.noting(note)
        probed.features = self.features.difference(features)
        if Feature.DISTANCE in features:
            probed.distances = MappingProxyType({})
        return probed

    def noting(self, note: str) -> Self:
        """This dialect with one more sentence for the capability report."""
        probed = copy(self)
        probed.notes = (*self.notes, note)
        return probed

    def computing(self, distances: Mapping[Metric, str], *, note: str) -> Self:
        """This dialect on a server that computes these distances of float32 vectors too."""
        probed = self.noting(note)
        probed.features = self.features | {Feature.DISTANCE}
        probed.distances = MappingProxyType({**self.distances, Kind.FLOAT32: {**distances}})
        return probed

    def string_type(self, length: int | None) -> TypeEngine[Any]:
        """Text compared and sorted by code point; unbounded without a length."""
        return String(length) if length else Text()

    def integer_type(self) -> TypeEngine[Any]:
        """Integers of 64 bits, usable as a generated key."""
        return BigInteger()

    def float_type(self) -> TypeEngine[Any]:
        """Floats of 64 bits."""
        return Double()

    def decimal_type(self, precision: int, scale: int) -> TypeEngine[Any]:
        """Exact decimals of so many digits, so many of them after the point."""
        return Numeric(precision, scale)

    def datetime_type(self) -> TypeEngine[Any]:
        """Points in time with microseconds, in UTC where the engine keeps no zone."""
        return DateTime(timezone=True)

    def naive_datetime_type(self) -> TypeEngine[Any]:
        """Dates and times of day with microseconds, without a zone."""
        return DateTime()

    def time_type(self) -> TypeEngine[Any]:
        """Times of day with microseconds."""
        return Time()

    def duration_type(self) -> TypeEngine[Any]:
        """Durations with microseconds."""
        return Interval()

    def uuid_type(self) -> TypeEngine[Any]:
        """UUIDs, sorted by their digits."""
        return Uuid()

    def bytes_type(self, length: int | None) -> TypeEngine[Any]:
        """Bytes; unbounded without a length."""
        return LargeBinary(length)

    def json_type(self) -> TypeEngine[Any]:
        """JSON documents; None is stored as NULL."""
        return JSON(none_as_null=True)

    def index_options(
        self, method: Feature, field: str, metric: Metric, kind: Kind, **parameters: int
    ) -> dict[str, Any]:
        """Keywords for SQLAlchemy's ``Index`` that make it a vector index of this method."""
        return {}

    def index_suffix(self, method: Feature, metric: Metric, **parameters: int) -> str:
        """What follows the columns of a ``CREATE INDEX`` for a vector index of this method."""
        return ""

    def indexed_by(
        self, method: Feature, metric: Metric, kind: Kind = Kind.FLOAT32
    ) -> Feature | None:
        """The index it builds where that one is declared; None when it builds none."""
        if metric not in self.indexed_metrics.get(kind, ()) or not self.computes(metric, kind):
            return None
        built = (method, Feature.HNSW, Feature.IVFFLAT)
        return next((kind for kind in built if kind in self.features), None)

    def json_index_options(self, field: str) -> dict[str, Any]:
        """Keywords for SQLAlchemy's ``Index`` that make it one of whole JSON documents."""
        return {}

    def json_indexes(
        self, connection: Connection, table: str, schema: str | None = None
    ) -> dict[str, str]:
        """The indexes of a table by their names, each as the engine writes what it indexes."""
        return {}

    def builds(self, index: Index) -> bool:
        """Whether an index is one over vectors that this engine builds."""
        if "agentorm" not in index.info:
            return False
        declared, metric = index.info["agentorm"], index.info["agentorm_metric"]
        (column,) = index.columns
        kind = getattr(column.type, "kind", Kind.FLOAT32)
        return self.indexed_by(declared.method, metric, kind) is not None

    def built_parameters(self, method: Feature, **parameters: int) -> dict[str, int]:
        """Which parameters of a declared index it builds by, and with what values."""
        return {}

    def vector_indexes(
        self, connection: Connection, table: str, schema: str | None = None
    ) -> dict[str, BuiltIndex]:
        """The vector indexes of a table by their names, those that can be declared here too."""
        return {}

    def hidden_tables(self, connection: Connection) -> frozenset[str]:
        """The tables in which the engine keeps what belongs to others."""
        return frozenset()

    def redeclare(
        self, connection: Connection, column: Column[Any], type_: TypeEngine[Any]
    ) -> None:
        """Change how a column is declared, where ALTER TABLE cannot; its values fit already."""
        raise UnsupportedFeature("a column declared anew", dialect=self.name)

    def check_table(self, table: Table) -> None:
        """See that the engine can have this table as declared.

        Raises:
            UnsupportedFeature: it cannot.
        """
        most = self.longest_name
        named = (table, *table.columns, *table.constraints, *table.indexes)
        for part in named:
            given = type(part.name) in {str, quoted_name}  # SQLAlchemy shortens those it makes
            name = str(part.name)
            if given and most is not None and self.name_length(name) > most:
                raise UnsupportedFeature(
                    f"the name {name!r} of {len(name)} characters",
                    dialect=self.name,
                    hint=f"its names have up to {most}: __tablename__ and name= give shorter ones",
                )

    def name_length(self, name: str) -> int:
        """How long a name is, as the engine counts."""
        return len(name)

    def searching(
        self, connection: Connection, method: Feature, effort: Effort
    ) -> AbstractContextManager[None]:
        """Within, an index of that kind looks as far as this; afterwards as far as before."""
        return nullcontext()

    def index_in(self, plan: str, column: str) -> str | None:
        """The name of the index over this column of vectors that serves by a plan, if one does."""
        return None

    def engine_arguments(self, url: URL) -> tuple[URL, dict[str, Any]]:
        """The URL and the keywords for `create_engine` that serve this engine best."""
        return url, {}

    def async_engine_arguments(self, url: URL) -> tuple[URL, dict[str, Any]]:
        """The same for `create_async_engine`."""
        return self.engine_arguments(url)

    def upsert(self, model: Any, key: Sequence[str], overwrite: Sequence[str]) -> Insert:
        """An insert that overwrites these columns of the row with the same unique key."""
        raise UnsupportedFeature("upsert", dialect=self.name)

    def is_other_key(self, error: BaseException) -> bool:
        """Whether a driver's error says that an upsert met the row of another unique key."""
        return False

    def attach(self, engine: Engine) -> None:
        """Listen to an engine that a `Database` owns: drivers, settings, begin rules."""

    def watch(self, engine: Engine) -> None:
        """Listen to any engine that is used, whoever owns it: for what it refuses or loses."""

    def on_connect(self, connection: Any) -> None:
        """Make one DBAPI connection ready for vectors, whoever opened it."""

    def probe(self, connection: Any) -> Dialect:
        """This dialect, cut down to what the server behind a DBAPI connection can do."""
        return self

    def schema_lock(self, connection: Connection) -> AbstractContextManager[None]:
        """Within, no other process creates or drops tables."""
        return nullcontext()

    def migrating(self, connection: Connection) -> AbstractContextManager[None]:
        """Within, tables may be made anew; around the transaction of a migration.

        Raises:
            InvalidQuery: the connection is in a transaction that this engine cannot migrate in.
        """
        return nullcontext()

    def broken_references(self, connection: Connection) -> Counter[str]:
        """How many rows of each table refer to rows that are not there, where that can be."""
        return Counter()

    def beside(self, engine: Engine) -> Opener:
        """How the driver opens connections to the same database, for reads beside all others."""
        raise UnsupportedFeature("reads beside all others", dialect=self.name)

    def prepare_schema(self, connection: Connection) -> bool:
        """Create what tables with vectors need first; True when connections are outdated by it."""
        return False

    def message(self, error: BaseException) -> str:
        """What a driver's error says, without the statement."""
        return " ".join(str(error).split())

    def classify(self, error: BaseException) -> type[DatabaseError]:
        """Which of our errors a driver's error is: by the first fragment its text holds."""
        text = str(error).casefold()
        return next((kind for part, kind in self.errors.items() if part in text), DatabaseError)


class Readable(Dialect):
    """SQLAlchemy's own default, in which ``str(statement)`` is written: for the eye alone."""

    name = "default"
    features = frozenset({Feature.DISTANCE, Feature.FULL_TEXT})
    kinds = frozenset(Kind)
    distances = MappingProxyType(
        {
            kind: {metric: f"{metric.value}_distance({{column}}, {{vector}})" for metric in Metric}
            for kind in Kind
        }
    )
