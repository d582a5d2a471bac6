"""What the contract tests share: the tables, and what was sent to the engine."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pytest
from sqlalchemy import event

from agentorm import Database, SlowPath, repository
from agentorm.switch import indexes_switched, plans_switched
from tests.contract.models import Author, Doc, Tag, vector
from tests.contract.planned import Maker, Ware, wares

UNSERVED = ".* ranks .*: .*the .* index (ranks by|does not serve|reaches)"
"""How an index that cannot serve a query as written is announced."""
SCANS = {"postgresql-without-pgvector", "mariadb", "mysql", "mariadb-10.11"}


@pytest.fixture(autouse=True)
def slow_paths(request: pytest.FixtureRequest) -> Iterator[None]:
    """An engine without distances announces the long way; on all others that is an error."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", UNSERVED, SlowPath)
        yield from _scans(request)


def _scans(request: pytest.FixtureRequest) -> Iterator[None]:
    names = request.fixturenames
    if "engine_name" not in names or request.getfixturevalue("engine_name") not in SCANS:
        yield
        return
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".* does not compute .* here", SlowPath)
        yield


@pytest.fixture
def library(db: Database) -> Database:
    """A database with the tables of authors, documents and tags."""
    db.create_all(Author, Doc, Tag)
    return db


@pytest.fixture
def ranked(library: Database) -> Database:
    """Seven documents, whose distances to (1, 2, 2) are known by heart."""
    vectors = {
        "same": [1, 2, 2],
        "double": [2, 4, 4],
        "across": [2, -2, 1],
        "opposite": [-1, -2, -2],
        "axis": [1, 0, 0],
        "none": None,
        "zero": [0, 0, 0],
    }
    docs = [
        Doc(title=title, n=n, embedding=None if v is None else vector(*v))
        for n, (title, v) in enumerate(vectors.items())
    ]
    repository(Doc, library).add_all(docs)
    return library


@pytest.fixture
def usually_indexed() -> Iterator[None]:
    """Indexes in the process serve as they do where the environment says nothing else."""
    with indexes_switched("on"):
        yield


@pytest.fixture
def sent(db: Database) -> Iterator[list[str]]:
    """Every statement that the engine is sent from now on, failing ones too, but for BEGIN."""
    statements: list[str] = []

    def before(conn: object, cursor: object, statement: str, *rest: object) -> None:
        if not statement.startswith("BEGIN"):
            statements.append(statement)

    event.listen(db.engine, "before_cursor_execute", before)
    yield statements
    event.remove(db.engine, "before_cursor_execute", before)


@pytest.fixture(params=["plans", "orm"])
def switched(request: pytest.FixtureRequest) -> Iterator[None]:
    """The test runs twice: with plans, and through SQLAlchemy's ORM."""
    with plans_switched(on=request.param == "plans"):
        yield


@pytest.fixture
def shop(db: Database, switched: None) -> Database:
    """Four wares and the maker of the first, with plans and without."""
    db.create_all(Maker, Ware)
    with db.transaction() as session:
        repository(Maker, session).add(Maker(id=7, name="Ann"))
        repository(Ware, session).add_all(wares())
    return db
