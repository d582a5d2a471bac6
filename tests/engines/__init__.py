"""The engines the tests run on: one row each, found by URL or started for this run alone.

A new engine is a new row in `ENGINES`. A server that no URL names runs in a child process, which
ends when the pipe to the test run closes, however that run ended, and takes the server and its
data with it.
"""

from __future__ import annotations

from tests.engines.engine import Engine, Fresh, Missing
from tests.engines.mysql import MARIADB, MARIADB_10_11, MYSQL
from tests.engines.postgresql import POSTGRESQL, WITHOUT_PGVECTOR
from tests.engines.sqlite import SQLITE

__all__ = ["ENGINES", "NAMES", "Engine", "Fresh", "Missing"]

ENGINES = (SQLITE, POSTGRESQL, MARIADB, MYSQL, WITHOUT_PGVECTOR, MARIADB_10_11)
NAMES = tuple(engine.name for engine in ENGINES)
