"""A password is in no repr, error, traceback, log, trace or report."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import make_url

from agentorm import AgentORMError, Database, InvalidURL, repository
from tests.contract.models import Author, Doc, Pair, Tag

SECRET = "s3cret+Pa55"  # noqa: S105  # what must not be found anywhere
QUOTED = "s3cret%2BPa55"


def everything(error: BaseException) -> str:
    """All that a log of the error could show."""
    chain = "".join(traceback.format_exception(error))
    return f"{chain} {error!r} {error} {error.args} {vars(error)}"


def assert_secret_is_kept(*texts: str) -> None:
    for told in texts:
        assert SECRET not in told
        assert QUOTED not in told
        assert "s3cret" not in told


@pytest.mark.parametrize(
    "where",
    [
        f"postgresql://user:a@{SECRET}@host/x",
        f"postgresql://user:{QUOTED}@host:port/x",
        f"oracle://user:{QUOTED}@host/x",
        f"postgresql+nothing://user:{QUOTED}@host/x",
        f"postgresql:/user:{QUOTED}@host/x",
        f"user:{QUOTED}@host/x",
        f"sqlite+aiosqlite://user:{QUOTED}@/x",
        f"sqlite://user:{QUOTED}@host/x",
    ],
)
def test_a_url_that_is_refused(where: str) -> None:
    with pytest.raises(InvalidURL) as refused:
        Database(where)
    assert_secret_is_kept(everything(refused.value))


def test_a_url_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTORM_URL", f"oracle://user:{QUOTED}@host/x")
    with pytest.raises(InvalidURL) as refused:
        Database.from_env()
    assert_secret_is_kept(everything(refused.value))


def test_a_repr() -> None:
    db = Database(f"postgresql://user:{QUOTED}@host/x")
    assert repr(db) == "Database('postgresql+psycopg://user:***@host/x')"
    bound = repository(Doc, db)
    query = bound.similar_to([1, 2, 3]).where(Doc.topic == "x")
    assert_secret_is_kept(repr(db), repr(bound), repr(query), repr(db.engine), str(db.engine.url))


def test_a_password_among_the_parameters_of_a_url() -> None:
    db = Database(f"postgresql://user@127.0.0.1:1/x?password={QUOTED}")
    with pytest.raises(AgentORMError) as refused:
        db.ping()
    assert_secret_is_kept(repr(db), repr(repository(Doc, db)), everything(refused.value))


@pytest.mark.engines("postgresql")
@pytest.mark.parametrize(
    "change",
    [
        {"port": 1},
        {"database": "nowhere"},
        {"username": "nobody_here"},
    ],
    ids=["port", "database", "role"],
)
def test_a_server_that_refuses(
    url: str, change: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    place = make_url(url).set(password=SECRET, **change)
    with Database(place, engine_options={"echo": "debug", "echo_pool": "debug"}) as db:
        uses: list[Callable[[], object]] = [
            db.ping,
            db.capabilities,
            lambda: db.create_all(Author, Doc, Tag),
            repository(Doc, db).count,
            lambda: repository(Doc, db).add(Doc(title="a")),
        ]
        with db.trace() as trace:
            for use in uses:
                with pytest.raises(AgentORMError) as refused:
                    use()
                assert_secret_is_kept(everything(refused.value))
        assert_secret_is_kept(str(trace), repr(trace), caplog.text)


@pytest.mark.engines("postgresql")
def test_a_server_that_answers(url: str, caplog: pytest.LogCaptureFixture) -> None:
    password = make_url(url).password
    if not password:
        pytest.skip("the URL of this server has no password; that of the suite's own has one")
    caplog.set_level(logging.DEBUG)
    with Database(url, engine_options={"echo": "debug"}) as db, db.trace() as trace:
        db.create_all(Author, Doc, Tag)
        report = str(db.capabilities())
        explained = str(repository(Doc, db).similar_to([1, 2, 3]).explain())
        with pytest.raises(AgentORMError) as refused:
            repository(Pair, db).count()
    for told in (str(trace), report, explained, everything(refused.value), caplog.text, repr(db)):
        assert str(password) not in told


def test_values_are_in_no_message_of_the_tree(library: Database) -> None:
    docs = repository(Doc, library)
    docs.add(Doc(title="taken"))
    with pytest.raises(AgentORMError) as refused:
        docs.add_all([Doc(title="taken", topic=SECRET)])
    assert_secret_is_kept(str(refused.value), repr(refused.value))
