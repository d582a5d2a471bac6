"""What can be awaited is what can be called, and takes the same."""

import inspect
from typing import Any

import pytest

from agentorm import AsyncDatabase, AsyncQuery, AsyncRepository, Database, Repository, SyncQuery
from agentorm.endings import Endings
from tests.awaiting import own_endings

ENDINGS = [
    *("all", "count", "exists", "explain", "first", "hits"),
    *("one", "one_or_none", "page", "stream"),
]
WRITES = ["add", "add_all", "delete", "delete_where", "update", "update_where", "upsert"]
# what others call, never the user
KEPT_WITHIN = {"leave", "open_session", "prepare_for_vectors", "reading"}
NOTHING_AWAITED = {"from_env", "session", "trace", "transaction"}


def test_these_are_the_endings_and_the_writes() -> None:
    assert own_endings(Endings) == ENDINGS
    assert own_endings(Repository) == sorted([*WRITES, "get", "get_many"])


@pytest.mark.parametrize("name", ["get", "get_many", *ENDINGS, *WRITES])
def test_an_ending_is_awaited_with_the_same_arguments(name: str) -> None:
    plain, awaited = getattr(Repository, name), getattr(AsyncRepository, name)
    if name == "stream":
        assert str(inspect.signature(plain)) == "(self) -> 'Generator[E]'"
        assert str(inspect.signature(awaited)) == "(self) -> 'AsyncGenerator[E]'"
        return
    assert inspect.iscoroutinefunction(awaited)
    assert inspect.signature(awaited) == inspect.signature(plain)


@pytest.mark.parametrize("name", ENDINGS)
def test_a_query_has_the_endings_of_a_repository(name: str) -> None:
    assert getattr(SyncQuery, name) is getattr(Repository, name)
    assert getattr(AsyncQuery, name) is getattr(AsyncRepository, name)


def test_a_query_has_the_same_verbs_in_every_place() -> None:
    def names(kind: type[Any]) -> set[str]:
        return {name for name in dir(kind) if not name.startswith("_")}

    assert names(AsyncQuery) == names(SyncQuery)
    assert names(AsyncRepository) == names(Repository)


GIVES_AWAITED = {"indexes"}


def test_a_database_is_awaited_with_the_same_arguments() -> None:
    methods = {name for name in vars(Database) if not name.startswith("_")} - KEPT_WITHIN
    for name in methods - NOTHING_AWAITED:
        plain, awaited = getattr(Database, name), getattr(AsyncDatabase, name)
        assert inspect.iscoroutinefunction(awaited), name
        given, expected = inspect.signature(awaited), inspect.signature(plain)
        assert given.parameters == expected.parameters, name
        assert name in GIVES_AWAITED or given == expected, name
    assert methods >= NOTHING_AWAITED
    assert {"create_all", "drop_all", "capabilities", "dialect", "ping", "dispose"} <= methods
