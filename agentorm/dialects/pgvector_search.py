"""How far pgvector's indexes look: settings that hold for one search, in its transaction.

They are transaction-local, so a pool that hands each transaction another connection may lie
between; a connection that commits each statement by itself gets a transaction for the search.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from agentorm.dialects.base import Feature
from agentorm.dialects.effort import Effort

_USUAL = 40
_TIMES = 8
_IDLE, _IN_TRANSACTION = 0, 2
_GRAPH = text("""
    WITH before AS MATERIALIZED (
        SELECT current_setting('hnsw.iterative_scan') AS going_on,
            current_setting('hnsw.ef_search') AS ef,
            current_setting('hnsw.max_scan_tuples') AS tuples,
            current_setting('hnsw.scan_mem_multiplier') AS memory
        FROM (SELECT CAST('[0]' AS vector)) AS loads_the_library
    )
    SELECT before.*,
        set_config('hnsw.iterative_scan',
            CASE WHEN CAST(:on AS BOOLEAN) THEN 'strict_order' ELSE going_on END, true),
        set_config('hnsw.ef_search', CAST(LEAST(1000, CAST(:times AS INTEGER) *
            COALESCE(CAST(:asked AS INTEGER),
                GREATEST(CAST(:least AS INTEGER), CAST(ef AS INTEGER)))) AS TEXT), true),
        set_config('hnsw.max_scan_tuples', CAST(LEAST(2147483647,
            CAST(:times AS INTEGER) * CAST(tuples AS BIGINT)) AS TEXT), true),
        set_config('hnsw.scan_mem_multiplier', CAST(LEAST(1000,
            CAST(:times AS INTEGER) * CAST(memory AS NUMERIC)) AS TEXT), true)
    FROM before
""")
_GRAPH_AS_BEFORE = text(
    "SELECT set_config('hnsw.iterative_scan', :going_on, true),"
    " set_config('hnsw.ef_search', :ef, true), set_config('hnsw.max_scan_tuples', :tuples, true),"
    " set_config('hnsw.scan_mem_multiplier', :memory, true)"
)
_LISTS = text("""
    WITH before AS MATERIALIZED (
        SELECT current_setting('ivfflat.iterative_scan') AS going_on,
            current_setting('ivfflat.probes') AS probes,
            current_setting('ivfflat.max_probes') AS most
        FROM (SELECT CAST('[0]' AS vector)) AS loads_the_library
    )
    SELECT before.*,
        set_config('ivfflat.iterative_scan',
            CASE WHEN CAST(:on AS BOOLEAN) THEN 'relaxed_order' ELSE going_on END, true),
        set_config('ivfflat.probes', CAST(LEAST(32768, CAST(:times AS INTEGER) *
            COALESCE(CAST(:asked AS INTEGER), CAST(probes AS INTEGER))) AS TEXT), true),
        set_config('ivfflat.max_probes', CAST(LEAST(32768,
            CAST(:times AS INTEGER) * CAST(most AS INTEGER)) AS TEXT), true)
    FROM before
""")
_LISTS_AS_BEFORE = text(
    "SELECT set_config('ivfflat.iterative_scan', :going_on, true),"
    " set_config('ivfflat.probes', :probes, true), set_config('ivfflat.max_probes', :most, true)"
)
_KEPT = ("going_on", "ef", "tuples", "memory", "probes", "most")


@contextmanager
def searching(connection: Connection, method: Feature, effort: Effort) -> Generator[None]:
    """Within, an index looks as far as this; a failed transaction takes the settings with it."""
    settings = asked(method, effort)
    if settings is None:
        yield
        return
    by_lists = method is Feature.IVFFLAT
    with _transaction(connection) as own:
        found = connection.execute(_LISTS if by_lists else _GRAPH, settings).mappings().one()
        try:
            yield
        finally:
            if not (own or effort.passing) and _status(connection) in {None, _IN_TRANSACTION}:
                before = {name: found[name] for name in _KEPT if name in found}
                connection.execute(_LISTS_AS_BEFORE if by_lists else _GRAPH_AS_BEFORE, before)


def asked(method: Feature, effort: Effort) -> dict[str, Any] | None:
    """The parameters of the settings; None where those that are there serve."""
    tuned = effort.probes if method is Feature.IVFFLAT else effort.ef
    least = max(effort.least, _USUAL)
    further = effort.filtered or effort.widened or effort.depth > (tuned or least)
    if tuned is None and not further and least == _USUAL:
        return None
    settings = {"on": further, "times": _TIMES if effort.widened else 1, "asked": tuned}
    if method is Feature.HNSW:
        settings["least"] = min(max(effort.depth, least), 1000)
    return settings


@contextmanager
def _transaction(connection: Connection) -> Generator[bool]:
    """Within, there is a transaction; whether it is one of its own."""
    if not _commits_each_statement(connection):
        yield False
        return
    connection.execute(text("BEGIN"))
    try:
        yield True
    except BaseException:
        with suppress(DBAPIError):
            connection.execute(text("ROLLBACK"))
        raise
    connection.execute(text("COMMIT"))


def _commits_each_statement(connection: Connection) -> bool:
    dbapi: Any = connection.connection.dbapi_connection
    commits = connection.dialect.detect_autocommit_setting(dbapi)
    return commits and _status(connection) in {None, _IDLE}


def _status(connection: Connection) -> int | None:
    """What psycopg knows of the transaction; None by another driver."""
    told = getattr(connection.connection.driver_connection, "info", None)
    return getattr(told, "transaction_status", None)
