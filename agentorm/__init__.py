"""One typed model, one fluent query, any database that holds vectors."""

from __future__ import annotations

from sqlmodel import Relationship, col

from agentorm.aio import AsyncQuery, AsyncRepository
from agentorm.async_database import AsyncDatabase, AsyncIndexes
from agentorm.capabilities import Capabilities
from agentorm.database import Database
from agentorm.dialects import Dialect, Feature
from agentorm.endings import SyncQuery
from agentorm.entity import Entity
from agentorm.errors import (
    AgentORMError,
    AgentORMWarning,
    AuthenticationFailed,
    ClosedSession,
    ConnectionFailed,
    ConstraintViolation,
    DatabaseError,
    DimensionMismatch,
    ExtensionMissing,
    InvalidCursor,
    InvalidFilter,
    InvalidMetric,
    InvalidModel,
    InvalidQuery,
    InvalidScores,
    InvalidURL,
    InvalidValue,
    InvalidVector,
    MissingDependency,
    MissingValue,
    MultipleResults,
    NoResult,
    NotADatabase,
    NotBound,
    NotLoaded,
    ReadOnlyDatabase,
    SchemaMismatch,
    SessionInUse,
    SlowPath,
    TableMissing,
    TransactionConflict,
    UnknownField,
    UnsupportedFeature,
)
from agentorm.expressions import distance
from agentorm.fields import Field, json_field, text_field, vector_field
from agentorm.filters import filter_schema, parse_filter
from agentorm.fusion import RRF, Fusion, Weighted
from agentorm.index_reports import Indexes, IndexReport
from agentorm.indexes import HNSW, Approximate, IVFFlat, VectorIndex
from agentorm.json_indexes import GIN, JSONIndex, PathIndex
from agentorm.json_types import JSONType
from agentorm.parameters import param
from agentorm.prepared import Prepared
from agentorm.query import Query
from agentorm.rankings import AnyOf, MeanOf
from agentorm.repository import Repository, repository
from agentorm.reranking import cross_encoder
from agentorm.results import Explanation, Hit, Hits, Page
from agentorm.scalars import (
    BytesType,
    DateTimeType,
    DecimalType,
    DurationType,
    EnumType,
    FloatType,
    IntegerType,
    NaiveDateTimeType,
    StringType,
    TimeType,
    UuidType,
)
from agentorm.search import Search
from agentorm.tracing import Trace, TracedStatement
from agentorm.types import VectorType
from agentorm.vectors import (
    AnyVector,
    BitVector,
    HalfVector,
    Int8Vector,
    Kind,
    Metric,
    SparseVector,
    Vector,
    VectorLike,
)
from agentorm.words import Raw

__version__ = "0.1.0"

__all__ = [
    "GIN",
    "HNSW",
    "RRF",
    "AgentORMError",
    "AgentORMWarning",
    "AnyOf",
    "AnyVector",
    "Approximate",
    "AsyncDatabase",
    "AsyncIndexes",
    "AsyncQuery",
    "AsyncRepository",
    "AuthenticationFailed",
    "BitVector",
    "BytesType",
    "Capabilities",
    "ClosedSession",
    "ConnectionFailed",
    "ConstraintViolation",
    "Database",
    "DatabaseError",
    "DateTimeType",
    "DecimalType",
    "Dialect",
    "DimensionMismatch",
    "DurationType",
    "Entity",
    "EnumType",
    "Explanation",
    "ExtensionMissing",
    "Feature",
    "Field",
    "FloatType",
    "Fusion",
    "HalfVector",
    "Hit",
    "Hits",
    "IVFFlat",
    "IndexReport",
    "Indexes",
    "Int8Vector",
    "IntegerType",
    "InvalidCursor",
    "InvalidFilter",
    "InvalidMetric",
    "InvalidModel",
    "InvalidQuery",
    "InvalidScores",
    "InvalidURL",
    "InvalidValue",
    "InvalidVector",
    "JSONIndex",
    "JSONType",
    "Kind",
    "MeanOf",
    "Metric",
    "MissingDependency",
    "MissingValue",
    "MultipleResults",
    "NaiveDateTimeType",
    "NoResult",
    "NotADatabase",
    "NotBound",
    "NotLoaded",
    "Page",
    "PathIndex",
    "Prepared",
    "Query",
    "Raw",
    "ReadOnlyDatabase",
    "Relationship",
    "Repository",
    "SchemaMismatch",
    "Search",
    "SessionInUse",
    "SlowPath",
    "SparseVector",
    "StringType",
    "SyncQuery",
    "TableMissing",
    "TimeType",
    "Trace",
    "TracedStatement",
    "TransactionConflict",
    "UnknownField",
    "UnsupportedFeature",
    "UuidType",
    "Vector",
    "VectorIndex",
    "VectorLike",
    "VectorType",
    "Weighted",
    "__version__",
    "col",
    "cross_encoder",
    "distance",
    "filter_schema",
    "json_field",
    "param",
    "parse_filter",
    "repository",
    "text_field",
    "vector_field",
]
